/*
 * libbanger: run banger's Lua from a C program.
 *
 * A runtime is one Lua state with banger's modules, the standard library, an event loop, cjson,
 * and whatever functions the host registers. Scripts `require "banger"` and everything below it
 * from source that is inside this library: no file of the host is searched unless a script sets
 * package.path itself, LUA_PATH and its relatives are ignored, and bytecode is refused
 * everywhere.
 *
 * Threads.   A process may hold any number of runtimes. One runtime is used by one thread at a
 *            time; nothing is shared between runtimes, so different threads may each use their
 *            own. A function of the host that a script calls may not enter the same runtime
 *            again.
 * Values.    Five kinds cross the border: nil, boolean, number, string (any bytes) and table,
 *            the last as JSON text. Strings that the library hands out belong to the runtime
 *            and stay valid until the next call on it.
 * Errors.    Functions return 0, or -1 with `error` filled (never NULL); struct banger_error is
 *            a plain value. No call prints, exits, or lets a Lua error pass through a C frame
 *            of the host.
 * Process.   The library installs no signal handler and leaves SIGPIPE as it is: a host that wants
 *            write errors instead ignores it. It changes neither umask nor locale nor working
 *            directory, and makes no thread until a script uses the loop's thread pool.
 * ABI.       Every struct that grows carries its size; functions are added, never changed.
 */
#ifndef BANGER_H
#define BANGER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BANGER_API __attribute__((visibility("default")))

struct banger;

struct banger_error {
    char code[64];        /* "area.reason", or "internal" for an error that a script raised */
    char message[512];    /* one line */
    char remedy[512];     /* what to do about it, or "" */
    char traceback[2048]; /* for "internal": where, or "" */
};

enum banger_type {
    BANGER_NIL,
    BANGER_BOOLEAN,
    BANGER_NUMBER,
    BANGER_STRING, /* bytes, size */
    BANGER_JSON,   /* bytes, size: a table as JSON text */
};

struct banger_value {
    enum banger_type type;
    int boolean;
    double number;
    const char *bytes; /* NUL ended when the library made it; the host's need not be */
    size_t size;
};

/*
 * A loop callback raised outside of any task: a bug in the script. `error` lives as long as the
 * call.
 */
typedef void (*banger_report_fn)(void *userdata, const struct banger_error *error);

enum banger_flags {
    BANGER_NO_JIT = 1, /* interpret only: for processes that may not map memory executable */
};

struct banger_options {
    size_t size;             /* sizeof(struct banger_options); all else may be 0 */
    size_t memory_limit;     /* bytes that Lua may hold before scripts fail, 0: no limit */
    unsigned flags;          /* of enum banger_flags */
    banger_report_fn report; /* NULL: print to stderr */
    void *userdata;          /* for report */
};

/* ---- life --------------------------------------------------------------------------------- */

/*
 * Make a runtime; `options` may be NULL. Nothing is loaded until a script requires it, so this
 * takes well under 1 ms.
 */
BANGER_API int banger_open(const struct banger_options *options, struct banger **ret_runtime,
                           struct banger_error *error);

/* Run finalisers, close every handle of the loop, release everything. NULL is allowed. */
BANGER_API void banger_close(struct banger *runtime);

/* "1.4.0", of the library in use. */
BANGER_API const char *banger_version(void);

/* ---- running scripts ---------------------------------------------------------------------- */

/*
 * Run Lua source; the arguments are its `...`. `ret_result` (may be NULL) receives its first
 * result. A script that returns nil and an error object has failed with that error.
 */
BANGER_API int banger_run_text(struct banger *runtime, const char *name, const char *source,
                               size_t source_size, const struct banger_value *args,
                               size_t arg_count, struct banger_value *ret_result,
                               struct banger_error *error);
BANGER_API int banger_run_file(struct banger *runtime, const char *path,
                               const struct banger_value *args, size_t arg_count,
                               struct banger_value *ret_result, struct banger_error *error);

/* require(module)[function](args...), with results as above. */
BANGER_API int banger_call(struct banger *runtime, const char *module, const char *function,
                           const struct banger_value *args, size_t arg_count,
                           struct banger_value *ret_result, struct banger_error *error);

/* ---- the host's own primitives ------------------------------------------------------------ */

/*
 * A function of the host. `args` live as long as the call. Return 0 with `ret_result` set (it
 * is BANGER_NIL at first; bytes in it are copied), or -1 with `error` filled, which Lua sees as
 * `nil, err`.
 */
typedef int (*banger_fn)(void *userdata, const struct banger_value *args, size_t arg_count,
                         struct banger_value *ret_result, struct banger_error *error);

/*
 * Add a function to a module of the host's own, which scripts then require. Modules below
 * "banger" are refused.
 */
BANGER_API int banger_register(struct banger *runtime, const char *module, const char *name,
                               banger_fn function, void *userdata, struct banger_error *error);

/* Fill an error, for banger_fn. */
BANGER_API int banger_fail(struct banger_error *error, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- the event loop -------------------------------------------------------------------------- */

/*
 * Scripts that only use banger's blocking style (banger.aio.task.main, as `banger run` does)
 * drive the loop themselves. A host with a loop of its own lets scripts start work, then waits
 * for banger_loop_fd() to be readable or for banger_loop_timeout() to pass, calls
 * banger_loop_step(), and asks for the timeout again.
 */

/* A descriptor to poll for reading (an epoll instance; borrowed), or -1 with `error` filled. */
BANGER_API int banger_loop_fd(struct banger *runtime, struct banger_error *error);

/* Milliseconds until the next timer: 0 now, -1 none. Valid until the next call on the runtime. */
BANGER_API int banger_loop_timeout(struct banger *runtime);

/* Run what is due, without waiting. 1 while work is left, 0 when nothing is. */
BANGER_API int banger_loop_step(struct banger *runtime);

/* Or leave the waiting to the library: returns when nothing is left to wait for. */
BANGER_API void banger_loop_run(struct banger *runtime);

#ifdef __cplusplus
}
#endif

#endif
