/* Makes this system the one that a seed describes. Used at boot, by the service of images with
 * another init, and when a saved VM wakes as itself or as another one. */
#ifndef BG_GUEST_IDENTITY_H
#define BG_GUEST_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

/* Everything in the archive, below root_fd (the root folder; its links are followed as if by
 * chroot). What fails is said on stderr and does not keep the rest from being done; the first failure
 * is returned, a negative errno. live: also what is the kernel's and not a file: host name, network,
 * entropy, clock. A machine-id that is there is kept, unless the archive is another VM's. */
int bg_identity_apply(const char *archive, size_t size, int root_fd, int live);

/* Whether the archive is of another VM than the one that this system was last: its disk, or its disk
 * and memory, are a copy of that VM's. False where one of the two has no name. */
bool bg_identity_is_other(const char *archive, size_t size, int root_fd);

/* Grows the root file system to the size of its device (ext4, while mounted; no-op when it fills it
 * already). 0 or a negative errno. */
int bg_identity_grow(void);

#endif
