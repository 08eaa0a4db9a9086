/*
 * libFuzzer on everything that a client's bytes reach before an act function: header, fields, dispatch, reply; and on
 * the parsers of the kernel's texts, in which a process chooses its name. The act functions are replaced by ones that
 * check what validation promises. The first byte says how many fds come along. With COVERAGE it runs the files that it
 * is given, without libFuzzer.
 */
#include "../../runtime/wire_client.h"
#include "../helper.h"
#include "../proc.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void promised(const struct bg_op_row *op, const void *args)
{
    for (size_t i = 0; i < op->nargs; i++) {
        const void *at = bg_field_at((void *)args, i);
        size_t n, k = 0;
        const struct bg_enum_value *values = bg_type_values(op->args[i].type, &n);
        if (op->args[i].type == BG_T_VMID && (!bg_valid_id(at, 8) || ((const char *)at)[8] != 0))
            abort();
        if (op->args[i].type == BG_T_SLOT && *(const uint32_t *)at > BG_SLOT_MAX)
            abort();
        if (op->args[i].type == BG_T_FD && fcntl(*(const int *)at, F_GETFD) < 0)
            abort();
        while (values && k < n && values[k].number != *(const uint32_t *)at)
            k++;
        if (values && k == n)
            abort();
    }
}

#define OP(name, number, args, results, doc, safe)                                                 \
    int bg_act_##name(struct bg_helper *h, const struct bg_args_##name *a,                         \
                      struct bg_res_##name *r, struct bg_reply *f)                                 \
    {                                                                                              \
        (void)h, (void)r;                                                                          \
        promised(bg_op_by_number(number), a);                                                      \
        return bg_fail(f, BG_SYSTEM, 5, "step\n%s", "\x01");                                       \
    }
#include "../ops.def"

/* A name that a process has given itself changes nothing of what is read behind it. */
static void kernel_text(const uint8_t *data, size_t size)
{
    char text[BG_WIRE_MAX + 128], name[16] = "";
    struct bg_proc p = {0}, q = {0};
    uid_t uid;
    memcpy(text, data, size);
    text[size] = 0;
    bg_proc_parse(&p, text);
    bg_proc_parse_uid(&uid, text);
    memcpy(name, data, size < 15 ? size : 15);
    snprintf(text, sizeof(text), "7 (%s) S 1 1 1 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 4242 5 6",
             name);
    if (!bg_proc_parse(&q, text) || q.state != 'S' || q.start != 4242)
        abort();
}

/* The other direction: results as they come are refused, or read back as they were; and bytes that claim to be a reply. */
static void reply_of(const uint8_t *data, size_t size)
{
    const struct bg_op_row *op = &bg_ops[size ? data[0] % bg_ops_count : 0];
    union bg_results results, back;
    struct bg_reply ok = {0}, told;
    struct bg_header header;
    struct bg_wire w;
    memset(&results, 0, sizeof(results));
    memcpy(&results, data, size < sizeof(results) ? size : sizeof(results));
    for (size_t i = 0; i < op->nresults; i++) /* texts end, whatever the bytes are */
        ((char *)bg_field_at(&results, i))[17] = 0;
    bg_wire_init(&w);
    if (bg_encode_reply(&w, op, 1, &ok, &results) &&
        (!bg_decode_header(&w, &header) || !bg_decode_reply(&w, op, &told, &back)))
        abort();
    bg_wire_init(&w);
    memcpy(w.bytes, data, size);
    w.length = size;
    if (bg_decode_header(&w, &header))
        bg_decode_reply(&w, op, &told, &back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bg_helper h = {.lock = -1};
    struct bg_wire request, reply;
    struct bg_header header;
    struct bg_reply told;
    union bg_results results;
    if (size < 1 || size - 1 > BG_WIRE_MAX)
        return 0;
    kernel_text(data + 1, size - 1);
    reply_of(data + 1, size - 1);
    bg_wire_init(&request);
    request.length = size - 1;
    memcpy(request.bytes, data + 1, size - 1);
    for (request.nfds = 0; request.nfds < data[0] % (BG_WIRE_FDS + 1); request.nfds++)
        request.fds[request.nfds] = open("/dev/null", O_RDONLY);
    bg_dispatch(&h, &request, &reply);
    /* What we answer, the other end can read. */
    if (!bg_decode_header(&reply, &header) || !bg_decode_reply(&reply, &bg_ops[0], &told, &results))
        abort();
    bg_wire_close(&request);
    bg_wire_close(&reply);
    return 0;
}

#ifdef COVERAGE
int main(int argc, char **argv)
{
    static uint8_t bytes[BG_WIRE_MAX + 2];
    for (int i = 1; i < argc; i++) {
        BG_CLOSED int fd = open(argv[i], O_RDONLY);
        ssize_t n = read(fd, bytes, sizeof(bytes));
        LLVMFuzzerTestOneInput(bytes, n < 0 ? 0 : (size_t)n);
    }
    return 0;
}
#endif
