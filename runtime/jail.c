/*
 * Firecracker's exit statuses, from its source at v1.14 (src/vmm/src/lib.rs, FcExitCode) and
 * what was seen of them.
 */
#include "jail.h"

#include <stdio.h>
#include <string.h>

#include "util.h"

bool bg_jail_valid_id(const char *id, size_t size)
{
    if (size < 1 || size > 64)
        return false;
    for (size_t i = 0; i < size; i++) {
        char c = id[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-'))
            return false;
    }
    return true;
}

int bg_jail_root(const char *base, const char *exec_name, const char *id, char *ret_path,
                 size_t capacity)
{
    int length = snprintf(ret_path, capacity, "%s/%s/%s/root", base, exec_name, id);

    return length < 0 || (size_t)length >= capacity ? -1 : length;
}

static const struct {
    int code;
    const char *meaning;
} statuses[] = {
    /* 0 is also what a kernel panic with panic=1 reboot=k ends in. */
    {0, "the guest rebooted, or the VMM was told to end"},
    {1, "the VMM failed: its log has the reason (a socket in use, a bad kernel, a CPU fault)"},
    {2, "the VMM met something unexpected; its log has the reason"},
    {12, "the host was out of memory"},
    {148, "the VMM made a system call that its seccomp filter forbids"},
    {149, "SIGBUS in the VMM: memory or a file behind it went away"},
    {150, "SIGSEGV in the VMM"},
    {151, "the VMM wrote past the largest file size that it may (SIGXFSZ)"},
    {152, "the VMM was started with a bad log level"},
    {153, "the VMM did not understand its command line"},
    {154, "the VMM used up its CPU time (SIGXCPU)"},
    {156, "the session of the VMM ended (SIGHUP)"},
    {157, "SIGILL in the VMM"},
};

void bg_jail_describe_exit(int code, int signal, char ret_text[static 160])
{
    if (signal > 0) {
        const char *name = sigabbrev_np(signal);
        snprintf(ret_text, 160, "ended by signal %s%s", name != NULL ? "SIG" : "?",
                 name != NULL ? name : "");
        return;
    }
    for (size_t i = 0; i < BG_COUNT(statuses); i++) {
        if (statuses[i].code == code) {
            snprintf(ret_text, 160, "%s (exit status %d)", statuses[i].meaning, code);
            return;
        }
    }
    snprintf(ret_text, 160, "exit status %d", code);
}
