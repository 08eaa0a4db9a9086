/* Two bridges over a socket pair: Firecracker's vsock protocol from socket to socket. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../bridge.h"
#include "../transport.h"

static char folder[] = "/tmp/banger-bridge-XXXXXX";
static struct bg_bridge *ends[2];
static int pipe_fds[2], listeners[2];

static const char *path(const char *name)
{
    static char full[2][128];
    static int which;
    which = !which;
    snprintf(full[which], sizeof full[which], "%s/%s", folder, name);
    return full[which];
}

/* Lets both ends work until nothing happens. */
static void settle(void)
{
    struct pollfd p[2];
    for (int i = 0; i < 2; i++)
        p[i] = (struct pollfd){.fd = ends[i] ? bg_bridge_fd(ends[i]) : -1, .events = POLLIN};
    while (poll(p, 2, 0) > 0)
        for (int i = 0; i < 2; i++)
            assert(!ends[i] || bg_bridge_step(ends[i], 0) == 0);
}

static int dial(const char *name, const char *command)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    strcpy(to.sun_path, path(name));
    assert(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    assert(write(fd, command, strlen(command)) == (ssize_t)strlen(command));
    settle();
    return fd;
}

static ssize_t hear(int fd, char *to, size_t max)
{
    settle();
    return read(fd, to, max);
}

static void expect(int fd, const char *text)
{
    char got[64] = "";
    ssize_t n = hear(fd, got, sizeof got - 1);
    assert(n == (ssize_t)strlen(text) && memcmp(got, text, (size_t)n) == 0);
}

/* One end is at its service, the other has its connection: ret[0] dialled, ret[1] accepted. */
static void connect_pair(int service, int ret[2])
{
    ret[0] = dial("host", "connect 7\n");
    ret[1] = accept4(service, NULL, NULL, SOCK_NONBLOCK);
    assert(ret[1] >= 0);
    char ok[32] = "";
    assert(hear(ret[0], ok, sizeof ok - 1) > 0);
    assert(strncmp(ok, "OK 1", 4) == 0 && strtoul(ok + 3, NULL, 10) >= 1u << 30);
}

static void close_pair(int pair[2])
{
    close(pair[0]);
    close(pair[1]);
    settle();
}

static void test_refusals(void)
{
    static const char *const commands[] = {"CONNECT 8\n",
                                           "CONNECT\n",
                                           "CONNECT x\n",
                                           "HELLO 7\n",
                                           "CONNECT 4294967296\n",
                                           "CONNECT 7 \n",
                                           "CONNECT 00000000000000000000000000007\n"};
    char got[8];
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        int fd = dial("host", commands[i]);
        ssize_t n = hear(fd, got, sizeof got);
        assert(n == 0 || (n < 0 && errno == ECONNRESET)); /* reset: some of it was not even read */
        close(fd);
    }
}

static void test_half_close(int service)
{
    int pair[2];
    connect_pair(service, pair);
    assert(write(pair[0], "question", 8) == 8);
    shutdown(pair[0], SHUT_WR);
    expect(pair[1], "question");
    expect(pair[1], "");
    assert(write(pair[1], "answer", 6) == 6);
    expect(pair[0], "answer");
    close(pair[1]);
    expect(pair[0], "");
    close_pair((int[2]){pair[0], dup(pair[0])});
}

/* A program that writes much and closes at once: nothing is lost, and a reader that comes late gets it
 * all, in order, while the bridge holds no more than a window. */
static void test_bulk(int service)
{
    enum { SIZE = 3000000 };
    char *sent = malloc(SIZE), *got = malloc(SIZE);
    size_t out = 0, in = 0;
    int pair[2];
    connect_pair(service, pair);
    assert(sent && got);
    for (size_t i = 0; i < SIZE; i++)
        sent[i] = (char)(i * 2654435761u >> 13);
    while (in < SIZE) {
        ssize_t n = out < SIZE ? write(pair[0], sent + out, SIZE - out) : 0;
        out += n > 0 ? (size_t)n : 0;
        if (out == SIZE && pair[0] >= 0) {
            close(pair[0]);
            pair[0] = -1;
        }
        n = hear(pair[1], got + in, 70000);
        in += n > 0 ? (size_t)n : 0;
    }
    assert(memcmp(sent, got, SIZE) == 0);
    assert(hear(pair[1], got, 1) == 0);
    free(sent);
    free(got);
    close(pair[1]);
    settle();
}

static void test_slow_reader_does_not_block_others(int service)
{
    static char bytes[65536];
    int slow[2], quick[2];
    ssize_t n, most = 0;
    connect_pair(service, slow);
    for (int idle = 0; idle < 3;) {
        n = write(slow[0], bytes, sizeof bytes);
        most += n > 0 ? n : 0;
        idle = n > 0 ? 0 : idle + 1;
        settle();
    }
    assert(most < 4 * 1024 * 1024); /* sockets' own buffers and one window */
    connect_pair(service, quick);
    assert(write(quick[0], "hi", 2) == 2);
    expect(quick[1], "hi");
    close_pair(slow);
    close_pair(quick);
}

/* Before the guest is up a connection waits, but not for ever; one that gives up is forgotten. */
static void test_wait_for_guest(void)
{
    int early = dial("host", "CONNECT 7\n"), gone = dial("host", "CONNECT 7\n");
    char got[8];
    assert(read(early, got, sizeof got) < 0);
    close(gone);
    settle();
    while (read(early, got, sizeof got) < 0) {
        struct pollfd p = {.fd = bg_bridge_fd(ends[0]), .events = POLLIN};
        assert(poll(&p, 1, 60000) == 1 && bg_bridge_step(ends[0], 0) == 0);
    }
    assert(read(early, got, sizeof got) == 0);
    close(early);
    settle();
}

static void start_end(int i, const char *name)
{
    listeners[i] = bg_transport_listen_unix(path(name));
    assert(listeners[i] >= 0);
    assert(bg_bridge_new(i ? BG_MUX_GUEST : BG_MUX_HOST, listeners[i], pipe_fds[i], path(name),
                         &ends[i]) == 0);
}

static void stop_end(int i)
{
    bg_bridge_free(ends[i]);
    close(listeners[i]);
}

/* The guest's side starts again: old connections end, new ones work. */
static void test_restart(int service)
{
    int pair[2];
    char got[8];
    connect_pair(service, pair);
    stop_end(1);
    start_end(1, "guest");
    settle();
    assert(hear(pair[0], got, sizeof got) == 0);
    close_pair(pair);
    connect_pair(service, pair);
    assert(write(pair[1], "again", 5) == 5);
    expect(pair[0], "again");
    close_pair(pair);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    assert(mkdtemp(folder));
    assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pipe_fds) == 0);
    start_end(0, "host");
    test_wait_for_guest();
    start_end(1, "guest");
    int service = bg_transport_listen_unix(path("guest_7"));
    assert(service >= 0);
    test_refusals();
    test_half_close(service);
    test_bulk(service);
    test_slow_reader_does_not_block_others(service);
    test_restart(service);
    stop_end(1);
    close(pipe_fds[1]);
    assert(poll(&(struct pollfd){.fd = bg_bridge_fd(ends[0]), .events = POLLIN}, 1, 1000) == 1);
    assert(bg_bridge_step(ends[0], 0) < 0 || bg_bridge_step(ends[0], 0) < 0);
    stop_end(0);
    close(pipe_fds[0]);
    close(service);
    for (const char *const *name = (const char *const[]){"host", "guest", "guest_7", NULL}; *name;
         name++)
        unlink(path(*name));
    rmdir(folder);
    puts("bridge: ok");
    return 0;
}
