/*
 * Putting whole files, folders and links into their place so that a power cut sees the old
 * state or the new one. Paths are the caller's own; the last component is never followed.
 * Errors as in err.h.
 */
#ifndef BG_PLACE_H
#define BG_PLACE_H

#include <sys/types.h>

#include "err.h"

/*
 * Copy what `fd` holds from offset 0 into a new file at `path` (must not exist), sharing blocks
 * where the file system can, and fsync it.
 */
int bg_place_copy(int fd, const char *path, mode_t mode, struct bg_err *err);

/* Rename, then fsync the folder that now holds the name. */
int bg_place_rename(const char *from, const char *to, struct bg_err *err);

/*
 * Two names of one file system change places in one step, so that nobody ever finds either of
 * them absent; then fsync of the folder that holds `to`.
 */
int bg_place_exchange(const char *from, const char *to, struct bg_err *err);

/* A symbolic link at `path` (must not exist) with the text `target`. */
int bg_place_symlink(const char *target, const char *path, struct bg_err *err);

/*
 * Write back everything of the file system that holds `path`: for a folder of many new files,
 * before its rename.
 */
int bg_place_sync(const char *path, struct bg_err *err);

#endif
