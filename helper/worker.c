/*
 * One worker process serves one connection, one request at a time: receive, decode, validate, act, reply. This is the
 * only way into an act function. A worker that crashes takes no other connection with it.
 */
#include "helper.h"

static int act(struct bg_helper *h, uint32_t op, const union bg_args *a, union bg_results *r,
               struct bg_reply *f)
{
    switch (op) {
#define OP(name, number, args, results, doc, safe)                                                 \
    case number:                                                                                   \
        return bg_act_##name(h, &a->name, &r->name, f);
#include "ops.def"
    default:
        return bg_fail(f, BG_BAD_REQUEST, 0, "op: is not known");
    }
}

/* Seconds until blocking calls give up. Copying and hashing an image takes as long as its disk needs. */
static unsigned deadline(uint32_t op)
{
    return op == BG_OP_base_admit                             ? 900
           : op == BG_OP_disk_create || op == BG_OP_snap_save ? 300
                                                              : 30;
}

static void audit(const struct bg_op_row *op, const struct bg_header *header,
                  const union bg_args *a, const struct bg_reply *reply)
{
    bool of_vm = op->nargs > 0 && op->args[0].type == BG_T_VMID;
    dprintf(2, "op=%s request=%08x vm=%.8s code=%u errno=%u%s%s\n", op->name, header->id,
            of_vm ? (const char *)a : "-", reply->code, reply->sys, reply->code ? " " : "",
            reply->message);
}

static void set_no_fds(const struct bg_op_row *op, union bg_results *r)
{
    memset(r, 0, sizeof(*r));
    for (size_t i = 0; i < op->nresults; i++)
        if (op->results[i].type == BG_T_FD || op->results[i].type == BG_T_OPTFD)
            *(int *)bg_field_at(r, i) = -1;
}

bool bg_dispatch(struct bg_helper *h, struct bg_wire *request, struct bg_wire *reply)
{
    struct bg_header header = {0};
    struct bg_reply f = {0};
    union bg_args args;
    union bg_results results;
    memset(&args, 0, sizeof(args));
    bg_wire_init(reply);
    if (!bg_decode_header(request, &header)) {
        bg_fail(&f, BG_BAD_VERSION, 0, "%s: %s", request->field, request->why);
        bg_encode_reply(reply, NULL, header.id, &f, NULL);
        return false;
    }
    const struct bg_op_row *op = bg_op_by_number(header.op);
    if (!op || !bg_decode(request, op->args, op->nargs, &args)) {
        bg_fail(&f, BG_BAD_REQUEST, 0, "%s: %s", op ? request->field : "op",
                op ? request->why : "is not known");
        return bg_encode_reply(reply, op, header.id, &f, NULL);
    }
    set_no_fds(op, &results);
    bg_deadline(deadline(op->number));
    int result = act(h, op->number, &args, &results, &f);
    bg_deadline(0);
    bg_unlock(h);
    if (result == 0)
        memset(&f, 0, sizeof(f)); /* a step may have failed in a way that the operation expects */
    audit(op, &header, &args, &f);
    return bg_encode_reply(reply, op, header.id, &f, &results);
}

/* One packet and its fds. False at the end of the connection, and for what no client of ours sends. */
static bool receive(int fd, struct bg_wire *w)
{
    _Alignas(struct cmsghdr) char list[CMSG_SPACE(sizeof(w->fds))] = "";
    struct cmsghdr *c = (void *)list;
    struct iovec io = {w->bytes, sizeof(w->bytes)};
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = list, .msg_controllen = sizeof(list)};
    ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
    w->length = n > 0 ? (size_t)n : 0;
    /* The kernel closes what has no place (MSG_CTRUNC). */
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
        w->nfds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(w->fds, CMSG_DATA(c), w->nfds * sizeof(int));
    return n > 0 && !(m.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
}

static bool reply_to(int fd, const struct bg_wire *w)
{
    _Alignas(struct cmsghdr) char list[CMSG_SPACE(sizeof(w->fds))] = "";
    struct cmsghdr *c = (void *)list;
    struct iovec io = {(void *)w->bytes, w->length};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = list};
    *c = (struct cmsghdr){CMSG_LEN(sizeof(int) * w->nfds), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(c), w->fds, sizeof(int) * w->nfds);
    m.msg_controllen = w->nfds ? c->cmsg_len : 0;
    return sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)w->length;
}

void bg_worker(struct bg_helper *h, int connection)
{
    struct bg_wire request, reply;
    h->connection = connection;
    signal(SIGCHLD, SIG_IGN); /* what we leave behind outlives us: the kernel reaps what does not */
    for (bool go_on = true; go_on;) {
        bg_wire_init(&request);
        bg_wire_init(&reply);
        go_on = receive(connection, &request) && bg_dispatch(h, &request, &reply);
        if (reply.length > BG_WIRE_HEADER)
            go_on = reply_to(connection, &reply) && go_on;
        bg_wire_close(&request);
        bg_wire_close(&reply);
    }
    _exit(0);
}
