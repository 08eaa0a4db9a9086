/*
 * Files and folders, the durable and the careful way. No call follows a symbolic link in the
 * last component unless it says so; every descriptor is O_CLOEXEC. Errors as in err.h; the
 * message names the path.
 */
#ifndef BG_FILE_H
#define BG_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "buf.h"
#include "err.h"

/*
 * O_ flags of a mode such as "rwct": r w rw, then any of c (create), x (exclusive), t
 * (truncate), a (append), n (no follow), d (directory). -EINVAL when the text says something
 * else.
 */
int bg_file_flags(const char *mode);

/* "file", "dir", "link", "socket", "fifo", "char" or "block". */
const char *bg_file_type(mode_t mode);

/*
 * Put `bytes` at `path` so that a reader or a power cut sees either the old content or the new
 * one: temporary file beside it, fsync, rename, fsync of the folder. A symbolic link at `path`
 * is replaced, not followed.
 */
int bg_file_replace(const char *path, const void *bytes, size_t size, mode_t mode,
                    struct bg_err *err);

/* Make `path` and its missing parents with `mode`; what exists keeps its mode. */
int bg_file_mkdir_p(const char *path, mode_t mode, struct bg_err *err);

/* The names in a folder, sorted by byte, each ended by NUL, appended to `ret_names`. */
int bg_file_list(const char *path, struct bg_buf *ret_names, struct bg_err *err);

/*
 * Remove `path` and what is below it. Never follows a link and never enters another mount (a
 * mount below makes it fail with EXDEV before that mount is touched). Nothing there: success.
 */
int bg_file_rmtree(const char *path, struct bg_err *err);

/*
 * The name of a file system by its statfs magic: "ext4", "btrfs", "xfs", "tmpfs", "overlay", or
 * its number in hex.
 */
void bg_file_system_name(long magic, char ret_name[static 24]);

#endif
