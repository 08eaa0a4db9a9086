/*
 * banger.rt.sqlite: see sql.h. Statements live in userdata while their rows are pushed, because
 * pushing can raise.
 */
#include <limits.h>
#include <string.h>

#include "lua_util.h"
#include "modules.h"
#include "sql.h"
#include "util.h"

#define DB_CLASS        "banger.sqlite.Db"
#define STATEMENT_CLASS "banger.sqlite.Statement"

static sqlite3 *check_db(lua_State *L)
{
    sqlite3 **db = luaL_checkudata(L, 1, DB_CLASS);

    if (*db == NULL)
        luaL_error(L, "the database is closed");
    return *db;
}

static int db_gc(lua_State *L)
{
    sqlite3 **db = lua_touserdata(L, 1);

    bg_sql_close(*db);
    *db = NULL;
    return 0;
}

static int db_close(lua_State *L)
{
    luaL_checkudata(L, 1, DB_CLASS);
    return db_gc(L);
}

static int statement_gc(lua_State *L)
{
    sqlite3_stmt **statement = lua_touserdata(L, 1);

    if (*statement != NULL)
        bg_sql.sqlite3_finalize(*statement);
    *statement = NULL;
    return 0;
}

/*
 * Parameters are the arguments from 3 on. Text is bound as SQLITE_TRANSIENT, so the statement
 * owns its copies.
 */
static void bind(lua_State *L, sqlite3_stmt *statement, int last)
{
    int expected = bg_sql.sqlite3_bind_parameter_count(statement);

    if (last - 2 != expected)
        luaL_error(L, "the statement has %d parameters, %d were given", expected, last - 2);
    for (int arg = 3; arg <= last; arg++) {
        int position = arg - 2;
        lua_Number number;
        size_t size;
        const char *text;
        switch (lua_type(L, arg)) {
        case LUA_TNIL: /* what an unbound parameter is */
            break;
        case LUA_TBOOLEAN:
            bg_sql.sqlite3_bind_int64(statement, position, lua_toboolean(L, arg));
            break;
        case LUA_TNUMBER:
            number = lua_tonumber(L, arg);
            /* Whole numbers that a double holds exactly are integers for SQLite. */
            if (number >= -0x1p53 && number <= 0x1p53 && number == (lua_Number)(long long)number)
                bg_sql.sqlite3_bind_int64(statement, position, (long long)number);
            else
                bg_sql.sqlite3_bind_double(statement, position, number);
            break;
        case LUA_TSTRING:
            text = lua_tolstring(L, arg, &size);
            luaL_argcheck(L, size <= INT_MAX, arg, "too long");
            bg_sql.sqlite3_bind_text(statement, position, text, (int)size, SQLITE_TRANSIENT);
            break;
        default:
            luaL_argerror(L, arg, "string, number, boolean or nil expected");
        }
    }
}

/*
 * Prepare the SQL of argument 2 and bind the rest. On success its holder is on the stack, and
 * *ret_statement is borrowed from it; on failure nil, err are.
 */
static int prepare(lua_State *L, sqlite3 *db, sqlite3_stmt **ret_statement)
{
    int last = lua_gettop(L);
    size_t size;
    const char *sql = luaL_checklstring(L, 2, &size);
    sqlite3_stmt **statement;
    struct bg_err err;

    luaL_argcheck(L, strlen(sql) == size && size < INT_MAX, 2, "must not hold a NUL byte");
    statement = lua_newuserdata(L, sizeof(*statement));
    *statement = NULL;
    bg_lclass(L, STATEMENT_CLASS, NULL, statement_gc);
    lua_setmetatable(L, -2);
    if (bg_sql_prepare(db, sql, size + 1, statement, &err) < 0)
        return bg_lfail(L, &err);
    bind(L, *statement, last);
    *ret_statement = *statement;
    return 0;
}

/* Finalize now rather than at collection: an unfinished statement holds locks. */
static void finish(lua_State *L, int holder)
{
    sqlite3_stmt **statement = lua_touserdata(L, holder);

    bg_sql.sqlite3_finalize(*statement);
    *statement = NULL;
}

static int db_exec(lua_State *L)
{
    sqlite3 *db = check_db(L);
    const char *sql = bg_ltext(L, 2);
    struct bg_err err;

    return bg_lresult_true(L, bg_sql_exec(db, sql, &err), &err);
}

static int db_run(lua_State *L)
{
    sqlite3 *db = check_db(L);
    sqlite3_stmt *statement;
    struct bg_err err;
    int r = prepare(L, db, &statement);

    if (r > 0)
        return r;
    do
        r = bg_sql_step(db, statement, &err);
    while (r > 0);
    finish(L, lua_gettop(L));
    return bg_lresult_integer(L, r < 0 ? r : bg_sql.sqlite3_changes(db), &err);
}

static void push_column(lua_State *L, sqlite3_stmt *statement, int column)
{
    const void *bytes;

    switch (bg_sql.sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        lua_pushnumber(L, (lua_Number)bg_sql.sqlite3_column_int64(statement, column));
        return;
    case SQLITE_FLOAT:
        lua_pushnumber(L, bg_sql.sqlite3_column_double(statement, column));
        return;
    case SQLITE_NULL:
        lua_pushnil(L);
        return;
    default:
        bytes = bg_sql.sqlite3_column_blob(statement, column);
        lua_pushlstring(L, bytes != NULL ? bytes : "",
                        (size_t)bg_sql.sqlite3_column_bytes(statement, column));
    }
}

static int db_rows(lua_State *L)
{
    sqlite3 *db = check_db(L);
    sqlite3_stmt *statement;
    struct bg_err err;
    int holder, count, columns, r = prepare(L, db, &statement);

    if (r > 0)
        return r;
    holder = lua_gettop(L);
    columns = bg_sql.sqlite3_column_count(statement);
    lua_newtable(L);
    for (count = 1; (r = bg_sql_step(db, statement, &err)) > 0; count++) {
        lua_createtable(L, 0, columns);
        for (int column = 0; column < columns; column++) {
            push_column(L, statement, column);
            lua_setfield(L, -2, bg_sql.sqlite3_column_name(statement, column));
        }
        lua_rawseti(L, -2, count);
    }
    finish(L, holder);
    return r < 0 ? bg_lfail(L, &err) : 1;
}

static int db_backup(lua_State *L)
{
    check_db(L);
    bg_ltext(L, 2);
    lua_settop(L, 2);
    lua_pushliteral(L, "VACUUM INTO ?");
    lua_insert(L, 2);
    if (db_run(L) == 2)
        return 2;
    lua_pushboolean(L, true);
    return 1;
}

static const luaL_Reg db_methods[] = {
    {"exec", db_exec},     {"run", db_run},     {"rows", db_rows},
    {"backup", db_backup}, {"close", db_close}, {NULL, NULL},
};

static int sqlite_open(lua_State *L)
{
    static const char *const modes[] = {"ro", "rw", NULL};
    const char *path = bg_ltext(L, 1);
    int writable = luaL_checkoption(L, 2, NULL, modes);
    sqlite3 **db = lua_newuserdata(L, sizeof(*db));
    struct bg_err err;

    *db = NULL;
    bg_lclass(L, DB_CLASS, db_methods, db_gc);
    lua_setmetatable(L, -2);
    return bg_sql_open(path, writable, db, &err) < 0 ? bg_lfail(L, &err) : 1;
}

int luaopen_banger_rt_sqlite(lua_State *L)
{
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, sqlite_open);
    lua_setfield(L, -2, "open");
    return 1;
}
