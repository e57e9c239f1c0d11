# snipass: completion for bash. Made by scripts/completions, of what --help prints.
_snipass() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} file=/etc/snipass/snipass.toml command='' options='' values='' i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            --config) file=${COMP_WORDS[++i]} ;;
            run|check|explain|status|sessions|drain|resume|close|reload|reopen|ech|upgrade) command=${command:-${COMP_WORDS[i]}} ;;
        esac
    done
    case $command in
        '') options='run check explain status sessions drain resume close reload reopen ech upgrade --help --version' values=${values:-} ;;
        run) options='--help --config --can-take-over' values=${values:-file} ;;
        check) options='--help --config --live --user' values=${values:-file} ;;
        explain) options='--help --config --alpn --source --listener --hello --http' values=${values:-} ;;
        status) options='--help --config --json' values=${values:-} ;;
        sessions) options='--help --config --json --backend' values=${values:-} ;;
        drain) options='--help --config' values=${values:-backend} ;;
        resume) options='--help --config' values=${values:-backend} ;;
        close) options='--help --config' values=${values:-} ;;
        reload) options='--help --config' values=${values:-} ;;
        reopen) options='--help --config' values=${values:-} ;;
        ech) options='--help --config' values=${values:-} ;;
        upgrade) options='--help --config' values=${values:-} ;;
    esac
    case $prev in
        --config) values=file options='' ;;
        --can-take-over) values=none options='' ;;
        --user) values=none options='' ;;
        --alpn) values=none options='' ;;
        --source) values=none options='' ;;
        --listener) values=none options='' ;;
        --hello) values=file options='' ;;
        --http) values=none options='' ;;
        --backend) values=backend options='' ;;
    esac
    [[ $values != program ]] || options=''
    if [[ $options && ( $cur = -* || ! $values ) ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
        return
    fi
    case $values in
    file)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        compopt -o filenames 2>/dev/null
        ;;
    backend)
        mapfile -t COMPREPLY < <(compgen -W "$(sed -n 's/^\[backend\.\([A-Za-z0-9._-]*\)\].*/\1/p' "$file" 2>/dev/null)" -- "$cur")
        ;;
    user)
        mapfile -t COMPREPLY < <(compgen -u -- "$cur")
        ;;
    program)
        mapfile -t COMPREPLY < <(compgen -c -- "$cur")
        ;;
    esac
}
complete -F _snipass snipass
