# SPDX-License-Identifier: BSL-1.0
"""activate.py FD NAME PROGRAM...: becomes PROGRAM with FD passed as systemd passes the socket NAME (sd_listen_fds(3))."""

import os
import sys

FIRST = 3  # SD_LISTEN_FDS_START

fd, name, program = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
if fd == FIRST:
    os.set_inheritable(fd, True)
else:
    os.dup2(fd, FIRST)
    os.close(fd)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES=name)
os.execvp(program[0], program)
