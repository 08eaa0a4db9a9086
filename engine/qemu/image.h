/* QEMU loads a kernel by its name; the contract gives it the file that was opened at PUT. */
#ifndef BG_QEMU_IMAGE_H
#define BG_QEMU_IMAGE_H

#include "vmm.h"

struct bg_image {
    char path[4096];
    bool copied; /* path is a copy of ours */
};

/* A name for what fd holds: the given one while it is still the same file, else a copy in the
 * current directory. 0, or -1 with the text. */
int bg_image_place(int fd, const char *path, struct bg_image *ret, struct bg_vmm_error *error);
/* Removes the copy. A zeroed image is fine. */
void bg_image_drop(struct bg_image *image);

#endif
