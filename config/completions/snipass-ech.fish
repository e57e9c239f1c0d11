# snipass-ech: completion for fish. Made by scripts/completions, of what --help prints.

complete -c snipass-ech -f
complete -c snipass-ech -n __fish_use_subcommand -a run -d 'Serve, in the foreground'
complete -c snipass-ech -n __fish_use_subcommand -l help -d 'Print this help message and exit'
complete -c snipass-ech -n __fish_use_subcommand -l version -d 'Display program version information and exit'
complete -c snipass-ech -n '__fish_seen_subcommand_from run' -l help -d 'Print this help message and exit'
complete -c snipass-ech -n '__fish_seen_subcommand_from run' -l config -r -F -d 'the configuration file, which is the router\'s, too'
complete -c snipass-ech -n '__fish_seen_subcommand_from run' -F
