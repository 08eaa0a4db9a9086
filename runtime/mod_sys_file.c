/* banger.rt.sys, files: see file.h for what each call promises. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "file.h"
#include "lua_util.h"
#include "modules.h"
#include "util.h"

/* One read() takes no more than this; callers loop anyway. */
#define READ_MAX 65536

static int sys_read(lua_State *L)
{
    int fd = bg_lfd(L, 1);
    size_t max = (size_t)bg_linteger(L, 2, 1, 1LL << 40);
    char bytes[READ_MAX];
    struct bg_err err;
    ssize_t n;

    do
        n = read(fd, bytes, max < sizeof(bytes) ? max : sizeof(bytes));
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        bg_fail_sys(&err, errno, "read");
        return bg_lfail(L, &err);
    }
    lua_pushlstring(L, bytes, (size_t)n);
    return 1;
}

static int sys_write(lua_State *L)
{
    int fd = bg_lfd(L, 1);
    size_t size;
    const char *bytes = luaL_checklstring(L, 2, &size);
    size_t offset = (size_t)bg_loptinteger(L, 3, 0, (long long)size, 0);
    struct bg_err err;
    ssize_t n;

    do
        n = write(fd, bytes + offset, size - offset);
    while (n < 0 && errno == EINTR);
    return bg_lresult_integer(L, n < 0 ? bg_fail_sys(&err, errno, "write") : n, &err);
}

static int sys_close(lua_State *L)
{
    struct bg_err err;
    int r = close(bg_lfd(L, 1));

    return bg_lresult_true(L, r < 0 ? bg_fail_sys(&err, errno, "close") : 0, &err);
}

/* Set or clear `bit` of the flags that `get` and `set` of fcntl handle. */
static int change_flag(lua_State *L, int get, int set, int bit, const char *step)
{
    int fd = bg_lfd(L, 1);
    int flags;
    struct bg_err err;

    luaL_checktype(L, 2, LUA_TBOOLEAN);
    flags = fcntl(fd, get);
    if (flags >= 0)
        flags = fcntl(fd, set, lua_toboolean(L, 2) ? flags | bit : flags & ~bit);
    return bg_lresult_true(L, flags < 0 ? bg_fail_sys(&err, errno, "%s", step) : 0, &err);
}

static int sys_cloexec(lua_State *L)
{
    return change_flag(L, F_GETFD, F_SETFD, FD_CLOEXEC, "set close-on-exec");
}

static int sys_nonblock(lua_State *L)
{
    return change_flag(L, F_GETFL, F_SETFL, O_NONBLOCK, "set non-blocking");
}

static int sys_open(lua_State *L)
{
    const char *path = bg_ltext(L, 1);
    int flags = bg_file_flags(bg_ltext(L, 2));
    mode_t mode = (mode_t)bg_loptinteger(L, 3, 0, 07777, 0600);
    struct bg_err err;
    int fd;

    luaL_argcheck(L, flags >= 0, 2, "r, w or rw expected, then any of c x t a n d");
    fd = open(path, flags, mode);
    return bg_lresult_integer(L, fd < 0 ? bg_fail_sys(&err, errno, "open %s", path) : fd, &err);
}

static int sys_stat(lua_State *L)
{
    struct stat st;
    struct bg_err err;
    int r;

    if (lua_type(L, 1) == LUA_TNUMBER) {
        int fd = bg_lfd(L, 1);
        r = fstat(fd, &st) < 0 ? bg_fail_sys(&err, errno, "stat descriptor %d", fd) : 0;
    } else {
        const char *path = bg_ltext(L, 1);
        r = lstat(path, &st) < 0 ? bg_fail_sys(&err, errno, "stat %s", path) : 0;
    }
    if (r < 0)
        return bg_lfail(L, &err);
    lua_createtable(L, 0, 11);
    bg_lset_string(L, "type", bg_file_type(st.st_mode));
    bg_lset_integer(L, "size", st.st_size);
    bg_lset_integer(L, "blocks", st.st_blocks);
    bg_lset_integer(L, "mode", st.st_mode & 07777);
    bg_lset_integer(L, "uid", st.st_uid);
    bg_lset_integer(L, "gid", st.st_gid);
    bg_lset_integer(L, "dev", (long long)st.st_dev);
    bg_lset_integer(L, "ino", (long long)st.st_ino);
    bg_lset_integer(L, "nlink", (long long)st.st_nlink);
    lua_pushnumber(L, (lua_Number)st.st_mtim.tv_sec + (lua_Number)st.st_mtim.tv_nsec / 1e9);
    lua_setfield(L, -2, "mtime");
    return 1;
}

