/* banger.h as a host sees it: values, errors, limits, primitives, the loop, many runtimes. */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "../banger.h"
#include "test.h"

static struct banger *open_runtime(size_t memory_limit)
{
    struct banger_options options = {.size = sizeof(options), .memory_limit = memory_limit};
    struct banger *runtime = NULL;
    struct banger_error error;

    CHECK(banger_open(&options, &runtime, &error) == 0);
    return runtime;
}

static int run(struct banger *runtime, const char *source, struct banger_value *result,
               struct banger_error *error)
{
    return banger_run_text(runtime, "=test", source, strlen(source), NULL, 0, result, error);
}

static void values_cross_unchanged(void)
{
    struct banger *runtime = open_runtime(0);
    struct banger_value args[] = {
        {.type = BANGER_NIL},
        {.type = BANGER_BOOLEAN, .boolean = 1},
        {.type = BANGER_NUMBER, .number = 0.5},
        {.type = BANGER_STRING, .bytes = "a\0b", .size = 3},
        {.type = BANGER_JSON, .bytes = "{\"x\":[1,2]}", .size = 11},
    };
    static const char source[] = "local n, b, d, s, t = ... "
                                 "assert(n == nil and b == true and d == 0.5 and #s == 3) "
                                 "return { sum = t.x[1] + t.x[2] }";
    struct banger_value result;
    struct banger_error error;

    CHECK(banger_run_text(runtime, "=test", source, sizeof(source) - 1, args, 5, &result, &error) ==
          0);
    CHECK(result.type == BANGER_JSON);
    CHECK_TEXT(result.bytes, "{\"sum\":3}");
    CHECK(run(runtime, "return 'x\\0y'", &result, &error) == 0);
    CHECK(result.type == BANGER_STRING && result.size == 3 && memcmp(result.bytes, "x\0y", 4) == 0);
    CHECK(run(runtime, "", &result, &error) == 0 && result.type == BANGER_NIL);
    CHECK(run(runtime, "return print", &result, &error) < 0);
    CHECK_TEXT(error.message, "a function cannot be given to the host");
    banger_close(runtime);
}

static void failures_become_errors(void)
{
    struct banger *runtime = open_runtime(0);
    struct banger_error error;

    CHECK(run(runtime, "local x = nil; return x.y", NULL, &error) < 0);
    CHECK_TEXT(error.code, "internal");
    CHECK(strstr(error.traceback, "stack traceback") != NULL);
    CHECK(
        run(runtime,
            "return nil, require('banger.core.err').new('vm.not_found', 'no vm', {remedy='look'})",
            NULL, &error) < 0);
    CHECK_TEXT(error.code, "vm.not_found");
    CHECK_TEXT(error.message, "no vm");
    CHECK_TEXT(error.remedy, "look");
    CHECK(run(runtime, "error(setmetatable({}, {__index = error, __tostring = error}))", NULL,
              &error) < 0);
    CHECK_TEXT(error.message, "a table was raised");
    CHECK(run(runtime, "return return", NULL, &error) < 0);
    CHECK(run(runtime, "\033LJ\2", NULL, &error) < 0);
    CHECK(strstr(error.message, "wrong mode") != NULL);
    CHECK(banger_call(runtime, "no.module", "f", NULL, 0, NULL, &error) < 0);
    CHECK(banger_run_file(runtime, "/none.lua", NULL, 0, NULL, &error) < 0);
    CHECK(run(runtime, "return 1", NULL, &error) == 0);
    banger_close(runtime);
}

static void memory_is_limited(void)
{
    struct banger *runtime = open_runtime(8 << 20);
    struct banger_error error;

    CHECK(run(runtime, "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end", NULL,
              &error) < 0);
    CHECK(strstr(error.message, "not enough memory") != NULL);
    CHECK(run(runtime, "collectgarbage() return ('x'):rep(1000000)", NULL, &error) == 0);
    banger_close(runtime);
}

static int add(void *userdata, const struct banger_value *args, size_t count,
               struct banger_value *ret_result, struct banger_error *error)
{
    (*(int *)userdata)++;
    if (count != 2 || args[0].type != BANGER_NUMBER || args[1].type != BANGER_NUMBER)
        return banger_fail(error, "usage.invalid", "two numbers expected");
    *ret_result =
        (struct banger_value){.type = BANGER_NUMBER, .number = args[0].number + args[1].number};
    return 0;
}

static int enter_again(void *userdata, const struct banger_value *args, size_t count,
                       struct banger_value *ret_result, struct banger_error *error)
{
    (void)args;
    (void)count;
    (void)ret_result;
    return banger_run_text(userdata, "=inner", "return 1", 8, NULL, 0, NULL, error);
}

