/* banger.rt.signature: see sig.h. */
#include "lua_util.h"
#include "modules.h"
#include "sig.h"

static int signature_sha256(lua_State *L)
{
    size_t size;
    const char *bytes = luaL_checklstring(L, 1, &size);
    char hex[BG_SHA256_HEX];
    struct bg_err err;

    /* Only a host without libcrypto fails here, and nothing of banger works there. */
    if (bg_sha256(bytes, size, hex, &err) < 0)
        return luaL_error(L, "%s", err.message);
    lua_pushlstring(L, hex, BG_SHA256_HEX - 1);
    return 1;
}

static int signature_sha256_fd(lua_State *L)
{
    char hex[BG_SHA256_HEX];
    struct bg_err err;

    if (bg_sha256_fd(bg_lfd(L, 1), hex, &err) < 0)
        return bg_lfail(L, &err);
    lua_pushlstring(L, hex, BG_SHA256_HEX - 1);
    return 1;
}

static int signature_verify(lua_State *L)
{
    size_t pem_size, size, signature_size;
    const char *pem = luaL_checklstring(L, 1, &pem_size);
    const char *bytes = luaL_checklstring(L, 2, &size);
    const char *signature = luaL_checklstring(L, 3, &signature_size);
    struct bg_err err;
    int r = bg_signature_verify(pem, pem_size, bytes, size, signature, signature_size, &err);

    return bg_lresult_true(L, r, &err);
}

static int signature_ed25519_public(lua_State *L)
{
    size_t size;
    const char *seed = luaL_checklstring(L, 1, &size);
    unsigned char public[BG_ED25519_SIZE];
    struct bg_err err;

    luaL_argcheck(L, size == BG_ED25519_SIZE, 1, "32 bytes expected");
    if (bg_ed25519_public((const unsigned char *)seed, public, &err) < 0)
        return bg_lfail(L, &err);
    lua_pushlstring(L, (const char *)public, sizeof(public));
    return 1;
}

static const luaL_Reg signature_functions[] = {
    {"sha256", signature_sha256},
    {"sha256_fd", signature_sha256_fd},
    {"verify", signature_verify},
    {"ed25519_public", signature_ed25519_public},
    {NULL, NULL},
};

int luaopen_banger_rt_signature(lua_State *L)
{
    lua_createtable(L, 0, 4);
    luaL_register(L, NULL, signature_functions);
    return 1;
}
