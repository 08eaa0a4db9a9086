/* Makes this system the one that a seed describes. Used at boot, by the service of images with
 * another init, and after a fork. */
#ifndef BG_GUEST_IDENTITY_H
#define BG_GUEST_IDENTITY_H

#include <stddef.h>

enum bg_identity_how {
    BG_IDENTITY_BOOT, /* keeps a machine-id that is there */
    BG_IDENTITY_FORK, /* makes a new one */
};

/* Everything in the archive, below root_fd (the root folder; its links are followed as if by
 * chroot). What fails is said on stderr and does not keep the rest from being done; the first failure
 * is returned, a negative errno. live: also what is the kernel's and not a file: host name, network,
 * entropy, clock. */
int bg_identity_apply(const char *archive, size_t size, int root_fd, int live,
                      enum bg_identity_how how);

/* Grows the root file system to the size of its device (ext4, while mounted; no-op when it fills it
 * already). 0 or a negative errno. */
int bg_identity_grow(void);

#endif
