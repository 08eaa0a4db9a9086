/*
 * Ways into a live jail. Its folders belong to the VM's uid, which may exchange sockets, links and nodes at any time:
 * everything is opened beneath the jail without following links, held by fd, and only then looked at; what connects
 * and binds is the VM's own euid, so root's rights never meet the VMM, and a peer of another uid is refused.
 */
#include "op.h"
#include <grp.h>
#include <sys/inotify.h>

enum { WAIT_S = 5 };
static const char notify_name[] = "vsock.sock_1024";

int bg_jail_root(struct bg_helper *h, const char *jail, struct bg_reply *f)
{
    int fd =
        bg_open(h->jails, bg_name("firecracker/%.16s/root", jail).s, O_RDONLY | O_DIRECTORY, 0);
    return fd >= 0 ? fd : bg_fail(f, BG_JAIL_ABSENT, errno, "the VM's jail is gone; start the VM");
}

/* Effective ids only: the real uid stays root's, so the VM's uid can neither signal nor trace us meanwhile. */
static int become(uid_t uid)
{
    return setgroups(0, NULL) == 0 && setegid(uid) == 0 && seteuid(uid) == 0 ? 0 : -1;
}

static void unbecome(void)
{
    int saved = errno;
    if (seteuid(0) < 0 || setegid(0) < 0)
        _exit(70);
    errno = saved;
}

static void address(struct sockaddr_un *ret, int fd, const char *name)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d%s%s", fd, name[0] ? "/" : "",
             name);
}

int bg_notify_listen(const struct bg_vm *vm, int jail_root, struct bg_reply *f)
{
    struct sockaddr_un at;
    struct stat st;
    BG_CLOSED int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || fstat(jail_root, &st) < 0)
        return bg_sys(f, "make the notify socket");
    bool staged = st.st_uid == 0; /* the jail is not given away yet */
    address(&at, jail_root, notify_name);
    bool made = (staged || become(vm->uid) == 0) &&
                (unlinkat(jail_root, notify_name, 0) == 0 || errno == ENOENT) &&
                bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 8) == 0;
    unbecome();
    if (!made ||
        (staged && fchownat(jail_root, notify_name, vm->uid, vm->uid, AT_SYMLINK_NOFOLLOW) < 0))
        return bg_sys(f, "bind the notify socket");
    return bg_steal(&fd);
}

/* One attempt. -EAGAIN: not there yet; other negative errno; BG_PEER_UNPROVEN is -EPERM. */
static int try_connect(int root, const char *name, uid_t uid)
{
    struct sockaddr_un at;
    struct stat st;
    struct ucred peer;
    socklen_t size = sizeof(peer);
    BG_CLOSED int node = bg_open(root, name, O_PATH, 0);
    if (node < 0)
        return errno == ENOENT ? -EAGAIN : errno == ELOOP ? -EPERM : -errno;
    if (fstat(node, &st) < 0 || !S_ISSOCK(st.st_mode) || st.st_uid != uid)
        return -EPERM;
    BG_CLOSED int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    address(&at, node, "");
    bool connected =
        fd >= 0 && become(uid) == 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
    unbecome();
    if (!connected)
        return errno == ECONNREFUSED || errno == ENOENT ? -EAGAIN : -errno;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != uid)
        return -EPERM;
    return bg_steal(&fd);
}

/* The stderr of a jailer or VMM that ended, as one line. */
static int died(struct bg_helper *h, const char *vm, struct bg_reply *f)
{
    char words[161];
    if (bg_read_small(h->logs, bg_log_name(vm, "stderr").s, words, sizeof(words)) <= 0)
        snprintf(words, sizeof(words), "it said nothing");
    words[strcspn(words, "\n")] = 0;
    return bg_fail(f, BG_JAIL_FAILED, 0, "the VMM ended: %s", words);
}

