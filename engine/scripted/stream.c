#include "stream.h"
#include "agent.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINE = 32, AGENT_PORT = 1025 };

struct stream {
    struct bg_loop *loop;
    unsigned number;
    const char *boot_id;
    bool answered;
    size_t have;
    char line[LINE];
};

static void end(struct stream *s, int fd)
{
    bg_loop_del(s->loop, fd);
    close(fd);
    free(s);
}

static bool tell(int fd, const char *bytes, size_t n)
{
    return send(fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n;
}

/* A byte of the line. False: it is none, or asks for nobody. */
static bool take(struct stream *s, int fd, char c)
{
    char *rest, answer[LINE];
    if (c != '\n') {
        s->line[s->have++] = c;
        return s->have < LINE - 1;
    }
    s->line[s->have] = '\0';
    if (strncasecmp(s->line, "CONNECT ", 8) != 0 || s->line[8] < '0' || s->line[8] > '9' ||
        strtoul(s->line + 8, &rest, 10) != AGENT_PORT || *rest)
        return false;
    s->answered = true;
    int n = snprintf(answer, sizeof answer, "OK %u\n", s->number);
    return tell(fd, answer, (size_t)n);
}

static void on_bytes(void *arg, int fd, uint32_t events)
{
    struct stream *s = arg;
    char data[4096], said[SCRIPTED_ANSWER];
    size_t at = 0;
    (void)events;
    ssize_t n = recv(fd, data, sizeof data, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    while (n > 0 && at < (size_t)n && !s->answered)
        if (!take(s, fd, data[at++]))
            n = 0;
    size_t rest = n > 0 ? (size_t)n - at : 0, known = 0;
    if (rest > 0)
        known = scripted_agent(data + at, rest, s->boot_id, said);
    if (n <= 0 || !tell(fd, known ? said : data + at, known ? known : rest))
        end(s, fd);
}

void stream_begin(struct bg_loop *loop, int fd, unsigned number, const char *boot_id)
{
    struct stream *s = calloc(1, sizeof *s);
    if (s && bg_loop_add(loop, fd, EPOLLIN, on_bytes, s) == 0) {
        s->loop = loop;
        s->number = number;
        s->boot_id = boot_id;
        return;
    }
    free(s);
    close(fd);
}
