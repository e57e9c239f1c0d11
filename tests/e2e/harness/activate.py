# SPDX-License-Identifier: BSL-1.0
"""activate.py FD[,FD...] NAME[:NAME...] PROGRAM...: becomes PROGRAM with the descriptors passed as systemd passes them, by these names (sd_listen_fds(3))."""

import fcntl
import os
import sys

FIRST = 3  # SD_LISTEN_FDS_START

given, names, program = [int(fd) for fd in sys.argv[1].split(",")], sys.argv[2], sys.argv[3:]
out_of_the_way = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, FIRST + len(given)) for fd in given]
for fd in given:
    os.close(fd)
for number, fd in enumerate(out_of_the_way, FIRST):
    os.dup2(fd, number)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(given)), LISTEN_FDNAMES=names)
os.execvp(program[0], program)
