/* SQLite behind dlopen, and its failures in our terms. */
#include "sql.h"

#include <string.h>

#include "util.h"

struct bg_sql_api bg_sql;

static const char *const function_names[] = {BG_SQL_FUNCTIONS(BG_DL_NAME)};

/* What every connection has, and what a writing one has besides. See docs/state.md. */
static const char reading[] = "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; "
                              "PRAGMA cell_size_check=ON;";
static const char writing[] = "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=DELETE; "
                              "PRAGMA synchronous=EXTRA;";

static const char *code_of(int primary)
{
    switch (primary) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "state.busy";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return "state.corrupt";
    case SQLITE_CONSTRAINT:
        return "state.constraint";
    case SQLITE_FULL:
        return "host.full";
    default:
        return "state.failed";
    }
}

/* `db` may be NULL: memory was out before there was one. */
static int fail(sqlite3 *db, const char *step, struct bg_err *err)
{
    int extended = db != NULL ? bg_sql.sqlite3_extended_errcode(db) : SQLITE_NOMEM;
    const char *reason = db != NULL ? bg_sql.sqlite3_errmsg(db) : bg_sql.sqlite3_errstr(extended);
    int r = bg_fail(err, code_of(extended & 0xff), "%s: %s", step, reason);

    if (db != NULL && ((extended & 0xff) == SQLITE_IOERR || (extended & 0xff) == SQLITE_CANTOPEN))
        err->sys = bg_sql.sqlite3_system_errno(db);
    return r;
}

static int configure(sqlite3 *db, bool writable)
{
    int r = bg_sql.sqlite3_extended_result_codes(db, 1);

    if (r == SQLITE_OK)
        r = bg_sql.sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (r == SQLITE_OK)
        r = bg_sql.sqlite3_exec(db, reading, NULL, NULL, NULL);
    if (r == SQLITE_OK && writable)
        r = bg_sql.sqlite3_exec(db, writing, NULL, NULL, NULL);
    return r;
}

int bg_sql_open(const char *path, bool writable, sqlite3 **ret_db, struct bg_err *err)
{
    int flags = writable ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    sqlite3 *db = NULL;
    int r = bg_dl_load("libsqlite3.so.0", function_names, BG_COUNT(function_names), &bg_sql, err);

    if (r < 0)
        return r;
    /* NOMUTEX: one connection, one thread. */
    if (bg_sql.sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK ||
        configure(db, writable) != SQLITE_OK) {
        r = fail(db, "open the database", err);
        bg_sql_close(db);
        return r;
    }
    *ret_db = db;
    return 0;
}

void bg_sql_close(sqlite3 *db)
{
    if (db != NULL)
        bg_sql.sqlite3_close_v2(db);
}

int bg_sql_exec(sqlite3 *db, const char *sql, struct bg_err *err)
{
    return bg_sql.sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(db, "sql", err);
}

int bg_sql_prepare(sqlite3 *db, const char *sql, size_t size, sqlite3_stmt **ret_statement,
                   struct bg_err *err)
{
    sqlite3_stmt *statement = NULL;
    const char *rest = NULL;

    if (bg_sql.sqlite3_prepare_v3(db, sql, (int)size, 0, &statement, &rest) != SQLITE_OK)
        return fail(db, "sql", err);
    if (statement == NULL || rest[strspn(rest, " \t\r\n;")] != '\0') {
        bg_sql.sqlite3_finalize(statement);
        return bg_fail(err, "state.failed", "sql: exactly one statement expected");
    }
    *ret_statement = statement;
    return 0;
}

int bg_sql_step(sqlite3 *db, sqlite3_stmt *statement, struct bg_err *err)
{
    switch (bg_sql.sqlite3_step(statement)) {
    case SQLITE_ROW:
        return 1;
    case SQLITE_DONE:
        return 0;
    default:
        return fail(db, "sql", err);
    }
}
