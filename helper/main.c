/*
 * banger-helper: the root helper of one instance.
 *
 *   banger-helper --instance I --owner USER|UID [--uid-base N] [--foreground | --background | --stop]
 *
 * It listens on a socket that only the owner can reach and gives every connection to a worker process (worker.c).
 * This process holds no state but its children; it may die at any time, and so may a worker.
 */
#include "config.h"
#include "housekeeping.h"
#include "sandbox.h"
#include "server.h"
#include <getopt.h>
#include <pwd.h>
#include <stdlib.h>

struct options {
    const char *instance, *owner;
    uint32_t uid_base;
    bool background, stop;
};

static int usage(const char *wrong)
{
    dprintf(2,
            "banger-helper: %s\n"
            "usage: banger-helper --instance NAME --owner USER|UID [--uid-base N] "
            "[--foreground|--background|--stop]\n",
            wrong);
    return 2;
}

static bool parse_u32(const char *s, uint32_t *ret)
{
    char *end;
    errno = 0;
    unsigned long v = strtoul(s, &end, 10);
    *ret = (uint32_t)v;
    return s[0] >= '0' && s[0] <= '9' && *end == 0 && errno == 0 && v < UINT32_MAX;
}

static int parse(int argc, char **argv, struct options *o)
{
    static const struct option known[] = {{"instance", 1, NULL, 'i'},
                                          {"owner", 1, NULL, 'o'},
                                          {"uid-base", 1, NULL, 'u'},
                                          {"foreground", 0, NULL, 'f'},
                                          {"background", 0, NULL, 'b'},
                                          {"stop", 0, NULL, 's'},
                                          {NULL, 0, NULL, 0}};
    o->instance = "main";
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (c == 'i')
            o->instance = optarg;
        else if (c == 'o')
            o->owner = optarg;
        else if (c == 'u' && !parse_u32(optarg, &o->uid_base))
            return usage("--uid-base: must be a number");
        else if (c == 'b')
            o->background = true;
        else if (c == 's')
            o->stop = true;
        else if (c == '?')
            return usage("unknown option");
    }
    if (optind != argc || (o->background && o->stop))
        return usage("too many arguments");
    if (!bg_valid_instance(o->instance))
        return usage(
            "--instance: must be 1 to 8 of a-z and 0-9, begin with a letter, and not be \"root\"");
    return 0;
}

/* Name or number; root cannot be an owner, since the owner is whom we guard root against. */
static int find_owner(const char *owner, struct bg_helper *h)
{
    uint32_t uid;
    struct passwd *p = parse_u32(owner, &uid) ? getpwuid(uid) : getpwnam(owner);
    if (!p)
        return usage("--owner: no such user");
    if (p->pw_uid == 0)
        return usage("--owner: must not be root");
    h->owner = p->pw_uid;
    h->owner_gid = p->pw_gid;
    return 0;
}

/* fds 0, 1, 2 exist, so that no socket of ours ever gets their numbers. */
static void claim_stdio(void)
{
    int fd;
    while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= 2)
        ;
    if (fd > 2)
        close(fd);
}

/* Go to the background; the parent stays until the child serves, and exits with its status. Returns the pipe's end. */
static int detach(struct bg_helper *h)
{
    int ready[2];
    char status = 1;
    if (pipe2(ready, O_CLOEXEC) < 0)
        return -1;
    pid_t pid = fork();
    if (pid < 0)
        return -1;
    if (pid > 0) {
        close(ready[1]);
        _exit(read(ready[0], &status, 1) == 1 ? status : 1);
    }
    close(ready[0]);
    setsid();
    BG_CLOSED int log = bg_open(h->logs, "helper.log", O_WRONLY | O_CREAT | O_APPEND, 0600);
    BG_CLOSED int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (log < 0 || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(log, 2) < 0)
        return -1;
    return ready[1];
}

int main(int argc, char **argv)
{
    struct options o = {0};
    struct bg_reply f = {0};
    struct bg_helper h = {.state = -1,
                          .ledger = -1,
                          .bases = -1,
                          .disks = -1,
                          .jails = -1,
                          .logs = -1,
                          .run = -1,
                          .lock = -1,
                          .connection = -1};
    int status = parse(argc, argv, &o), ready = -1;
    if (status)
        return status;
    if (geteuid() != 0)
        return usage("must run as root");
    claim_stdio();
    snprintf(h.instance, sizeof(h.instance), "%s", o.instance);
    if (o.stop)
        return bg_server_stop(&h);
    if (!o.owner)
        return usage("--owner: is missing");
    if ((status = find_owner(o.owner, &h)) != 0)
        return status;
    if (chdir("/") < 0 || bg_sandbox_environment() < 0 || bg_config_open(&h, o.uid_base, &f) < 0 ||
        bg_sandbox_main(&f) < 0) {
        dprintf(2, "banger-helper: %s\n", f.message);
        return 1;
    }
    struct bg_server s;
    if (bg_server_open(&h, &s, &f) < 0) {
        dprintf(2, "banger-helper: %s\n", f.message);
        return 1;
    }
    if (o.background && (ready = detach(&h)) < 0)
        return 1;
    bg_housekeeping_resume(&h);
    return bg_server_run(&h, &s, ready);
}
