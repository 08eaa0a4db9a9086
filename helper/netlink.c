/* See netlink.h; the messages are those of linux/netfilter/nf_tables.h. */
#include "netlink.h"
#include <errno.h>
#include <libnftnl/common.h>
#include <libnftnl/set.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <sys/socket.h>

enum { CHANGE_MAX = 256 }; /* bytes of one change, and of the end */

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

static void change(struct bg_batch *b, const char *table, const struct bg_element *e, int what,
                   int flags)
{
    struct nftnl_set *set = nftnl_set_alloc();
    struct nftnl_set_elem *one = nftnl_set_elem_alloc();
    if (b->n == 0)
        b->n = nftnl_batch_begin((char *)b->bytes, 0)->nlmsg_len;
    if (!set || !one || b->n + CHANGE_MAX > sizeof(b->bytes)) {
        b->n = sizeof(b->bytes); /* for good: commit says so */
        return;
    }
    nftnl_set_set_str(set, NFTNL_SET_TABLE, table);
    nftnl_set_set_str(set, NFTNL_SET_NAME, e->set);
    nftnl_set_elem_set(one, NFTNL_SET_ELEM_KEY, e->key, (uint32_t)e->key_size);
    if (e->data)
        nftnl_set_elem_set(one, NFTNL_SET_ELEM_DATA, e->data, (uint32_t)e->data_size);
    if (e->timeout_ms)
        nftnl_set_elem_set_u64(one, NFTNL_SET_ELEM_TIMEOUT, e->timeout_ms);
    if (e->end)
        nftnl_set_elem_set_u32(one, NFTNL_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
    nftnl_set_elem_add(set, one);
    struct nlmsghdr *m = nftnl_nlmsg_build_hdr((char *)b->bytes + b->n, (uint16_t)what, e->family,
                                               (uint16_t)(flags | NLM_F_ACK), 0);
    nftnl_set_elems_nlmsg_build_payload(m, set);
    b->n += m->nlmsg_len;
    nftnl_set_free(set);
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
    if (b->n + CHANGE_MAX > sizeof(b->bytes))
        return -ENOMEM;
    b->n += nftnl_batch_end((char *)b->bytes + b->n, 0)->nlmsg_len;
    return bg_netlink(&fd, NETLINK_NETFILTER, b->bytes, b->n);
}
