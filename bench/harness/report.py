# SPDX-License-Identifier: BSL-1.0
"""Figures as a table and as JSON."""

import json
import statistics

import pictures

# What a table shows: metric, heading, format.
COLUMNS = {
    "cpu_us": [("rate", "conn/s", ".0f"), ("backend_us", "backend us", ".1f")],
    "p99_us": [("p50_us", "p50 us", ".0f"), ("p999_us", "p99.9 us", ".0f"), ("cpu_us", "CPU us", ".1f")],
    "cpu_ms_per_gb": [("gb_per_s", "GB/s", ".2f")],
    "own_us": [("router_us", "router us", ".1f"), ("backend_us", "backend us", ".1f"), ("all_us", "all us", ".1f"), ("rate", "conn/s", ".0f")],
    "all_ms": [("own_ms", "own ms", ".1f"), ("router_ms", "router ms", ".1f"), ("backend_ms", "backend ms", ".1f"), ("gb_per_s", "GB/s", ".2f")],
    "waiting_bytes": [("waiting_fds", "fds", ".2f"), ("through_bytes", "B routed", ".0f"), ("through_fds", "fds routed", ".2f")],
    "syscalls": [("syscalls_alone", "one a time", ".1f")],
    "ns": [("ns_per_kb", "ns/KB", ".1f")],
    "live_s": [("start_s", "start s", ".2f"), ("cpu_s", "CPU s", ".2f"), ("stall_ms", "stall ms", ".2f"), ("quiet_p999_us", "p99.9 us", ".0f"),
               ("reload_p999_us", "reload p99.9", ".0f"), ("slow", "slow", ".0f"), ("quiet_slow", "quiet slow", ".0f"), ("quiet_max_us", "max us", ".0f"), ("reload_max_us", "reload max", ".0f"), ("more_wait_ms", "more ms", ".2f"), ("memory_mb", "MB", ".0f"), ("reload_peak_mb", "peak MB", ".0f")],
}
HEADINGS = {"cpu_us": "CPU us/conn", "p99_us": "p99 us", "cpu_ms_per_gb": "CPU ms/GB", "own_us": "own CPU us", "all_ms": "CPU ms/GB", "waiting_bytes": "B/waiting",
            "syscalls": "calls/conn", "ns": "ns", "live_s": "live after s"}


def spread(values):
    return statistics.median(values), min(values), max(values)


def ratio(values, base):
    """Of the rounds' own ratios the median and the quartiles: what slows a whole round is in both."""
    if not base or len(base) != len(values) or not all(base):
        return None
    each = [one / other for one, other in zip(values, base)]
    if len(each) < 2:
        return each * 3
    low, middle, high = statistics.quantiles(each, n=4, method="inclusive")
    return middle, low, high


def summarize(scene):
    """One entry a row: median, minimum, maximum, and the ratios to its floor, its group's first, the best peer."""
    unit, rows = scene["unit"], scene["rows"]
    floors = {row["family"]: row["values"][unit] for row in rows if row["kind"] == "floor"}
    first = {}
    for row in rows:
        if row["group"]:
            first.setdefault(row["group"], row["values"][unit])
    peers = [row for row in rows if row["kind"] == "peer" and not row["group"]]
    best = min(peers, key=lambda row: statistics.median(row["values"][unit]), default=None)
    lines = []
    for row in rows:
        values = row["values"][unit]
        median, low, high = spread(values)
        lines.append({
            "name": row["name"], "median": median, "min": low, "max": high,
            "to_floor": ratio(values, first.get(row["group"]) if row["group"] else floors.get(row["family"])),
            "to_best_peer": ratio(values, best["values"][unit]) if best else None,
            "more": {key: statistics.median(row["values"][key]) for key, _, _ in COLUMNS[unit]},
        })
    return {"best_peer": best["name"] if best else None, "lines": lines}


def column(head):
    return 19 if head.startswith("x ") else 13


def print_scene(name, scene):
    summary = summarize(scene)
    grouped = any(row["group"] for row in scene["rows"])
    more = COLUMNS[scene["unit"]]
    heads = [HEADINGS[scene["unit"]], "min", "max", "x first" if grouped else "x floor", "x best peer", *(head for _, head, _ in more)]
    width = max(len(line["name"]) for line in summary["lines"]) + 1
    print(f"\n{name}: {scene['title']}" + (f" Best peer: {summary['best_peer']}." if summary["best_peer"] else ""))
    print(" " * width + "".join(f"{head:>{column(head)}}" for head in heads))
    for line in summary["lines"]:
        cells = [f"{line[key]:.{2 if scene['unit'] == 'live_s' else 1}f}" for key in ("median", "min", "max")]
        cells += ["{:.2f} ({:.2f}-{:.2f})".format(*line[key]) if line[key] else "-" for key in ("to_floor", "to_best_peer")]
        cells += [format(line["more"][key], form) for key, _, form in more]
        print(f"{line['name']:{width}}" + "".join(f"{cell:>{column(head)}}" for head, cell in zip(heads, cells)), flush=True)
    for row, calls in scene.get("detail", {}).items():
        print(f"  {row}: " + ", ".join(f"{call} {count:.3g}" for call, count in calls.items()))


def save(folder, name, scene, machine, arguments):
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "results.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    known[name] = {"machine": machine, "arguments": arguments, **scene, "summary": summarize(scene)}
    file.write_text(json.dumps(known, indent=1) + "\n")
    pictures.draw_all(folder, known)
