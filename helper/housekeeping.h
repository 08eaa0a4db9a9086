/* What the main process does beside accepting connections. */
#ifndef BANGER_HELPER_HOUSEKEEPING_H
#define BANGER_HELPER_HOUSEKEEPING_H
#include "helper.h"

enum {
    BG_HOUSEKEEPING_S = 10,
    BG_LOG_MAX = 4 << 20,  /* a log that takes more of the disk */
    BG_LOG_KEEP = 1 << 20, /* keeps its last so many bytes */
};

/*
 * What lies before the end of a log that has become too long is given back to the file system, in place: its size stays,
 * so a writer that does not append (Firecracker) loses nothing and goes on where it stands. Who reads begins where the
 * data does (vm_log). Nothing happens to what is not a plain file with one name: a VMM may have put it there.
 */
void bg_log_bound(int dir, const char *name);

void bg_housekeeping(struct bg_helper *h); /* every BG_HOUSEKEEPING_S */
void bg_housekeeping_resume(
    struct bg_helper *h); /* once, at the start: what a crash of ours interrupted */
#endif
