/* Listeners that outlive exec: what the next program must know of them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* inheritance_write writes SNIPASS_INHERITED=... into `text`; false: no listener survives exec. */
bool inheritance_write(char* text, size_t size);

/* inheritance_read remembers the listeners that SNIPASS_INHERITED tells of. */
void inheritance_read(void);
