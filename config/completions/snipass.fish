# snipass: completion for fish. Made by scripts/completions, of what --help prints.

function __snipass_backends
    sed -n 's/^\[backend\.\([A-Za-z0-9._-]*\)\].*/\1/p' /etc/snipass/snipass.toml 2>/dev/null
end

complete -c snipass -f
complete -c snipass -n __fish_use_subcommand -a run -d 'Serve, in the foreground'
complete -c snipass -n __fish_use_subcommand -a check -d 'Print every mistake in the file'
complete -c snipass -n __fish_use_subcommand -a explain -d 'Say which route and backend a client would get, and why'
complete -c snipass -n __fish_use_subcommand -l help -d 'Print this help message and exit'
complete -c snipass -n __fish_use_subcommand -l version -d 'Display program version information and exit'
complete -c snipass -n '__fish_seen_subcommand_from run' -l help -d 'Print this help message and exit'
complete -c snipass -n '__fish_seen_subcommand_from run' -l config -r -F -d 'the configuration file'
complete -c snipass -n '__fish_seen_subcommand_from run' -F
complete -c snipass -n '__fish_seen_subcommand_from check' -l help -d 'Print this help message and exit'
complete -c snipass -n '__fish_seen_subcommand_from check' -l config -r -F -d 'the configuration file'
complete -c snipass -n '__fish_seen_subcommand_from check' -F
complete -c snipass -n '__fish_seen_subcommand_from explain' -l help -d 'Print this help message and exit'
complete -c snipass -n '__fish_seen_subcommand_from explain' -l config -r -F -d 'the configuration file'
complete -c snipass -n '__fish_seen_subcommand_from explain' -l alpn -x -d 'a protocol the client offers'
complete -c snipass -n '__fish_seen_subcommand_from explain' -l source -x -d 'the client\'s IP address'
complete -c snipass -n '__fish_seen_subcommand_from explain' -l listener -x -d 'the listener\'s address, as in the file'
complete -c snipass -n '__fish_seen_subcommand_from explain' -l hello -r -F -d 'a captured ClientHello, binary or hexadecimal, instead of a name'
complete -c snipass -n '__fish_seen_subcommand_from explain' -l http -x -d 'a request in clear, such as "GET http://www.example.com/", instead of a name'
