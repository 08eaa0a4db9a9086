/* Code that never waits can be interrupted all the same; spin_hook.h has the contract. */
#include "spin_hook.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

/* A prime, so that it falls on every place of a loop in turn: some of them may not be left. */
#define LOOK_EVERY 1000003

static const struct {
    int number;
    const char *name;
} signals[] = {{SIGINT, "sigint"}, {SIGTERM, "sigterm"}, {SIGHUP, "sighup"}};

#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

/* Registry keys, by address: the function, and the thread that `watched` is. */
static const char function_key;
static const char thread_key;

/* One per process, as signals are. */
static lua_State *watched;
static pthread_t main_thread;
static struct sigaction beneath[SIGNALS];
static volatile sig_atomic_t seen; /* 1 + index of the first that came */

static void look(lua_State *L, lua_Debug *where)
{
    (void)where;
    lua_pushlightuserdata(L, (void *)&function_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    lua_pushstring(L, signals[seen - 1].name);
    lua_call(L, 1, 0);
}

static void arm(int number, sig_atomic_t index)
{
    if (seen != 0) {
        signal(number, SIG_DFL);
        raise(number); /* delivered when this handler returns */
        return;
    }
    seen = index + 1;
    /* What LuaJIT's own frontend does in its handler. */
    lua_sethook(watched, look, LUA_MASKCOUNT, LOOK_EVERY);
}

static void on_signal(int number)
{
    int saved = errno;

    if (pthread_equal(pthread_self(), main_thread) == 0) {
        pthread_kill(main_thread, number);
    } else {
        for (size_t i = 0; i < SIGNALS; i++) {
            if (signals[i].number != number)
                continue;
            beneath[i].sa_handler(number);
            arm(number, (sig_atomic_t)i);
        }
    }
    errno = saved;
}

void bg_spin_watch(lua_State *L)
{
    struct sigaction ours = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    lua_pushlightuserdata(L, (void *)&function_key);
    lua_insert(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
    lua_pushlightuserdata(L, (void *)&thread_key);
    lua_pushthread(L);
    lua_rawset(L, LUA_REGISTRYINDEX);
    watched = L;
    main_thread = pthread_self();
    sigfillset(&ours.sa_mask);
    for (size_t i = 0; i < SIGNALS; i++) {
        sigaction(signals[i].number, NULL, &beneath[i]);
        if ((beneath[i].sa_flags & SA_SIGINFO) == 0 && beneath[i].sa_handler != SIG_DFL &&
            beneath[i].sa_handler != SIG_IGN)
            sigaction(signals[i].number, &ours, NULL);
    }
}
