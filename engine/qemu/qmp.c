/* Messages are lines of JSON. Those of a command's answer and those that the loop finds go through
 * the same function; nothing here allocates beyond one line of bounded length. */
#include "qmp.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_LINE (1u << 20)

struct data {
    uint64_t set;
    char *reason, *status;
    bool guest;
};

struct fault {
    uint64_t set;
    char *desc;
};

struct number {
    uint64_t set;
    uint32_t major, minor;
};

struct version {
    uint64_t set;
    struct number qemu;
};

struct greeting {
    uint64_t set;
    struct version version;
};

struct message {
    uint64_t set;
    char *event;
    struct data data;
    struct fault error;
    struct greeting greeting;
};
enum { MESSAGE_EVENT, MESSAGE_DATA, MESSAGE_RETURN, MESSAGE_ERROR, MESSAGE_GREETING };

static const struct bg_field data_fields[] = {
    {"reason", BG_STRING, 0, offsetof(struct data, reason)},
    {"status", BG_STRING, 0, offsetof(struct data, status)},
    {"guest", BG_BOOL, 0, offsetof(struct data, guest)},
};
static const struct bg_schema data_schema = {.name = "Data",
                                             .fields = data_fields,
                                             .n_fields = 3,
                                             .lenient = true,
                                             .size = sizeof(struct data)};

static const struct bg_field fault_fields[] = {
    {"desc", BG_STRING, 0, offsetof(struct fault, desc)},
};
static const struct bg_schema fault_schema = {.name = "Fault",
                                              .fields = fault_fields,
                                              .n_fields = 1,
                                              .lenient = true,
                                              .size = sizeof(struct fault)};

static const struct bg_field number_fields[] = {
    {"major", BG_U32, 0, offsetof(struct number, major)},
    {"minor", BG_U32, 0, offsetof(struct number, minor)},
};
static const struct bg_schema number_schema = {.name = "Number",
                                               .fields = number_fields,
                                               .n_fields = 2,
                                               .lenient = true,
                                               .size = sizeof(struct number)};

static const struct bg_field version_fields[] = {
    {"qemu", BG_OBJECT, 0, offsetof(struct version, qemu), &number_schema},
};
static const struct bg_schema version_schema = {.name = "Version",
                                                .fields = version_fields,
                                                .n_fields = 1,
                                                .lenient = true,
                                                .size = sizeof(struct version)};

static const struct bg_field greeting_fields[] = {
    {"version", BG_OBJECT, 0, offsetof(struct greeting, version), &version_schema},
};
static const struct bg_schema greeting_schema = {.name = "Greeting",
                                                 .fields = greeting_fields,
                                                 .n_fields = 1,
                                                 .lenient = true,
                                                 .size = sizeof(struct greeting)};

static const struct bg_field message_fields[] = {
    {"event", BG_STRING, 0, offsetof(struct message, event)},
    {"data", BG_OBJECT, 0, offsetof(struct message, data), &data_schema},
    {"return", BG_IGNORED, 0, 0},
    {"error", BG_OBJECT, 0, offsetof(struct message, error), &fault_schema},
    {"QMP", BG_OBJECT, 0, offsetof(struct message, greeting), &greeting_schema},
};
static const struct bg_schema message_schema = {.name = "Message",
                                                .fields = message_fields,
                                                .n_fields = 5,
                                                .lenient = true,
                                                .size = sizeof(struct message)};

struct bg_qmp {
    struct bg_loop *loop;
    int fd;
    struct bg_buf in;
    bg_qmp_event_fn on_event;
    void *arg;
    bool greeted, answered, failed;
    struct number version;
    char migration[32]; /* the last status told by an event */
    char desc[256];
};

static void take_line(struct bg_qmp *qmp, size_t len)
{
    struct bg_json json;
    struct message m = {0};
    bg_json_init(&json, qmp->in.data, len);
    if (bg_schema_decode(&message_schema, &json, &m) < 0)
        return; /* a shape that we do not read */
    if (bg_is_set(&m, MESSAGE_GREETING)) {
        qmp->greeted = true;
        qmp->version = m.greeting.version.qemu;
    }
    if (bg_is_set(&m, MESSAGE_RETURN))
        qmp->answered = true;
    if (bg_is_set(&m, MESSAGE_ERROR)) {
        (void)snprintf(qmp->desc, sizeof qmp->desc, "%s", m.error.desc ? m.error.desc : "?");
        qmp->answered = qmp->failed = true;
    }
    if (m.event) {
        if (strcmp(m.event, "MIGRATION") == 0 && m.data.status)
            (void)snprintf(qmp->migration, sizeof qmp->migration, "%s", m.data.status);
        qmp->on_event(qmp->arg, m.event, m.data.reason ? m.data.reason : "", m.data.guest);
    }
    bg_schema_free(&message_schema, &m);
}

