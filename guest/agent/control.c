/* The short requests: INFO, CLOCK, GROW, SHUTDOWN. */
#include "session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "../init/identity.h"

int bg_serve_info(struct bg_session *s)
{
    char text[1024], boot_id[33], hostname[65] = "";
    struct utsname u;
    struct sysinfo m;
    struct statfs fs;
    struct timespec t;
    if (uname(&u) < 0 || sysinfo(&m) < 0 || statfs("/", &fs) < 0)
        return bg_session_fail_errno(s, "info", errno);
    gethostname(hostname, sizeof hostname - 1);
    clock_gettime(CLOCK_REALTIME, &t);
    bg_boot_id(boot_id);
    snprintf(text, sizeof text,
             "boot_id %s\nhostname %s\nkernel %s\nuptime %ld\ntime %lld.%09ld\n"
             "memory_total %llu\nmemory_free %llu\ndisk_total %llu\ndisk_free %llu\nload %.2f\n",
             boot_id, hostname, u.release, m.uptime, (long long)t.tv_sec, t.tv_nsec,
             (unsigned long long)m.totalram * m.mem_unit,
             (unsigned long long)m.freeram * m.mem_unit,
             (unsigned long long)fs.f_blocks * (unsigned long long)fs.f_bsize,
             (unsigned long long)fs.f_bavail * (unsigned long long)fs.f_bsize,
             (double)m.loads[0] / (1 << SI_LOAD_SHIFT));
    return bg_session_result(s, text);
}

int bg_serve_clock(struct bg_session *s)
{
    struct bg_fields fields = {s->payload, s->size};
    struct bg_field f;
    uint64_t ns = 0;
    int r;
    while ((r = bg_fields_next(&fields, &f)) > 0)
        if (f.tag == 1 && !bg_field_number(&f, &ns))
            return -EBADMSG;
    if (r < 0 || ns == 0)
        return -EBADMSG;
    struct timespec t = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
    if (clock_settime(CLOCK_REALTIME, &t) < 0)
        return bg_session_fail_errno(s, "clock", errno);
    return bg_session_result(s, "");
}

int bg_serve_grow(struct bg_session *s)
{
    int r = bg_identity_grow();
    return r < 0 ? bg_session_fail_errno(s, "grow", r) : bg_session_result(s, "");
}

/* The signals by which process 1 is asked: our init takes those of sysvinit, systemd has its own. */
int bg_serve_shutdown(struct bg_session *s)
{
    static const struct {
        const char *kind;
        int ours, systemd_above_rtmin;
    } kinds[] = {{"poweroff", SIGUSR2, 4}, {"reboot", SIGTERM, 5}, {"halt", SIGUSR1, 3}};
    struct bg_fields fields = {s->payload, s->size};
    struct bg_field f = {0};
    int r = bg_fields_next(&fields, &f);
    char *kind = r > 0 && f.tag == 1 ? bg_field_text(&f) : NULL;
    for (size_t i = 0; kind && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kind, kinds[i].kind) != 0)
            continue;
        int systemd = access("/run/systemd/system", F_OK) == 0;
        r = bg_session_result(s, "");
        if (kill(1, systemd ? SIGRTMIN + kinds[i].systemd_above_rtmin : kinds[i].ours) < 0)
            return bg_session_fail_errno(s, "shutdown", errno);
        return r;
    }
    return -EBADMSG;
}
