# snipass-ech: completion for bash. Made by scripts/completions, of what --help prints.
_snipass_ech() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} file=/etc/snipass/snipass.toml command='' options='' values='' i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            --config) file=${COMP_WORDS[++i]} ;;
            run) command=${command:-${COMP_WORDS[i]}} ;;
        esac
    done
    case $command in
        '') options='run --help --version' values=${values:-} ;;
        run) options='--help --config' values=${values:-file} ;;
    esac
    case $prev in
        --config) values=file options='' ;;
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
complete -F _snipass_ech snipass-ech
