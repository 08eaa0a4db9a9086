/*
 * SQLite, as little of it as the state store needs. A database is used by one thread.
 * docs/state.md says why the pragmas are what they are.
 *
 * Error codes: state.busy (another process has it), state.corrupt (damaged or no database),
 * state.constraint, state.failed, host.full, rt.library_missing.
 */
#ifndef BG_SQL_H
#define BG_SQL_H

#include <sqlite3.h>
#include <stdbool.h>

#include "dl.h"
#include "err.h"

/*
 * Open `path`; writable: made if absent, rollback journal, synchronous=EXTRA, and locked for
 * this process alone from the first access until bg_sql_close(). Nothing waits for a lock.
 */
int bg_sql_open(const char *path, bool writable, sqlite3 **ret_db, struct bg_err *err);

/* NULL is allowed. Statements must have been finalized. */
void bg_sql_close(sqlite3 *db);

/* Any number of statements without parameters; rows are thrown away. */
int bg_sql_exec(sqlite3 *db, const char *sql, struct bg_err *err);

/* One statement, whole text of `size` bytes; state.failed when it holds none or more than one. */
int bg_sql_prepare(sqlite3 *db, const char *sql, size_t size, sqlite3_stmt **ret_statement,
                   struct bg_err *err);

/* 1: a row is there; 0: done. */
int bg_sql_step(sqlite3 *db, sqlite3_stmt *statement, struct bg_err *err);

/*
 * SQLite's own functions, for what needs no error handling; valid once bg_sql_open() has
 * succeeded.
 */
#define BG_SQL_FUNCTIONS(X)                                                                        \
    X(sqlite3_open_v2)                                                                             \
    X(sqlite3_close_v2)                                                                            \
    X(sqlite3_exec)                                                                                \
    X(sqlite3_free)                                                                                \
    X(sqlite3_db_config)                                                                           \
    X(sqlite3_extended_result_codes)                                                               \
    X(sqlite3_errmsg)                                                                              \
    X(sqlite3_extended_errcode)                                                                    \
    X(sqlite3_errstr)                                                                              \
    X(sqlite3_system_errno)                                                                        \
    X(sqlite3_prepare_v3)                                                                          \
    X(sqlite3_step)                                                                                \
    X(sqlite3_finalize)                                                                            \
    X(sqlite3_changes)                                                                             \
    X(sqlite3_bind_parameter_count)                                                                \
    X(sqlite3_bind_text)                                                                           \
    X(sqlite3_bind_double)                                                                         \
    X(sqlite3_bind_int64)                                                                          \
    X(sqlite3_column_count)                                                                        \
    X(sqlite3_column_name)                                                                         \
    X(sqlite3_column_type)                                                                         \
    X(sqlite3_column_int64)                                                                        \
    X(sqlite3_column_double)                                                                       \
    X(sqlite3_column_text)                                                                         \
    X(sqlite3_column_blob)                                                                         \
    X(sqlite3_column_bytes)

struct bg_sql_api {
    BG_SQL_FUNCTIONS(BG_DL_SLOT)
};
extern struct bg_sql_api bg_sql;

#endif