int bg_watch(struct bg_helper *h, int folder, uint32_t mask)
{
    if (h->notes < 0)
        h->notes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    return inotify_add_watch(h->notes, bg_name("/proc/self/fd/%d", folder).s, mask | IN_ONESHOT);
}

/*
 * Wait until the VMM has made its socket. Events: a name appears in the jail's root, or the VMM ends. Between bind and
 * listen there is no event, so an existing socket that refuses is tried again after a growing pause.
 */
static int await_socket(struct bg_helper *h, const struct bg_vm *vm, int root, int watch,
                        const char *name, struct bg_reply *f)
{
    char events[1024];
    struct stat st;
    int fd = try_connect(root, name, vm->uid);
    bg_deadline(WAIT_S);
    for (int pause = 1; fd == -EAGAIN; pause++) {
        if (bg_watch(h, root, IN_CREATE | IN_MOVED_TO | IN_ATTRIB) < 0)
            return bg_sys(f, "watch the jail");
        if ((fd = try_connect(root, name, vm->uid)) != -EAGAIN)
            break; /* it came before the watch did */
        struct pollfd p[2] = {{.fd = watch, .events = POLLIN}, {.fd = h->notes, .events = POLLIN}};
        bool exists = fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
        if (poll(p, 2, exists ? pause : -1) < 0)
            return bg_sys(f, "wait for the VMM's socket");
        if (p[0].revents)
            return died(h, vm->id, f);
        if (p[1].revents && read(h->notes, events, sizeof(events)) < 0 && errno != EAGAIN)
            return bg_sys(f, "watch the jail");
    }
    if (fd == -EPERM)
        return bg_fail(f, BG_PEER_UNPROVEN, 0, "%s in the jail is not a socket of the VM's VMM",
                       name);
    return fd >= 0 ? fd : bg_step(f, "connect to the VMM", fd);
}

/* Safe because of the paragraph at the top of this file. */
BG_ACT(vm_connect)
{
    struct bg_vm vm;
    struct bg_jail_state now;
    BG_CLOSED int watch = bg_jail_open(h, a->vm.s, &vm, &now, f);
    if (watch < 0)
        return now.state == BG_V_exited ? died(h, vm.id, f) : -1;
    BG_CLOSED int root = bg_jail_root(h, vm.jail, f);
    if (root < 0)
        return -1;
    bg_unlock(h); /* the wait must not keep a kill out */
    r->socket = a->channel == BG_V_notify
                    ? bg_notify_listen(&vm, root, f)
                    : await_socket(h, &vm, root, watch,
                                   a->channel == BG_V_api ? "api.sock" : "vsock.sock", f);
    return r->socket < 0 ? -1 : 0;
}

/* Safe because it is a regular file with one link, opened without following links, and read-only. */
BG_ACT(vm_log)
{
    static const struct {
        const char *kept, *live;
    } logs[] = {{"console", ""}, {"vmm", "vmm.log"}, {"metrics", "metrics"}};
    const char *live = logs[a->log].live;
    struct bg_vm vm;
    if (bg_vm_open(h, a->vm.s, &vm, f) < 0)
        return -1;
    BG_CLOSED int root = live[0] && vm.jail[0] ? bg_jail_root(h, vm.jail, f) : -1;
    r->file = root < 0 ? -1 : bg_open_plain(root, live, vm.uid);
    if (root < 0 || (r->file < 0 && errno == ENOENT))
        r->file = bg_open_plain(h->logs, bg_log_name(vm.id, logs[a->log].kept).s, vm.uid);
    if (r->file >= 0) {
        lseek(r->file, 0, SEEK_DATA); /* the front of a long one is a hole: bg_log_bound */
        return 0;
    }
    if (errno == ENOENT)
        return bg_fail(f, BG_JAIL_ABSENT, ENOENT, "vm %s has no such log: it was never started",
                       vm.id);
    return errno != ELOOP
               ? bg_sys(f, "open the log")
               : bg_fail(f, BG_PEER_UNPROVEN, 0, "the VM's log is not a plain file of its own");
}
