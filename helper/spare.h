/*
 * A disk made ahead for each base. Where the file system cannot share blocks, copying the image is the longest step
 * of a create by far; the copy is taken off its path.
 *
 * bases/<digest>.spare is complete and on the medium. Who claims it renames it, so that one wins, and a crash costs no
 * more than the spare. The next one is made in the background, while the disk has plenty of room. It goes with its base.
 */
#ifndef BANGER_HELPER_SPARE_H
#define BANGER_HELPER_SPARE_H
#include "helper.h"

/* The spare as disks/<name>, and an fd of it open for writing; -1 and errno when there is none. */
int bg_spare_claim(struct bg_helper *h, const uint8_t digest[32], const char *name);
/* For bg_later; `base` is the digest in hex. A failure is no loss: the next disk is copied on demand. */
void bg_spare_fill(struct bg_helper *h, const char *base);
int bg_spare_remove(struct bg_helper *h, const uint8_t digest[32]); /* 0 also when there is none */
#endif