/* Reads what is there; -errno when the other side has gone. */
static int receive(struct bg_qmp *qmp)
{
    char data[4096], *newline;
    ssize_t n = recv(qmp->fd, data, sizeof data, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    if (n == 0 || qmp->in.len > MAX_LINE)
        return -EPIPE;
    bg_buf_add(&qmp->in, data, (size_t)n);
    while (qmp->in.len > 0 && (newline = memchr(qmp->in.data, '\n', qmp->in.len))) {
        size_t len = (size_t)(newline - qmp->in.data);
        take_line(qmp, len);
        bg_buf_drop(&qmp->in, len + 1);
    }
    return 0;
}

static void on_readable(void *arg, int fd, uint32_t events)
{
    struct bg_qmp *qmp = arg;
    (void)events;
    if (receive(qmp) < 0)
        bg_loop_del(qmp->loop, fd); /* the process's end is told by its pidfd */
}

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool done_greeting(const struct bg_qmp *qmp)
{
    return qmp->greeted;
}

static bool done_answer(const struct bg_qmp *qmp)
{
    return qmp->answered;
}

static bool done_migration(const struct bg_qmp *qmp)
{
    return strcmp(qmp->migration, "completed") == 0 || strcmp(qmp->migration, "failed") == 0;
}

static int await(struct bg_qmp *qmp, bool (*done)(const struct bg_qmp *), int timeout_ms,
                 const char *what, struct bg_vmm_error *error)
{
    int64_t end = now_ms() + timeout_ms;
    while (!done(qmp)) {
        int64_t left = end - now_ms();
        struct pollfd p = {.fd = qmp->fd, .events = POLLIN};
        if (left <= 0) {
            (void)snprintf(error->text, sizeof error->text, "QEMU: no answer to %.100s", what);
            return -1;
        }
        if (poll(&p, 1, (int)left) > 0 && receive(qmp) < 0) {
            (void)snprintf(error->text, sizeof error->text, "QEMU: ended during %.100s", what);
            return -1;
        }
    }
    return 0;
}

static int send_command(struct bg_qmp *qmp, const char *command, int fd)
{
    struct iovec part = {.iov_base = (char *)command, .iov_len = strlen(command)};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    ssize_t n = sendmsg(qmp->fd, &message, MSG_NOSIGNAL);
    return n == (ssize_t)part.iov_len ? 0 : -EPIPE;
}

void bg_qmp_version(const struct bg_qmp *qmp, unsigned *ret_major, unsigned *ret_minor)
{
    *ret_major = qmp->version.major;
    *ret_minor = qmp->version.minor;
}

int bg_qmp_command(struct bg_qmp *qmp, const char *command, int fd, int timeout_ms,
                   struct bg_vmm_error *error)
{
    qmp->answered = qmp->failed = false;
    if (send_command(qmp, command, fd) < 0) {
        (void)snprintf(error->text, sizeof error->text, "QEMU: ended before %.100s", command);
        return -1;
    }
    if (await(qmp, done_answer, timeout_ms, command, error) < 0)
        return -1;
    if (!qmp->failed)
        return 0;
    (void)snprintf(error->text, sizeof error->text, "QEMU: %s", qmp->desc);
    return -1;
}

int bg_qmp_wait_migration(struct bg_qmp *qmp, int timeout_ms, struct bg_vmm_error *error)
{
    if (await(qmp, done_migration, timeout_ms, "migrate", error) < 0)
        return -1;
    bool ok = strcmp(qmp->migration, "completed") == 0;
    qmp->migration[0] = '\0';
    if (!ok)
        (void)snprintf(error->text, sizeof error->text, "QEMU: migration failed");
    return ok ? 0 : -1;
}

int bg_qmp_open(struct bg_loop *loop, int fd, int timeout_ms, bg_qmp_event_fn on_event, void *arg,
                struct bg_qmp **ret, struct bg_vmm_error *error)
{
    struct bg_qmp *qmp = calloc(1, sizeof *qmp);
    if (!qmp) {
        close(fd);
        (void)snprintf(error->text, sizeof error->text, "out of memory");
        return -1;
    }
    *qmp = (struct bg_qmp){.loop = loop, .fd = fd, .on_event = on_event, .arg = arg};
    if (await(qmp, done_greeting, timeout_ms, "its start", error) < 0 ||
        bg_qmp_command(qmp, "{\"execute\":\"qmp_capabilities\"}", -1, timeout_ms, error) < 0) {
        bg_qmp_close(qmp);
        return -1;
    }
    if (bg_loop_add(loop, fd, EPOLLIN, on_readable, qmp) < 0) {
        (void)snprintf(error->text, sizeof error->text, "QEMU: its control socket is unusable");
        bg_qmp_close(qmp);
        return -1;
    }
    *ret = qmp;
    return 0;
}

void bg_qmp_close(struct bg_qmp *qmp)
{
    if (!qmp)
        return;
    bg_loop_del(qmp->loop, qmp->fd);
    close(qmp->fd);
    bg_buf_free(&qmp->in);
    free(qmp);
}
