/*
 * The program `banger`; under the name `bangerd` it is the daemon. Everything it does is in
 * Lua; this file picks the entry point, hands over the arguments and turns the result into an
 * exit status.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "banger.h"

#define EXIT_BUG 70

/*
 * A descriptor 0, 1 or 2 that is closed would be given to the next open() and then written to
 * by somebody's message.
 */
static void occupy_standard_streams(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

static bool is_daemon(const char *program)
{
    const char *slash = strrchr(program, '/');

    return strcmp(slash == NULL ? program : slash + 1, "bangerd") == 0;
}

static int run_main(struct banger *runtime, bool daemon, char **argv, size_t count,
                    struct banger_value *ret_result, struct banger_error *error)
{
    static const char source[] = "local entry = ... "
                                 "return require(entry).main({ select(2, ...) })";
    struct banger_value *args = calloc(count + 1, sizeof(*args));
    const char *entry = daemon ? "banger.daemon" : "banger.cli";
    int r;

    if (args == NULL)
        return banger_fail(error, "sys.failed", "out of memory");
#ifdef BANGER_DEV
    /* banger-dev --lua FILE ARG…: run a file of the tree without the command line around it. */
    if (count >= 2 && strcmp(argv[0], "--lua") == 0) {
        for (size_t i = 2; i < count; i++)
            args[i] = (struct banger_value){
                .type = BANGER_STRING, .bytes = argv[i], .size = strlen(argv[i])};
        r = banger_run_file(runtime, argv[1], args + 2, count - 2, ret_result, error);
        free(args);
        return r;
    }
#endif
    args[0] = (struct banger_value){.type = BANGER_STRING, .bytes = entry, .size = strlen(entry)};
    for (size_t i = 0; i < count; i++)
        args[i + 1] =
            (struct banger_value){.type = BANGER_STRING, .bytes = argv[i], .size = strlen(argv[i])};
    r = banger_run_text(runtime, "=banger", source, sizeof(source) - 1, args, count + 1, ret_result,
                        error);
    free(args);
    return r;
}

static int exit_status(const struct banger_value *result)
{
    if (result->type == BANGER_NUMBER && result->number >= 0 && result->number <= 255)
        return (int)result->number;
    return result->type == BANGER_NIL ? 0 : EXIT_BUG;
}

int main(int argc, char **argv)
{
    bool daemon = argc > 0 && is_daemon(argv[0]);
    struct banger_options options = {.size = sizeof(options), .flags = daemon ? BANGER_NO_JIT : 0};
    struct banger_value result = {.type = BANGER_NIL};
    struct banger_error error;
    struct banger *runtime = NULL;
    int status;

    occupy_standard_streams();
    /* A reader that goes away fails the write and shows in the exit status; children get the
     * default back from libuv. */
    signal(SIGPIPE, SIG_IGN);
    if (banger_open(&options, &runtime, &error) < 0 ||
        run_main(runtime, daemon, argv + 1, argc > 0 ? (size_t)argc - 1 : 0, &result, &error) < 0) {
        fprintf(stderr, "%s: %s (%s)\n%s%s", daemon ? "bangerd" : "banger", error.message,
                error.code, error.traceback, error.traceback[0] != '\0' ? "\n" : "");
        status = EXIT_BUG;
    } else {
        status = exit_status(&result);
    }
    banger_close(runtime);
    /* Output that could not be written must not look like success. */
    if (fflush(stdout) != 0 && status == 0) {
        perror("banger: write to standard output");
        status = 1;
    }
    return status;
}
