/* The kernel's file systems, as every Linux program expects them. */
#ifndef BG_GUEST_MOUNTS_H
#define BG_GUEST_MOUNTS_H

/* Mounts what is not mounted yet. What fails is said on stderr; the rest goes on. */
void bg_mounts_make(void);
/* Everything written, file systems read-only. */
void bg_mounts_end(void);

#endif
