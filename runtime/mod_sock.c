/* banger.rt.sock: see sock.h. */
#include "lua_util.h"
#include "modules.h"
#include "sock.h"
#include "util.h"

/* One recv() takes no more than this; a stream's reader loops, and no message of ours is larger. */
#define RECV_MAX 65536

static int check_type(lua_State *L, int arg)
{
    static const char *const names[] = {"stream", "seqpacket", "dgram", NULL};
    static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};

    return types[luaL_checkoption(L, arg, NULL, names)];
}

static int sock_connect(lua_State *L)
{
    const char *path = bg_ltext(L, 1);
    int type = check_type(L, 2);
    struct bg_err err;

    return bg_lresult_integer(L, bg_sock_connect(path, type, &err), &err);
}

static int sock_listen(lua_State *L)
{
    const char *path = bg_ltext(L, 1);
    int type = check_type(L, 2);
    mode_t mode = (mode_t)bg_linteger(L, 3, 0, 0777);
    struct bg_err err;

    luaL_argcheck(L, type != SOCK_DGRAM, 2, "nobody connects to a socket for datagrams");
    return bg_lresult_integer(L, bg_sock_listen(path, type, mode, &err), &err);
}

static int sock_inherited(lua_State *L)
{
    int first = 0;
    int count = bg_sock_inherited(&first);

    lua_createtable(L, count, 0);
    for (int i = 0; i < count; i++) {
        lua_pushinteger(L, first + i);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

static int sock_accept(lua_State *L)
{
    struct bg_err err;

    return bg_lresult_integer(L, bg_sock_accept(bg_lfd(L, 1), &err), &err);
}

static int sock_peer(lua_State *L)
{
    struct ucred peer;
    struct bg_err err;

    if (bg_sock_peer(bg_lfd(L, 1), &peer, &err) < 0)
        return bg_lfail(L, &err);
    lua_createtable(L, 0, 3);
    bg_lset_integer(L, "uid", peer.uid);
    bg_lset_integer(L, "gid", peer.gid);
    bg_lset_integer(L, "pid", peer.pid);
    return 1;
}

/* The descriptors of the list at `arg` (none for nil). Borrowed: the list's owner keeps them. */
static size_t check_fds(lua_State *L, int arg, int fds[static BG_SOCK_MAX_FDS])
{
    size_t count;

    if (lua_isnoneornil(L, arg))
        return 0;
    luaL_checktype(L, arg, LUA_TTABLE);
    count = lua_objlen(L, arg);
    luaL_argcheck(L, count <= BG_SOCK_MAX_FDS, arg, "at most 16 descriptors");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, arg, (int)i + 1);
        luaL_argcheck(L, lua_isnumber(L, -1), arg, "a list of descriptors expected");
        fds[i] = (int)lua_tointeger(L, -1);
        lua_pop(L, 1);
    }
    return count;
}

static int sock_send(lua_State *L)
{
    int fd = bg_lfd(L, 1);
    size_t size;
    const char *bytes = luaL_checklstring(L, 2, &size);
    int fds[BG_SOCK_MAX_FDS];
    size_t fd_count = check_fds(L, 3, fds);
    size_t offset = (size_t)bg_loptinteger(L, 4, 0, (long long)size, 0);
    struct bg_err err;

    return bg_lresult_integer(
        L, bg_sock_send(fd, bytes + offset, size - offset, fds, fd_count, &err), &err);
}

struct received {
    int fds[BG_SOCK_MAX_FDS];
    size_t count;
};

static void close_received(struct received *received)
{
    for (size_t i = 0; i < received->count; i++)
        close(received->fds[i]);
}

static int sock_recv(lua_State *L)
{
    int fd = bg_lfd(L, 1);
    size_t max = (size_t)bg_linteger(L, 2, 1, 1LL << 40);
    size_t max_fds = (size_t)bg_loptinteger(L, 3, 0, BG_SOCK_MAX_FDS, 0);
    BG_CLEANUP(close_received) struct received received = {.count = 0};
    char bytes[RECV_MAX];
    struct bg_err err;
    ssize_t n = bg_sock_recv(fd, bytes, max < sizeof(bytes) ? max : sizeof(bytes), received.fds,
                             max_fds, &received.count, &err);

    if (n < 0)
        return bg_lfail(L, &err);
    lua_pushlstring(L, bytes, (size_t)n);
    lua_createtable(L, (int)received.count, 0);
    for (size_t i = 0; i < received.count; i++) {
        lua_pushinteger(L, received.fds[i]);
        lua_rawseti(L, -2, (int)i + 1);
    }
    received.count = 0; /* the list's owner has them now */
    return 2;
}

static int sock_pair(lua_State *L)
{
    int type = check_type(L, 1);
    int fds[2];
    struct bg_err err;

    if (bg_sock_pair(type, fds, &err) < 0)
        return bg_lfail(L, &err);
    lua_pushinteger(L, fds[0]);
    lua_pushinteger(L, fds[1]);
    return 2;
}

static const luaL_Reg sock_functions[] = {
    {"connect", sock_connect}, {"listen", sock_listen}, {"inherited", sock_inherited},
    {"accept", sock_accept},   {"peer", sock_peer},     {"send", sock_send},
    {"recv", sock_recv},       {"pair", sock_pair},     {NULL, NULL},
};

int luaopen_banger_rt_sock(lua_State *L)
{
    lua_createtable(L, 0, BG_COUNT(sock_functions));
    luaL_register(L, NULL, sock_functions);
    return 1;
}
