/* See netlink.h; the messages are those of linux/netfilter/nf_tables.h. */
#include "netlink.h"
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel is done when send() returns, and has queued its answers. */
static int answers(int fd)
{
    _Alignas(8) uint8_t in[8192];
    int result = -EIO; /* no answer at all */
    for (ssize_t n; (n = recv(fd, in, sizeof(in), MSG_DONTWAIT)) > 0;)
        for (struct nlmsghdr *m = (void *)in; NLMSG_OK(m, (size_t)n); m = NLMSG_NEXT(m, n))
            if (m->nlmsg_type == NLMSG_ERROR && (result == -EIO || result == 0))
                result = ((struct nlmsgerr *)NLMSG_DATA(m))->error;
    return result;
}

int bg_netlink(int *fd, int protocol, const void *messages, size_t n)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    if (*fd < 0 && (*fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)) < 0)
        return -errno;
    answers(*fd); /* of an earlier request that was interrupted */
    if (sendto(*fd, messages, n, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
        return -errno;
    return answers(*fd);
}

static struct nl_msg *message(int type, int flags, uint8_t family, uint16_t res_id)
{
    struct nfgenmsg head = {family, NFNETLINK_V0, htons(res_id)};
    struct nl_msg *m = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);
    if (m)
        nlmsg_append(m, &head, sizeof(head), NLMSG_ALIGNTO);
    return m;
}

/* What has no room any more makes the batch too long for commit. */
static void add(struct bg_batch *b, struct nl_msg *m)
{
    size_t n = m ? nlmsg_hdr(m)->nlmsg_len : sizeof(b->bytes) + 1;
    if (b->n + NLMSG_ALIGN(n) <= sizeof(b->bytes))
        memcpy(b->bytes + b->n, nlmsg_hdr(m), n);
    b->n += NLMSG_ALIGN(n);
    nlmsg_free(m);
}

static void value(struct nl_msg *m, int type, const void *bytes, int n)
{
    struct nlattr *nest = nla_nest_start(m, type);
    nla_put(m, NFTA_DATA_VALUE, n, bytes);
    nla_nest_end(m, nest);
}

static void change(struct bg_batch *b, const char *table, const struct bg_element *e, int what,
                   int flags)
{
    if (b->n == 0)
        add(b, message(NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
    struct nl_msg *m = message(NFNL_SUBSYS_NFTABLES << 8 | what, flags | NLM_F_ACK, e->family, 0);
    if (m) {
        nla_put_string(m, NFTA_SET_ELEM_LIST_TABLE, table);
        nla_put_string(m, NFTA_SET_ELEM_LIST_SET, e->set);
        struct nlattr *list = nla_nest_start(m, NFTA_SET_ELEM_LIST_ELEMENTS),
                      *element = nla_nest_start(m, NFTA_LIST_ELEM);
        value(m, NFTA_SET_ELEM_KEY, e->key, e->key_size);
        if (e->data)
            value(m, NFTA_SET_ELEM_DATA, e->data, e->data_size);
        if (e->timeout_ms)
            nla_put_u64(m, NFTA_SET_ELEM_TIMEOUT, htobe64(e->timeout_ms));
        if (e->end)
            nla_put_u32(m, NFTA_SET_ELEM_FLAGS, htonl(NFT_SET_ELEM_INTERVAL_END));
        nla_nest_end(m, element);
        nla_nest_end(m, list);
    }
    add(b, m);
}

void bg_batch_add(struct bg_batch *b, const char *table, const struct bg_element *e, bool here)
{
    change(b, table, e, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
    if (!here)
        change(b, table, e, NFT_MSG_DELSETELEM, 0);
}

int bg_batch_commit(struct bg_batch *b)
{
    static int fd = -1;
    add(b, message(NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
    return b->n > sizeof(b->bytes) ? -ENOMEM : bg_netlink(&fd, NETLINK_NETFILTER, b->bytes, b->n);
}
