# SPDX-License-Identifier: BSL-1.0
"""The pictures that the README shows, drawn by gnuplot as SVG."""

import shutil
import statistics
import subprocess

COLOURS = {"floor": "#9aa5b1", "snipass": "#0b7a75", "peer": "#d08c3f"}
SET_UP = """
set terminal svg size {width},{height} font "sans-serif,13" background "#ffffff"
set output "{file}"
set bmargin 3.5
set border 3 lc rgb "#666666"
set tics nomirror
set grid ytics lc rgb "#dddddd"
set style fill solid 0.9 noborder
set boxwidth 0.7
set title "{title}" font ",15"
set ylabel "{unit}"
set yrange [0:*]
unset key
"""

# File, title, unit, then the bars: (scene, metric, suffix of the label).
BAR_CHARTS = [
    ("cpu-per-connection", "CPU time of the router for one short connection (600-byte hello)", "microseconds",
     [("short", "cpu_us", "")]),
    ("cpu-per-gb", "CPU time of the router for one GB relayed", "milliseconds",
     [("bulk_up", "cpu_ms_per_gb", "\\nup"), ("bulk_down", "cpu_ms_per_gb", "\\ndown")]),
    ("memory-per-waiting-client", "Memory of the router for one client that waits with part of its hello", "bytes",
     [("memory", "waiting_bytes", "")]),
]


def draw_all(folder, results):
    if not shutil.which("gnuplot"):
        print("bench: no gnuplot, no pictures")
        return
    for file, title, unit, parts in BAR_CHARTS:
        bars = [bar for part in parts if part[0] in results for bar in bars_of(results[part[0]], *part[1:])]
        if bars:
            draw_bars(folder / f"{file}.svg", title, unit, bars)
    if "routes" in results:
        draw_lines(folder / "cpu-per-routes.svg", results["routes"])


def bars_of(scene, metric, suffix):
    for row in scene["rows"]:
        values = row["values"][metric]
        label = row["name"].replace("snipass-", "snipass\\n").replace("-floor", "\\nfloor").replace("-splice", "\\nsplice")
        yield label + suffix, statistics.median(values), min(values), max(values), COLOURS[row["kind"]]


def draw_bars(file, title, unit, bars):
    script = SET_UP.format(width=max(640, 90 * len(bars)), height=380, file=file, title=title, unit=unit)
    tics = ", ".join(f'"{label}" {position}' for position, (label, *_) in enumerate(bars))
    script += f"set xtics ({tics})\nset xrange [-0.6:{len(bars) - 0.4}]\n$bars << end\n"
    for position, (_, middle, low, high, colour) in enumerate(bars):
        script += f"{position} {middle} {low} {high} {int(colour[1:], 16)}\n"
    script += ('end\nplot $bars using 1:2:5 with boxes lc rgb variable, '
               '$bars using 1:3:(0):($4-$3) with vectors heads size 0.06,90 lc rgb "#444444", '
               '$bars using 1:4:(sprintf($2 < 10 ? "%.1f" : "%.0f", $2)) with labels offset 0,0.7\n')
    gnuplot(script)


def draw_lines(file, scene):
    script = SET_UP.format(width=720, height=380, file=file, unit="microseconds",
                           title="CPU time for one short connection, by the number of routes")
    script += 'set logscale x\nset key outside right\nset xlabel "routes"\nset format x "%.0s%c"\n'
    lines = {}
    for row in scene["rows"]:
        count = int(row["name"].split()[-1].replace(",", ""))
        lines.setdefault(row["contender"], []).append((count, statistics.median(row["values"]["cpu_us"])))
    for number, points in enumerate(lines.values()):
        script += f"$line{number} << end\n" + "".join(f"{x} {y}\n" for x, y in points) + "end\n"
    plots = ", ".join(f'$line{number} using 1:2 with linespoints pt 7 lw 2 title "{name}"'
                      for number, name in enumerate(lines))
    gnuplot(script + f"plot {plots}\n")


def gnuplot(script):
    subprocess.run(["gnuplot", "-"], input=script, text=True, check=True)
