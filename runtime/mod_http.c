/* banger.rt.http: see http.h. */
#include <string.h>

#include "http.h"
#include "lua_util.h"
#include "modules.h"
#include "util.h"

#define MULTI_CLASS "banger.http.Multi"
#define HEADERS_MAX 64
#define BODY_MAX    (16 << 20)  /* unless the request says otherwise, without a sink */
#define SINK_MAX    (1LL << 50) /* with one */

static struct bg_http *check_multi(lua_State *L)
{
    struct bg_http **http = luaL_checkudata(L, 1, MULTI_CLASS);

    if (*http == NULL)
        luaL_error(L, "the HTTP client is closed");
    return *http;
}

static int multi_gc(lua_State *L)
{
    struct bg_http **http = lua_touserdata(L, 1);

    bg_http_free(*http);
    *http = NULL;
    return 0;
}

static int multi_close(lua_State *L)
{
    luaL_checkudata(L, 1, MULTI_CLASS);
    return multi_gc(L);
}

/*
 * Push field `name` of the request at 2, where its bytes stay alive. Returns whether it is
 * there.
 */
static bool push_field(lua_State *L, const char *name, int type, bool required)
{
    lua_getfield(L, 2, name);
    if (lua_type(L, -1) == type)
        return true;
    if (required || !lua_isnil(L, -1))
        luaL_error(L, "request.%s: a %s expected, got %s", name, lua_typename(L, type),
                   luaL_typename(L, -1));
    return false;
}

static const char *text_field(lua_State *L, const char *name, bool required)
{
    const char *text;
    size_t size;

    if (!push_field(L, name, LUA_TSTRING, required))
        return NULL;
    text = lua_tolstring(L, -1, &size);
    /* Control characters would let a value become a header or a second request. */
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < ' ')
            luaL_error(L, "request.%s: must not hold control characters", name);
    return text;
}

static double number_field(lua_State *L, const char *name, double otherwise, double min, double max)
{
    double number;

    if (!push_field(L, name, LUA_TNUMBER, false))
        return otherwise;
    number = lua_tonumber(L, -1);
    if (!(number >= min && number <= max))
        luaL_error(L, "request.%s: a number from %f to %f expected", name, min, max);
    return number;
}

/* The list of headers; the strings stay alive in the request's table. */
static size_t read_headers(lua_State *L, const char *headers[static HEADERS_MAX])
{
    size_t count;

    if (!push_field(L, "headers", LUA_TTABLE, false))
        return 0;
    count = lua_objlen(L, -1);
    if (count > HEADERS_MAX)
        luaL_error(L, "request.headers: at most %d", HEADERS_MAX);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (int)i + 1);
        if (lua_type(L, -1) != LUA_TSTRING || strpbrk(lua_tostring(L, -1), "\r\n") != NULL ||
            strlen(lua_tostring(L, -1)) != lua_objlen(L, -1))
            luaL_error(L, "request.headers: \"Name: value\" expected, on one line");
        headers[i] = lua_tostring(L, -1);
        lua_pop(L, 1);
    }
    return count;
}

static void refuse_unknown_fields(lua_State *L)
{
    static const char *const known[] = {"url",  "method",  "body",       "headers",
                                        "fd",   "key",     "timeout",    "max_body",
                                        "sink", "ca_file", "resume_from"};

    for (lua_pushnil(L); lua_next(L, 2) != 0; lua_pop(L, 1)) {
        bool found = false;
        for (size_t i = 0; lua_type(L, -2) == LUA_TSTRING && i < BG_COUNT(known); i++)
            found = found || strcmp(lua_tostring(L, -2), known[i]) == 0;
        if (!found)
            luaL_error(L, "request: unknown field %s",
                       lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "(not a name)");
    }
}

static int multi_add(lua_State *L)
{
    struct bg_http *http = check_multi(L);
    const char *headers[HEADERS_MAX];
    struct bg_http_request request = {.headers = headers};
    struct bg_err err;

    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_checkstack(L, 24, NULL);
    refuse_unknown_fields(L);
    request.url = text_field(L, "url", true);
    request.method = text_field(L, "method", true);
    request.key = text_field(L, "key", false);
    request.ca_file = text_field(L, "ca_file", false);
    request.header_count = read_headers(L, headers);
    if (push_field(L, "body", LUA_TSTRING, false))
        request.body = lua_tolstring(L, -1, &request.body_size);
    request.sink = (int)number_field(L, "sink", -1, 0, 0x7fffffff);
    request.resume_from = (long long)number_field(L, "resume_from", 0, 0, SINK_MAX);
    request.max_body =
        (size_t)number_field(L, "max_body", request.sink < 0 ? BODY_MAX : SINK_MAX, 0, SINK_MAX);
    push_field(L, "timeout", LUA_TNUMBER, true);
    request.timeout = number_field(L, "timeout", 0, 0.001, 1e6);
    /* Last: from here on nothing raises before the core has the descriptor. */
    request.fd = (int)number_field(L, "fd", -1, 0, 0x7fffffff);
    if (request.fd >= 0 && request.key == NULL)
        luaL_error(L, "request.key: a string expected with fd");
    return bg_lresult_integer(L, bg_http_add(http, &request, &err), &err);
}