static void hosts_add_functions(void)
{
    struct banger *runtime = open_runtime(0);
    struct banger_error error;
    struct banger_value result;
    int calls = 0;

    CHECK(banger_register(runtime, "host.math", "add", add, &calls, &error) == 0);
    CHECK(banger_register(runtime, "host.math", "again", enter_again, runtime, &error) == 0);
    CHECK(banger_register(runtime, "banger.core", "x", add, &calls, &error) < 0);
    CHECK(run(runtime, "return require('host.math').add(2, 3)", &result, &error) == 0);
    CHECK(result.number == 5 && calls == 1);
    CHECK(run(runtime,
              "local v, e = require('host.math').add('2') "
              "assert(v == nil and require('banger.core.err').is(e)) return e.code",
              &result, &error) == 0);
    CHECK_TEXT(result.bytes, "usage.invalid");
    CHECK(run(runtime, "local v, e = require('host.math').again() return e.message", &result,
              &error) == 0);
    CHECK_TEXT(result.bytes, "a function of the host called its runtime again");
    banger_close(runtime);
}

static void host_loops_drive_scripts(void)
{
    static const char source[] = "local uv, n = require 'luv', 0 local t = uv.new_timer() "
                                 "t:start(1, 1, function() n = n + 1 "
                                 "if n == 3 then t:close() end count = n end)";
    struct banger *runtime = open_runtime(0);
    struct banger_error error;
    struct banger_value result;
    struct pollfd pollfd = {.events = POLLIN};

    CHECK(banger_loop_timeout(runtime) == -1 && banger_loop_step(runtime) == 0);
    CHECK(run(runtime, source, NULL, &error) == 0);
    pollfd.fd = banger_loop_fd(runtime, &error);
    CHECK(pollfd.fd >= 0);
    while (banger_loop_step(runtime) == 1)
        poll(&pollfd, 1, banger_loop_timeout(runtime));
    CHECK(run(runtime, "return count", &result, &error) == 0 && result.number == 3);
    CHECK(run(runtime, source, NULL, &error) == 0);
    banger_loop_run(runtime);
    CHECK(run(runtime, "return count", &result, &error) == 0 && result.number == 3);
    /* Closed with a live timer. */
    CHECK(run(runtime, source, NULL, &error) == 0);
    banger_close(runtime);
}

static void take_report(void *userdata, const struct banger_error *error)
{
    *(struct banger_error *)userdata = *error;
}

static void callbacks_errors_are_reported(void)
{
    static const char source[] = "local t = require('luv').new_timer() "
                                 "t:start(0, 0, function() t:close() error 'boom' end)";
    struct banger_error seen = {.code = ""}, error;
    struct banger_options options = {
        .size = sizeof(options), .report = take_report, .userdata = &seen};
    struct banger *runtime = NULL;

    CHECK(banger_open(&options, &runtime, &error) == 0);
    CHECK(run(runtime, source, NULL, &error) == 0);
    banger_loop_run(runtime);
    CHECK(strstr(seen.message, "boom") != NULL);
    CHECK(strstr(seen.traceback, "stack traceback") != NULL);
    banger_close(runtime);
}

static void nothing_comes_from_the_environment(void)
{
    struct banger *runtime;
    struct banger_error error;

    setenv("LUA_PATH", "/tmp/?.lua", 1);
    setenv("LUA_CPATH", "/tmp/?.so", 1);
    runtime = open_runtime(0);
    CHECK(run(runtime, "assert(package.path == '' and package.cpath == '' and not package.loadlib)",
              NULL, &error) == 0);
    CHECK(run(runtime, "assert(not load(string.dump(function() end)))", NULL, &error) == 0);
    banger_close(runtime);
}

static void *use_one(void *number)
{
    struct banger *runtime = open_runtime(0);
    struct banger_error error;
    struct banger_value arg = {.type = BANGER_NUMBER, .number = (double)(size_t)number}, result;
    static const char source[] = "local n, uv = ..., require 'luv' local t, seen = uv.new_timer() "
                                 "t:start(1, 0, function() seen = n t:close() end) uv.run() "
                                 "return seen";

    for (int i = 0; i < 20; i++) {
        CHECK(banger_run_text(runtime, "=test", source, sizeof(source) - 1, &arg, 1, &result,
                              &error) == 0);
        CHECK(result.number == arg.number);
    }
    banger_close(runtime);
    return NULL;
}

static void runtimes_are_independent(void)
{
    pthread_t threads[4];

    for (size_t i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, use_one, (void *)i) == 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static void options_are_checked(void)
{
    struct banger_options options = {.size = sizeof(options) + 8};
    struct banger *runtime = NULL;
    struct banger_error error;

    CHECK(banger_open(&options, &runtime, &error) < 0 && runtime == NULL);
    options.size = sizeof(options.size); /* an older host */
    CHECK(banger_open(&options, &runtime, &error) == 0);
    banger_close(runtime);
    CHECK(banger_open(NULL, &runtime, &error) == 0);
    banger_close(runtime);
    banger_close(NULL);
    CHECK(banger_version()[0] != '\0');
}

int main(void)
{
    values_cross_unchanged();
    failures_become_errors();
    memory_is_limited();
    hosts_add_functions();
    host_loops_drive_scripts();
    callbacks_errors_are_reported();
    nothing_comes_from_the_environment();
    runtimes_are_independent();
    options_are_checked();
    return test_status();
}
