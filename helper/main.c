/*
 * banger-helper: the root helper of one instance.
 *
 *   banger-helper --instance NAME [--background | --stop]
 *
 * It listens on a socket that only the owner can reach and gives every connection to a worker process (worker.c).
 * This process holds no state but its children; it may die at any time, and so may a worker. Whose instance it is stands
 * in root's config (config.h), which banger-helper-config writes before the first start.
 */
#include "config.h"
#include "housekeeping.h"
#include "sandbox.h"
#include "server.h"

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
    struct bg_reply f = {0};
    struct bg_helper h = {.lock = -1, .connection = -1, .notes = -1};
    struct bg_server s;
    int ready = -1;
    const char *how = argc == 4 ? argv[3] : "";
    bool background = strcmp(how, "--background") == 0, stop = strcmp(how, "--stop") == 0;
    if (argc < 3 || argc > 4 || strcmp(argv[1], "--instance") != 0 || !bg_valid_instance(argv[2]) ||
        (argc == 4 && !background && !stop)) {
        dprintf(2, "usage: banger-helper --instance NAME [--background | --stop]\n");
        return 2;
    }
    claim_stdio();
    snprintf(h.instance, sizeof(h.instance), "%s", argv[2]);
    if (stop)
        return bg_server_stop(&h);
    if (chdir("/") < 0 || bg_sandbox_environment() < 0 || bg_config_open(&h, &f) < 0 ||
        bg_sandbox_main(&f) < 0 || bg_server_open(&h, &s, &f) < 0) {
        dprintf(2, "banger-helper: %s\n", f.message);
        return 1;
    }
    if (background && (ready = detach(&h)) < 0)
        return 1;
    bg_housekeeping_resume(&h);
    return bg_server_run(&h, &s, ready);
}
