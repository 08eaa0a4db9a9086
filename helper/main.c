/*
 * banger-helper: the root helper of one instance.
 *
 *   banger-helper --instance NAME [--stop]
 *
 * It listens on a socket that only the owner can reach and gives every connection to a worker process (worker.c).
 * This process holds no state but its children; it may die at any time, and so may a worker. Whose instance it is stands
 * in root's config (server.h), which banger-helper-config writes before the first start; it also starts this in the
 * background where no service manager does.
 */
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

int main(int argc, char **argv)
{
    struct bg_reply f = {0};
    struct bg_helper h = {.lock = -1, .connection = -1, .notes = -1};
    bool stop = argc == 4 && strcmp(argv[3], "--stop") == 0;
    if (argc != 3 + stop || strcmp(argv[1], "--instance") != 0 || !bg_valid_instance(argv[2])) {
        dprintf(2, "usage: banger-helper --instance NAME [--stop]\n");
        return 2;
    }
    claim_stdio();
    snprintf(h.instance, sizeof(h.instance), "%s", argv[2]);
    if (stop)
        return bg_server_stop(&h);
    bg_sandbox_environment();
    if (chdir("/") == 0 && bg_config_open(&h, &f) == 0 && bg_sandbox_main(&f) == 0 &&
        bg_server_run(&h, &f) == 0)
        return 0;
    dprintf(2, "banger-helper: %s\n", f.message);
    return 1;
}
