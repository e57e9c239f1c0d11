# snipass-run: completion for fish. Made by scripts/completions, of what --help prints.

complete -c snipass-run -f
complete -c snipass-run -l listen -x -d 'the server\'s TCP listener that becomes this one'
complete -c snipass-run -l from -x -a '(__fish_complete_users)' -d 'who may hand clients over, besides root and the server\'s own user'
complete -c snipass-run -l confine -d 'COMMAND may bind no TCP port, and connect to none (Landlock, Linux 6.7)'
complete -c snipass-run -l may-bind -x -d 'but to these, as in 80,8080'
complete -c snipass-run -l may-connect -x -d 'but to these'
complete -c snipass-run -l check -d 'says who listens at SOCKET, and whether it has the library'
complete -c snipass-run -l try-confine
complete -c snipass-run -l version
complete -c snipass-run -l help -d 'Print this help message and exit'
complete -c snipass-run -F
complete -c snipass-run -a '(__fish_complete_subcommand)'
