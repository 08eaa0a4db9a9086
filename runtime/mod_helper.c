/*
 * banger.rt.helper: tables from and to the messages of helper/ops.def. The sockets are
 * banger.aio.helper's business.
 */
#include <stdio.h>
#include <string.h>

#include "../helper/names.h"
#include "lua_util.h"
#include "modules.h"
#include "privc.h"
#include "util.h"

static const struct bg_op_row *check_op(lua_State *L, int arg)
{
    const struct bg_op_row *op = bg_op_by_name(bg_ltext(L, arg));

    if (op == NULL)
        luaL_argerror(L, arg, "no operation of the helper has this name");
    return op;
}

/* Fill one argument from the value on top of the stack, and pop it. */
static int read_argument(lua_State *L, const struct bg_op_row *op, const struct bg_field *field,
                         void *value, struct bg_err *err)
{
    char expected[128];
    bool ok = false;
    size_t size;
    const char *text;

    if (bg_priv_is_number(field->type)) {
        ok = lua_type(L, -1) == LUA_TNUMBER &&
             bg_priv_from_number(field->type, lua_tonumber(L, -1), value);
    } else if (lua_type(L, -1) == LUA_TSTRING) {
        text = lua_tolstring(L, -1, &size);
        ok = bg_priv_from_text(field->type, text, size, value);
    }
    if (!ok && lua_isnil(L, -1) && field->type == BG_T_OPTFD) {
        *(bg_t_OPTFD *)value = -1;
        ok = true;
    }
    lua_pop(L, 1);
    if (ok)
        return 0;
    bg_priv_expects(field->type, expected);
    return bg_fail(err, "helper.bad_request", "%s: %s: %s expected", op->name, field->name,
                   expected);
}

static bool has_argument(const struct bg_op_row *op, const char *name)
{
    for (size_t i = 0; i < op->nargs; i++)
        if (strcmp(op->args[i].name, name) == 0)
            return true;
    return false;
}

/* The table at argument 3 into `args`. Every argument must be there and nothing else. */
static int read_arguments(lua_State *L, const struct bg_op_row *op, union bg_args *args,
                          struct bg_err *err)
{
    for (lua_pushnil(L); lua_next(L, 3) != 0; lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING && has_argument(op, lua_tostring(L, -2)))
            continue;
        lua_pop(L, 1);
        return bg_fail(err, "helper.bad_request", "%s: unknown argument %s", op->name,
                       lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "(not a name)");
    }
    for (size_t i = 0; i < op->nargs; i++) {
        int r;
        lua_getfield(L, 3, op->args[i].name);
        r = read_argument(L, op, &op->args[i], bg_field_at(args, i), err);
        if (r < 0)
            return r;
    }
    return 0;
}

static void push_fds(lua_State *L, const struct bg_wire *wire)
{
    lua_createtable(L, (int)wire->nfds, 0);
    for (size_t i = 0; i < wire->nfds; i++) {
        lua_pushinteger(L, wire->fds[i]);
        lua_rawseti(L, -2, (int)i + 1);
    }
}

static int helper_encode(lua_State *L)
{
    const struct bg_op_row *op = check_op(L, 1);
    uint32_t id = (uint32_t)bg_linteger(L, 2, 0, UINT32_MAX);
    union bg_args args;
    struct bg_wire wire;
    struct bg_err err;

    luaL_checktype(L, 3, LUA_TTABLE);
    memset(&args, 0, sizeof(args));
    if (read_arguments(L, op, &args, &err) < 0)
        return bg_lfail(L, &err);
    bg_wire_init(&wire);
    /* The descriptors in `wire` are borrowed from the caller's table: no bg_wire_close here. */
    if (!bg_encode_request(&wire, op, id, &args)) {
        bg_fail(&err, "helper.bad_request", "%s: %s: %s", op->name, wire.field, wire.why);
        return bg_lfail(L, &err);
    }
    lua_pushlstring(L, (const char *)wire.bytes, wire.length);
    push_fds(L, &wire);
    return 2;
}

/* Descriptors of the list at argument 3 become the message's. */
static void take_fds(lua_State *L, struct bg_wire *wire)
{
    size_t count = lua_objlen(L, 3);

    luaL_argcheck(L, count <= BG_WIRE_FDS, 3, "too many descriptors");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 3, (int)i + 1);
        wire->fds[i] = bg_lfd(L, -1);
        lua_pop(L, 1);
    }
    /* Only now: until here a bad list raises, and its descriptors stay the caller's. */
    wire->nfds = count;
}

static void push_result(lua_State *L, const struct bg_field *field, const void *value)
{
    char text[BG_PRIV_TEXT];

    if (field->type == BG_T_OPTFD && *(const bg_t_OPTFD *)value < 0)
        return;
    if (bg_priv_is_number(field->type)) {
        lua_pushnumber(L, bg_priv_to_number(field->type, value));
        lua_setfield(L, -2, field->name);
        return;
    }
    bg_priv_to_text(field->type, value, text);
    bg_lset_string(L, field->name, text);
}

