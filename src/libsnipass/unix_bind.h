/* Binding a unix socket where a dead process may have left its file. */
#pragma once

/* unix_bind binds `fd` to `path`. A file that nobody listens behind is replaced, as TCP forgets a dead
 * listener; a live listener is EADDRINUSE. 0, or -1 and errno. */
int unix_bind(int fd, const char* path);
