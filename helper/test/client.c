/*
 * helper-client: one request to a running helper from the command line, for tests and for people who look into things.
 *
 *   helper-client SOCKET OPERATION [--cat | --hold] [FIELD=VALUE ...]
 *
 * Values as the runtime's: ids as they are, digests in hex, IPv4 dotted, enums by name, fds as a path to open. Prints
 * FIELD=VALUE of the results. --cat: then sends stdin to the first fd of the reply (a socket) or nothing (a file) and
 * prints what comes from it. --hold: connects, says so on stdout, and asks when stdin ends; its worker can be looked at
 * meanwhile. Exit: 0, or 1 with "code: message" on stderr, or 2 for usage.
 */
#include "talk.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_enum(enum bg_type t)
{
    size_t n;
    return bg_type_values(t, &n) != NULL;
}

static bool set(const struct bg_field *field, void *at, const char *value)
{
    size_t n;
    const struct bg_enum_value *values = bg_type_values(field->type, &n);
    struct in_addr a;
    switch (field->type) {
    case BG_T_VMID:
    case BG_T_JAILID:
    case BG_T_NAME:
        strncpy(at, value, field->type == BG_T_VMID ? 8 : 16);
        return true;
    case BG_T_DIGEST:
        return bg_unhex(at, value, 32);
    case BG_T_IPV4:
        if (inet_pton(AF_INET, value, &a) != 1)
            return false;
        *(uint32_t *)at = ntohl(a.s_addr);
        return true;
    case BG_T_FD:
    case BG_T_OPTFD:
        return (*(int *)at = open(value, O_RDONLY | O_CLOEXEC)) >= 0;
    case BG_T_U64:
        *(uint64_t *)at = strtoull(value, NULL, 0);
        return true;
    default:
        for (size_t i = 0; values && i < n; i++)
            if (strcmp(values[i].name, value) == 0) {
                *(uint32_t *)at = values[i].number;
                return true;
            }
        *(uint32_t *)at = (uint32_t)strtoul(value, NULL, 0);
        return true;
    }
}

static void show(const struct bg_field *field, const void *at)
{
    char hex[65];
    size_t n;
    const struct bg_enum_value *values = bg_type_values(field->type, &n);
    uint32_t number = 0;
    printf("%s=", field->name);
    if (is_enum(field->type) || field->type == BG_T_U32 || field->type == BG_T_SLOT ||
        field->type == BG_T_IPV4)
        number = *(const uint32_t *)at;
    if (field->type == BG_T_VMID || field->type == BG_T_JAILID || field->type == BG_T_NAME)
        printf("%s\n", (const char *)at);
    else if (field->type == BG_T_DIGEST || field->type == BG_T_BOOTID || field->type == BG_T_MAC) {
        bg_hex(hex, at, field->type == BG_T_DIGEST ? 32 : field->type == BG_T_MAC ? 6 : 16);
        puts(hex);
    } else if (field->type == BG_T_IPV4)
        printf("%u.%u.%u.%u\n", number >> 24, number >> 16 & 255, number >> 8 & 255, number & 255);
    else if (field->type == BG_T_U64)
        printf("%llu\n", (unsigned long long)*(const uint64_t *)at);
    else if (field->type == BG_T_I32 || field->type == BG_T_FD || field->type == BG_T_OPTFD)
        printf("%d\n", *(const int *)at);
    else {
        for (size_t i = 0; values && i < n; i++)
            if (values[i].number == number) {
                puts(values[i].name);
                return;
            }
        printf("%u\n", number);
    }
}

static void cat(int fd)
{
    static char buffer[65536];
    struct stat st;
    ssize_t n;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    bool is_socket = fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
    while (is_socket && (n = read(0, buffer, sizeof(buffer))) > 0)
        if (write(fd, buffer, (size_t)n) != n)
            break;
    if (is_socket)
        shutdown(fd, SHUT_WR);
    while ((n = read(fd, buffer, sizeof(buffer))) > 0)
        if (write(1, buffer, (size_t)n) != n)
            break;
}

/* As talk(), with a pause between. */
static int talk_held(const char *path, struct bg_wire *w)
{
    BG_CLOSED int s = talk_connect(path);
    if (s < 0)
        return -1;
    puts("connected");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    return talk_send(s, w) < 0 ? -1 : talk_receive(s, w);
}

int main(int argc, char **argv)
{
    const struct bg_op_row *op = argc >= 3 ? bg_op_by_name(argv[2]) : NULL;
    union bg_args args;
    union bg_results results;
    struct bg_reply reply;
    struct bg_header header;
    struct bg_wire w;
    bool want_cat = false, hold = false;
    memset(&args, 0, sizeof(args));
    if (!op)
        return dprintf(
                   2, "usage: helper-client SOCKET OPERATION [--cat | --hold] [FIELD=VALUE ...]\n"),
               2;
    for (int i = 3; i < argc; i++) {
        size_t f = 0, len = strcspn(argv[i], "=");
        hold = hold || strcmp(argv[i], "--hold") == 0;
        want_cat = want_cat || strcmp(argv[i], "--cat") == 0;
        while (f < op->nargs &&
               (strlen(op->args[f].name) != len || strncmp(op->args[f].name, argv[i], len) != 0))
            f++;
        if (argv[i][0] != '-' &&
            (f == op->nargs || !set(&op->args[f], bg_field_at(&args, f), argv[i] + len + 1)))
            return dprintf(2, "helper-client: %s: cannot be used\n", argv[i]), 2;
    }
    bg_wire_init(&w);
    if (!bg_encode_request(&w, op, 1, &args))
        return dprintf(2, "helper-client: %s %s\n", w.field, w.why), 2;
    if ((hold ? talk_held : talk)(argv[1], &w) < 0)
        return dprintf(2, "helper-client: %s: %s\n", argv[1], strerror(errno)), 3;
    if (!bg_decode_header(&w, &header) || !bg_decode_reply(&w, op, &reply, &results))
        return dprintf(2, "helper-client: bad reply: %s %s\n", w.field, w.why), 3;
    if (reply.code != BG_OK)
        return dprintf(2, "%s: %s\n", bg_code_name(reply.code), reply.message), 1;
    for (size_t i = 0; i < op->nresults; i++)
        if (!want_cat)
            show(&op->results[i], bg_field_at(&results, i));
    fflush(stdout);
    if (want_cat && w.nfds > 0)
        cat(w.fds[0]);
    return 0;
}
