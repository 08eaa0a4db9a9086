/* banger.rt.sys, putting files and links into place: see place.h for what each call promises. */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "lua_util.h"
#include "modules.h"
#include "place.h"

static int sys_copy(lua_State *L)
{
    int fd = bg_lfd(L, 1);
    const char *path = bg_ltext(L, 2);
    mode_t mode = (mode_t)bg_linteger(L, 3, 0, 07777);
    struct bg_err err;

    return bg_lresult_true(L, bg_place_copy(fd, path, mode, &err), &err);
}

static int sys_rename(lua_State *L)
{
    const char *from = bg_ltext(L, 1), *to = bg_ltext(L, 2);
    struct bg_err err;

    return bg_lresult_true(L, bg_place_rename(from, to, &err), &err);
}

static int sys_exchange(lua_State *L)
{
    const char *from = bg_ltext(L, 1), *to = bg_ltext(L, 2);
    struct bg_err err;

    return bg_lresult_true(L, bg_place_exchange(from, to, &err), &err);
}

static int sys_symlink(lua_State *L)
{
    const char *target = bg_ltext(L, 1), *path = bg_ltext(L, 2);
    struct bg_err err;

    return bg_lresult_true(L, bg_place_symlink(target, path, &err), &err);
}

static int sys_readlink(lua_State *L)
{
    const char *path = bg_ltext(L, 1);
    char target[PATH_MAX];
    struct bg_err err;
    ssize_t n = readlink(path, target, sizeof(target));

    if (n < 0) {
        bg_fail_sys(&err, errno, "read link %s", path);
        return bg_lfail(L, &err);
    }
    lua_pushlstring(L, target, (size_t)n);
    return 1;
}

static int sys_sync(lua_State *L)
{
    const char *path = bg_ltext(L, 1);
    struct bg_err err;

    return bg_lresult_true(L, bg_place_sync(path, &err), &err);
}

const luaL_Reg bg_sys_place[] = {
    {"copy", sys_copy},
    {"rename", sys_rename},
    {"exchange", sys_exchange},
    {"symlink", sys_symlink},
    {"readlink", sys_readlink},
    {"sync", sys_sync},
    {NULL, NULL},
};
