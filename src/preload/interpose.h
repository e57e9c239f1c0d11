/* Functions of this library that have libc's names: for the server, they stand in front of libc's. */
#pragma once

#define EXPORT __attribute__((visibility("default")))
