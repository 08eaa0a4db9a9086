/*
 * Capabilities are dropped from the bounding set, so that neither we nor a jailer that we start can get them back.
 * The filter of workers names what no operation and no jailer has any use for; it is inherited by the VMM, whose own
 * filter is far narrower. process_vm_readv stays: an engine saves a guest by reading its own child's memory.
 */
#include "server.h"
#include <linux/capability.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define CAP(name) (UINT64_C(1) << CAP_##name)
static const uint64_t kept = CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(FOWNER) | CAP(FSETID) |
                             CAP(KILL) | CAP(SETGID) | CAP(SETUID) | CAP(NET_BIND_SERVICE) |
                             CAP(NET_ADMIN) | CAP(SYS_CHROOT) | CAP(SYS_PTRACE) | CAP(SYS_ADMIN) |
                             CAP(SYS_RESOURCE) | CAP(MKNOD) | CAP(SETPCAP);

static int bound_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};
    int bound;
    /* What the unit has taken away is not dropped again: that would ask for a right that we may lack. */
    for (int cap = 0; (bound = prctl(PR_CAPBSET_READ, cap)) >= 0; cap++)
        if (bound == 1 && !(kept >> cap & 1) && prctl(PR_CAPBSET_DROP, cap) < 0)
            return -1;
    if (syscall(SYS_capget, &header, data) < 0)
        return -1;
    for (int word = 0; word < 2; word++) {
        data[word].permitted &= (uint32_t)(kept >> 32 * word);
        data[word].effective &= (uint32_t)(kept >> 32 * word);
        data[word].inheritable = 0;
    }
    return (int)syscall(SYS_capset, &header, data);
}

int bg_sandbox_main(struct bg_reply *f)
{
    struct rlimit none = {0, 0};
    if (bound_capabilities() < 0)
        return bg_sys(f, "bound the capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
        prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
        return bg_sys(f, "shut out new privileges and core files, adopt orphans");
    return 0;
}

int bg_sandbox_worker(struct bg_reply *f)
{
    char refused[] = "ptrace process_vm_writev kexec_load kexec_file_load "
                     "init_module finit_module delete_module reboot swapon swapoff acct quotactl "
                     "bpf perf_event_open add_key request_key keyctl settimeofday clock_settime "
                     "adjtimex clock_adjtime sethostname setdomainname iopl ioperm syslog "
                     "open_by_handle_at fanotify_init userfaultfd move_pages lookup_dcookie "
                     "io_uring_setup vhangup pidfd_getfd";
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    int error = ctx ? 0 : -ENOMEM;
    for (char *at = refused, *name; error == 0 && (name = strsep(&at, " "));)
        error = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), seccomp_syscall_resolve_name(name), 0);
    if (error == 0)
        error = seccomp_load(ctx);
    if (ctx)
        seccomp_release(ctx);
    return bg_step(f, "load the system call filter", error);
}

void bg_sandbox_environment(void)
{
    char **kept_end = environ;
    for (char **e = environ; *e; e++)
        if (strncmp(*e, "NOTIFY_SOCKET=", 14) == 0 || strncmp(*e, "LISTEN_", 7) == 0)
            *kept_end++ = *e;
    *kept_end = NULL;
}
