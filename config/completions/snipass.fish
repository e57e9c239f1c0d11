# snipass: completion for fish. Made by scripts/completions, of what --help prints.

function __snipass_backends
    sed -n 's/^\[backend\.\([A-Za-z0-9._-]*\)\].*/\1/p' /etc/snipass/snipass.toml 2>/dev/null
end

complete -c snipass -f
complete -c snipass -n __fish_use_subcommand -a run -d 'Serve, in the foreground'
complete -c snipass -n __fish_use_subcommand -a check -d 'Print every mistake in the file'
complete -c snipass -n __fish_use_subcommand -a explain -d 'Say which route and backend a client would get, and why'
complete -c snipass -n __fish_use_subcommand -a status -d 'Say how the router is that runs'
complete -c snipass -n __fish_use_subcommand -a sessions -d 'List its clients that wait, are held or relayed'
complete -c snipass -n __fish_use_subcommand -a drain -d 'Let a backend have no new clients, or one of its addresses'
complete -c snipass -n __fish_use_subcommand -a resume -d 'Let it have new clients again'
complete -c snipass -n __fish_use_subcommand -a close -d 'End one client\'s session'
complete -c snipass -n __fish_use_subcommand -a reload -d 'Read the file again, wait, and print its mistakes or what has changed'
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
complete -c snipass -n '__fish_seen_subcommand_from status' -l help -d 'Print this help message and exit'
complete -c snipass -n '__fish_seen_subcommand_from status' -l config -r -F -d 'the configuration file'
complete -c snipass -n '__fish_seen_subcommand_from status' -l json -d 'for programs'
complete -c snipass -n '__fish_seen_subcommand_from sessions' -l help -d 'Print this help message and exit'
complete -c snipass -n '__fish_seen_subcommand_from sessions' -l config -r -F -d 'the configuration file'
complete -c snipass -n '__fish_seen_subcommand_from sessions' -l json -d 'for programs'
complete -c snipass -n '__fish_seen_subcommand_from sessions' -l backend -x -a '(__snipass_backends)' -d 'of this backend alone'
complete -c snipass -n '__fish_seen_subcommand_from drain' -l help -d 'Print this help message and exit'
complete -c snipass -n '__fish_seen_subcommand_from drain' -l config -r -F -d 'the configuration file'
complete -c snipass -n '__fish_seen_subcommand_from drain' -a '(__snipass_backends)'
complete -c snipass -n '__fish_seen_subcommand_from resume' -l help -d 'Print this help message and exit'
complete -c snipass -n '__fish_seen_subcommand_from resume' -l config -r -F -d 'the configuration file'
complete -c snipass -n '__fish_seen_subcommand_from resume' -a '(__snipass_backends)'
complete -c snipass -n '__fish_seen_subcommand_from close' -l help -d 'Print this help message and exit'
complete -c snipass -n '__fish_seen_subcommand_from close' -l config -r -F -d 'the configuration file'
complete -c snipass -n '__fish_seen_subcommand_from reload' -l help -d 'Print this help message and exit'
complete -c snipass -n '__fish_seen_subcommand_from reload' -l config -r -F -d 'the configuration file'
