/*
 * What every file of the helper shares: the instance, how an operation fails, and the act functions.
 *
 * An act function gets validated arguments and fills results; it returns 0, or -1 after bg_fail()/bg_sys() filled
 * `f`, having undone what it did. Fds in arguments stay the caller's; fds in results become the caller's. It runs in
 * a worker process of its own connection, may block up to the operation's deadline (EINTR then), and holds the locks
 * that it took until dispatch ends. Library functions below act functions follow the same rule.
 */
#ifndef BANGER_HELPER_H
#define BANGER_HELPER_H
#include "names.h"
#include "wire.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    BG_UID_COUNT = 4096,     /* uids of an instance; slots 0..4091 use them */
    BG_EGRESS_MAX_S = 86400, /* how long a resolved address may stay open */
    BG_VMS_MAX = 1024,       /* default quota of VMs (taps, disks, jails) of an instance */
};

struct bg_helper {
    char instance[BG_INSTANCE_MAX + 1];
    uid_t owner;
    gid_t owner_gid;
    uint32_t uid_base;
    uint32_t vms_max;
    char boot[33]; /* boot id, 32 hex digits */
    /* folders, all root's; instances: in which every instance has its state */
    int instances, state, ledger, bases, disks, jails, logs, run;
    int lock;       /* of the request that is being served; -1 between requests */
    int connection; /* the worker's; -1 in the main process */
    int notes;      /* the worker's inotify once it has one (bg_watch); else -1 */
    bool by_systemd;
};

/* Fill f (NULL: nobody is told) and return -1. bg_sys takes errno and turns "disk full" into its own code. */
int bg_fail(struct bg_reply *f, uint32_t code, int sys, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
int bg_sys(struct bg_reply *f, const char *step);
/* 0 when error is none (>= 0), else as bg_sys of -error. */
int bg_step(struct bg_reply *f, const char *step, int error);

/*
 * Locks of the current request, dropped together by bg_unlock(). Order: a VM, then one of the others.
 * -1 when the deadline passes first.
 */
enum { BG_LOCK_NET = 1, BG_LOCK_BASES = 2, BG_LOCK_SLOTS = 3 };
int bg_lock(struct bg_helper *h, off_t which, struct bg_reply *f);
int bg_lock_vm(struct bg_helper *h, const char *vm, struct bg_reply *f);
void bg_unlock(struct bg_helper *h);

/* Let blocking calls end with EINTR after so many seconds; 0: never. Long loops ask bg_deadline_passed(). */
void bg_deadline(unsigned seconds);
bool bg_deadline_passed(void);

/* Run fn in a process of its own that outlives the request; its result is nobody's. */
void bg_later(struct bg_helper *h, void (*fn)(struct bg_helper *h, const char *vm), const char *vm);

/* Small file helpers. Names are single components; links are never followed. Return -1 and errno. */
int bg_open(int dir, const char *name, int flags, mode_t mode);
/* A regular file with one link, of this uid or root's, for reading; ELOOP when the name is of anything else. */
int bg_open_plain(int dir, const char *name, uid_t uid);
/* Of this type, and nobody else can write it; else EPERM. */
bool bg_roots_alone(int fd, mode_t type);
int bg_open_dir(int dir, const char *name, mode_t mode); /* made when absent; must be root's own */
/* The least name in dir that begins with prefix, has this length, and is greater than `after` (which may be ret). */
int bg_next_name(int dir, const char *prefix, size_t length, const char *after, char *ret);
DIR *bg_list(int dir, const char *name);       /* NULL and errno */
int bg_remove_tree(int dir, const char *name); /* 0 when absent; never leaves its device */
ssize_t bg_read_small(int dir, const char *path, char *ret, size_t size); /* NUL-terminated */
void bg_hex(char *ret, const uint8_t *bytes, size_t n);
bool bg_unhex(uint8_t *ret, const char *hex, size_t n);

/*
 * copy.c: content, cloned where the file system can, else copied with its holes kept. -1 and errno; EINTR when the
 * deadline passed. bg_copy: size bytes to the start of the empty file `to`, blocks of zeros become holes; EIO when `from`
 * shrank meanwhile. bg_digest: SHA-256 of the whole file.
 */
int bg_copy(int from, int to, uint64_t size);
int bg_digest(int fd, uint8_t ret[32]);
/* An unnamed file in dir, which bg_name_file makes visible complete or not at all. */
int bg_unnamed_file(int dir);
int bg_name_file(int fd, int dir, const char *name); /* -1 and EEXIST when the name is taken */
/* All of `from` in an unnamed file of dir; *kind says how (E_kind: auto, reflink, copy) and then how it was. */
int bg_duplicate(int dir, int from, uint32_t *kind);

static inline void bg_close_dir(DIR **d)
{
    if (*d)
        closedir(*d);
}
#define BG_LISTED __attribute__((cleanup(bg_close_dir)))

/* Close and forget. */
void bg_close(int *fd);
#define BG_CLOSED __attribute__((cleanup(bg_close), unused)) /* unused but for its end */
static inline int bg_steal(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* The operations: one act function for each row of ops.def. */
#define BG_ACT(name)                                                                               \
    int bg_act_##name(__attribute__((unused)) struct bg_helper *h,                                 \
                      __attribute__((unused)) const struct bg_args_##name *a,                      \
                      __attribute__((unused)) struct bg_res_##name *r, struct bg_reply *f)
#define OP(name, number, args, results, doc, safe) BG_ACT(name);
#include "ops.def"

/* Serve one connection until it ends (worker.c). */
void bg_worker(struct bg_helper *h, int connection) __attribute__((noreturn));

/* Decode, validate, act and encode one request (worker.c); false: close the connection. */
bool bg_dispatch(struct bg_helper *h, struct bg_wire *request, struct bg_wire *reply);
#endif
