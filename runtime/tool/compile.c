/*
 * compile FOLDER FILE…: each Lua file as LuaJIT's bytecode, below FOLDER under the same name, whose folders exist. Run by
 * the build. The programs carry the output (runtime/embed): to parse the modules of a command takes longer than to run it.
 *
 * Line numbers and names of variables are kept, so that tracebacks say what they would of the source. The same
 * sources give the same bytes: all that differs from run to run, the order of keys in constant tables, follows from
 * the seed of LuaJIT's string hash, which comes from getrandom by way of syscall(), and that is ours.
 *
 * Bytecode fits only the LuaJIT that made it: this links the same archive as the programs that carry it.
 */
#include <errno.h>
#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* For LuaJIT, which asks for nothing but its seed. */
long syscall(long number, ...)
{
    va_list args;
    void *bytes;
    size_t size;

    if (number != SYS_getrandom) {
        errno = ENOSYS;
        return -1;
    }
    va_start(args, number);
    bytes = va_arg(args, void *);
    size = va_arg(args, size_t);
    va_end(args);
    memset(bytes, 1, size);
    return (long)size;
}

static void die(const char *what, const char *why)
{
    fprintf(stderr, "compile: %s: %s\n", what, why);
    exit(1);
}

static int append(lua_State *L, const void *bytes, size_t size, void *file)
{
    (void)L;
    return fwrite(bytes, 1, size, file) == size ? 0 : 1;
}

static void compile(const char *folder, const char *file)
{
    lua_State *L = luaL_newstate();
    char target[4096];
    FILE *out;

    snprintf(target, sizeof(target), "%s/%s", folder, file);
    if (L == NULL)
        die(file, "out of memory");
    if (luaL_loadfilex(L, file, "t") != 0)
        die(file, lua_tostring(L, -1));
    out = fopen(target, "wb");
    if (out == NULL || lua_dump(L, append, out) != 0 || fclose(out) != 0)
        die(target, strerror(errno));
    lua_close(L);
}

int main(int argc, char **argv)
{
    for (int i = 2; i < argc; i++)
        compile(argv[1], argv[i]);
    return 0;
}
