/*
 * libFuzzer on everything that a client's bytes reach before an act function: header, fields, dispatch, reply. The act
 * functions are replaced by ones that check what validation promises. The first byte says how many fds come along.
 */
#include "../../runtime/wire_client.h"
#include "../helper.h"
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
