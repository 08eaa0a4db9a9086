#include "programs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    const char *name = slash ? slash + 1 : argv[0];
    if (strcmp(name, "agent") == 0)
        return bg_agent_main(argc, argv);
    if (strcmp(name, "vsockd") == 0)
        return bg_vsockd_main();
    if (strcmp(name, "banger") == 0)
        return bg_last_word_main(argc > 1 ? argv[1] : "reboot");
    if (strcmp(name, "init") == 0 && getpid() == 1)
        return bg_init_main();
    if (strcmp(name, "init") == 0) {
        fprintf(stderr, "%s: is for process 1\n", argv[0]);
        return 1;
    }
    return bg_halt_main(name, argc, argv);
}