static int sys_replace(lua_State *L)
{
    const char *path = bg_ltext(L, 1);
    size_t size;
    const char *bytes = luaL_checklstring(L, 2, &size);
    mode_t mode = (mode_t)bg_linteger(L, 3, 0, 07777);
    struct bg_err err;

    return bg_lresult_true(L, bg_file_replace(path, bytes, size, mode, &err), &err);
}

static int sys_mkdir_p(lua_State *L)
{
    const char *path = bg_ltext(L, 1);
    mode_t mode = (mode_t)bg_linteger(L, 2, 0, 07777);
    struct bg_err err;

    return bg_lresult_true(L, bg_file_mkdir_p(path, mode, &err), &err);
}

static int sys_list(lua_State *L)
{
    const char *path = bg_ltext(L, 1);
    struct bg_buf *names = bg_lbuf(L);
    struct bg_err err;
    int count = 0;

    if (bg_file_list(path, names, &err) < 0)
        return bg_lfail(L, &err);
    lua_newtable(L);
    for (size_t at = 0; at < names->size; at += strlen(names->bytes + at) + 1) {
        lua_pushstring(L, names->bytes + at);
        lua_rawseti(L, -2, ++count);
    }
    return 1;
}

static int sys_rmtree(lua_State *L)
{
    const char *path = bg_ltext(L, 1);
    struct bg_err err;

    return bg_lresult_true(L, bg_file_rmtree(path, &err), &err);
}

static int sys_lock(lua_State *L)
{
    static const char *const names[] = {"ex", "sh", "un", NULL};
    static const int how[] = {LOCK_EX, LOCK_SH, LOCK_UN};
    int fd = bg_lfd(L, 1);
    int operation = how[luaL_checkoption(L, 2, NULL, names)] | LOCK_NB;
    struct bg_err err;
    int r = flock(fd, operation);

    return bg_lresult_true(L, r < 0 ? bg_fail_sys(&err, errno, "lock") : 0, &err);
}

static int sys_statfs(lua_State *L)
{
    const char *path = bg_ltext(L, 1);
    char type[24];
    struct statfs fs;
    struct bg_err err;

    if (statfs(path, &fs) < 0) {
        bg_fail_sys(&err, errno, "statfs %s", path);
        return bg_lfail(L, &err);
    }
    bg_file_system_name(fs.f_type, type);
    lua_createtable(L, 0, 3);
    bg_lset_integer(L, "free", (long long)fs.f_bavail * fs.f_bsize);
    bg_lset_integer(L, "total", (long long)fs.f_blocks * fs.f_bsize);
    bg_lset_string(L, "type", type);
    return 1;
}

/* Fill a memfd and seal it: who receives it can rely on content and size. */
static int make_memfd(const char *name, const char *bytes, size_t size, struct bg_err *err)
{
    bg_autofd int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return bg_fail_sys(err, errno, "memfd %s", name);
    for (size_t at = 0; at < size;) {
        ssize_t n = pwrite(fd, bytes + at, size - at, (off_t)at);
        if (n < 0 && errno != EINTR)
            return bg_fail_sys(err, errno, "memfd %s: write", name);
        at += n < 0 ? 0 : (size_t)n;
    }
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        return bg_fail_sys(err, errno, "memfd %s: seal", name);
    return bg_steal_fd(&fd);
}

static int sys_memfd(lua_State *L)
{
    const char *name = bg_ltext(L, 1);
    size_t size;
    const char *bytes = luaL_checklstring(L, 2, &size);
    struct bg_err err;

    return bg_lresult_integer(L, make_memfd(name, bytes, size, &err), &err);
}

const luaL_Reg bg_sys_files[] = {
    {"read", sys_read},       {"write", sys_write},       {"close", sys_close},
    {"cloexec", sys_cloexec}, {"nonblock", sys_nonblock}, {"open", sys_open},
    {"stat", sys_stat},       {"replace", sys_replace},   {"mkdir_p", sys_mkdir_p},
    {"list", sys_list},       {"rmtree", sys_rmtree},     {"lock", sys_lock},
    {"statfs", sys_statfs},   {"memfd", sys_memfd},       {NULL, NULL},
};