static int multi_cancel(lua_State *L)
{
    bg_http_cancel(check_multi(L), (int)bg_linteger(L, 2, 1, 0x7fffffff));
    return 0;
}

static int multi_interest(lua_State *L)
{
    struct bg_http *http = check_multi(L);
    size_t count;
    double seconds;
    const struct bg_http_interest *interests = bg_http_interests(http, &count, &seconds);

    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_createtable(L, 0, 2);
        bg_lset_integer(L, "fd", interests[i].fd);
        bg_lset_string(L, "events",
                       interests[i].read && interests[i].write ? "rw"
                       : interests[i].write                    ? "w"
                                                               : "r");
        lua_rawseti(L, -2, (int)i + 1);
    }
    if (seconds < 0)
        return 1;
    lua_pushnumber(L, seconds);
    return 2;
}

/*
 * {name = value}; a header that came more than once has its values joined, as RFC 9110 §5.3
 * allows.
 */
static void push_headers(lua_State *L, const struct bg_buf *headers)
{
    const char *at = headers->bytes, *end = headers->bytes + headers->size;

    lua_newtable(L);
    while (at < end) {
        const char *value = at + strlen(at) + 1;
        lua_getfield(L, -1, at);
        if (lua_isnil(L, -1)) {
            lua_pushstring(L, value);
        } else {
            lua_pushfstring(L, "%s, %s", lua_tostring(L, -1), value);
        }
        lua_setfield(L, -3, at);
        lua_pop(L, 1);
        at = value + strlen(value) + 1;
    }
}

static void push_done(lua_State *L, const struct bg_http_done *done)
{
    lua_createtable(L, 0, 4);
    bg_lset_integer(L, "id", done->id);
    if (done->failed) {
        bg_lfail(L, &done->err);
        lua_remove(L, -2); /* the nil */
        lua_setfield(L, -2, "err");
        return;
    }
    bg_lset_integer(L, "status", done->status);
    push_headers(L, &done->headers);
    lua_setfield(L, -2, "headers");
    lua_pushlstring(L, done->body.size > 0 ? done->body.bytes : "", done->body.size);
    lua_setfield(L, -2, "body");
}

static int multi_step(lua_State *L)
{
    struct bg_http *http = check_multi(L);
    int fd = lua_isnoneornil(L, 2) ? -1 : bg_lfd(L, 2);
    const char *events = fd < 0 ? "" : bg_ltext(L, 3);
    const struct bg_http_done *done;

    bg_http_step(http, fd, strchr(events, 'r') != NULL, strchr(events, 'w') != NULL);
    lua_newtable(L);
    for (int i = 1; (done = bg_http_first_done(http)) != NULL; i++) {
        push_done(L, done);
        lua_rawseti(L, -2, i);
        /* Only now: had pushing raised, it would still be the client's. */
        bg_http_release_first(http);
    }
    return 1;
}

static int multi_forget(lua_State *L)
{
    bg_http_forget(check_multi(L), bg_ltext(L, 2));
    return 0;
}

static const luaL_Reg multi_methods[] = {
    {"add", multi_add},   {"cancel", multi_cancel}, {"interest", multi_interest},
    {"step", multi_step}, {"forget", multi_forget}, {"close", multi_close},
    {NULL, NULL},
};

static int http_new(lua_State *L)
{
    struct bg_http **http = lua_newuserdata(L, sizeof(*http));
    struct bg_err err;

    *http = NULL;
    bg_lclass(L, MULTI_CLASS, multi_methods, multi_gc);
    lua_setmetatable(L, -2);
    return bg_http_new(http, &err) < 0 ? bg_lfail(L, &err) : 1;
}

int luaopen_banger_rt_http(lua_State *L)
{
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, http_new);
    lua_setfield(L, -2, "new");
    return 1;
}
