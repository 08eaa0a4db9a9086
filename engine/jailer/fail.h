/* A failing step ends the jailer: two lines on stderr (what, and Rust's Debug of it, because the
 * supervisors of Firecracker's jailer match on them), exit status 1. */
#ifndef BG_JAILER_FAIL_H
#define BG_JAILER_FAIL_H

/* Both texts are complete. */
void bg_die(const char *text, const char *debug) __attribute__((noreturn));
/* "<what>: <os error>" and "<name>(<os error>)". */
void bg_die_os(const char *what, const char *name, int error) __attribute__((noreturn));
/* "<what> <path>: <os error>" and "<name>("<path>", <os error>)". */
void bg_die_path(const char *what, const char *name, const char *path, int error)
    __attribute__((noreturn));

#endif
