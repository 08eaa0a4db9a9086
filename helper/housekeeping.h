/* What the main process does beside accepting connections. */
#ifndef BANGER_HELPER_HOUSEKEEPING_H
#define BANGER_HELPER_HOUSEKEEPING_H
#include "helper.h"

enum {
    BG_HOUSEKEEPING_S = 10,
    BG_LOG_MAX = 4 << 20,  /* a console beyond this is cut */
    BG_LOG_KEEP = 1 << 20, /* to its last so many bytes */
};

void bg_housekeeping(struct bg_helper *h); /* every BG_HOUSEKEEPING_S */
void bg_housekeeping_resume(
    struct bg_helper *h); /* once, at the start: what a crash of ours interrupted */
#endif