/* Decode into `results`; a reply that tells of a failure becomes `err`. */
static int read_reply(struct bg_wire *wire, const struct bg_op_row *op, union bg_results *results,
                      struct bg_err *err)
{
    struct bg_header header;
    struct bg_reply reply;
    const char *code;

    if (!bg_decode_header(wire, &header))
        return bg_fail(err, "helper.bad_version", "%s: the reply's %s: %s", op->name, wire->field,
                       wire->why);
    /* Operation 0: the helper turned the connection away before it read the request. */
    if (header.op != op->number && header.op != 0)
        return bg_fail(err, "helper.bad_version", "%s: the reply is one of operation %u", op->name,
                       header.op);
    if (!bg_decode_reply(wire, op, &reply, results))
        return bg_fail(err, "helper.bad_version", "%s: the reply's %s: %s", op->name, wire->field,
                       wire->why);
    if (reply.code == BG_OK && header.op == op->number)
        return 0;
    code = reply.code == BG_OK ? NULL : bg_code_name(reply.code);
    if (code == NULL)
        return bg_fail(err, "helper.bad_version",
                       "%s: failed with code %u, which this banger does not know: %s", op->name,
                       reply.code, reply.message);
    bg_fail(err, code, "%s: %s", op->name, reply.message);
    err->sys = (int)reply.sys;
    return -1;
}

static int helper_decode(lua_State *L)
{
    const struct bg_op_row *op = check_op(L, 1);
    size_t size;
    const char *bytes = luaL_checklstring(L, 2, &size);
    BG_CLEANUP(bg_wire_close) struct bg_wire wire;
    union bg_results results;
    struct bg_err err;

    bg_wire_init(&wire);
    luaL_checktype(L, 3, LUA_TTABLE);
    take_fds(L, &wire);
    if (size > sizeof(wire.bytes)) {
        bg_fail(&err, "helper.bad_version", "%s: the reply is too long", op->name);
        return bg_lfail(L, &err);
    }
    memcpy(wire.bytes, bytes, size);
    wire.length = size;
    if (read_reply(&wire, op, &results, &err) < 0)
        return bg_lfail(L, &err);
    lua_createtable(L, 0, (int)op->nresults);
    for (size_t i = 0; i < op->nresults; i++)
        push_result(L, &op->results[i], bg_field_at(&results, i));
    wire.nfds = 0; /* the table has them */
    return 1;
}

static void push_fields(lua_State *L, const struct bg_field *fields, size_t count)
{
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_createtable(L, 0, 2);
        bg_lset_string(L, "name", fields[i].name);
        bg_lset_string(L, "type", bg_type_name(fields[i].type));
        lua_rawseti(L, -2, (int)i + 1);
    }
}

static int helper_ops(lua_State *L)
{
    lua_createtable(L, (int)bg_ops_count, 0);
    for (size_t i = 0; i < bg_ops_count; i++) {
        lua_createtable(L, 0, 6);
        bg_lset_string(L, "name", bg_ops[i].name);
        bg_lset_integer(L, "number", bg_ops[i].number);
        bg_lset_string(L, "doc", bg_op_texts[i].doc);
        bg_lset_string(L, "safe", bg_op_texts[i].safe);
        push_fields(L, bg_ops[i].args, bg_ops[i].nargs);
        lua_setfield(L, -2, "args");
        push_fields(L, bg_ops[i].results, bg_ops[i].nresults);
        lua_setfield(L, -2, "results");
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

static int helper_codes(lua_State *L)
{
    lua_createtable(L, (int)bg_codes_count, 0);
    for (size_t i = 0; i < bg_codes_count; i++) {
        lua_createtable(L, 0, 3);
        bg_lset_string(L, "symbol", bg_codes[i].symbol);
        bg_lset_integer(L, "number", bg_codes[i].number);
        bg_lset_string(L, "code", bg_codes[i].name);
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

static int helper_socket_path(lua_State *L)
{
    const char *instance = bg_ltext(L, 1);

    luaL_argcheck(L, bg_valid_instance(instance), 1, "not the name of an instance");
    lua_pushfstring(L, "%s/helper.sock", bg_run_root(instance).s);
    return 1;
}

static const luaL_Reg helper_functions[] = {
    {"encode", helper_encode}, {"decode", helper_decode},           {"ops", helper_ops},
    {"codes", helper_codes},   {"socket_path", helper_socket_path}, {NULL, NULL},
};

int luaopen_banger_rt_helper(lua_State *L)
{
    lua_createtable(L, 0, BG_COUNT(helper_functions));
    luaL_register(L, NULL, helper_functions);
    return 1;
}
