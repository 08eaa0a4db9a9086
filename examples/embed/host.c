/*
 * A C program with banger inside: its own primitive, its own event loop, a memory limit.
 *
 *   cc -o host host.c $(pkg-config --cflags --libs banger)
 *   ./host [FILE.lua]
 *   ./host --cycles 1000        opens, runs and closes so often: what a host that does so at each request would pay for a leak
 *
 * The script calls sensor.read(), which is C below, from a timer of banger's loop; this program's loop is a plain poll() on
 * that loop's descriptor and on standard input, where "quit" ends it.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <banger.h>

static const char script[] = "local period = ...\n"
                             "local sensor, uv = require 'sensor', require 'luv'\n"
                             "local timer, readings = uv.new_timer(), {}\n"
                             "timer:start(0, period, function()\n"
                             "  local value, err = sensor.read('cpu')\n"
                             "  if not value then error(err) end\n"
                             "  readings[#readings + 1] = value\n"
                             "  if #readings == 3 then timer:close() end\n"
                             "  print(('reading %d: %.1f'):format(#readings, value))\n"
                             "end)\n";

/* sensor.read(name) */
static int read_sensor(void *userdata, const struct banger_value *args, size_t count,
                       struct banger_value *ret_result, struct banger_error *error)
{
    double *temperature = userdata;

    if (count != 1 || args[0].type != BANGER_STRING || strcmp(args[0].bytes, "cpu") != 0)
        return banger_fail(error, "sensor.not_found", "there is only the sensor cpu");
    *temperature += 0.5;
    *ret_result = (struct banger_value){.type = BANGER_NUMBER, .number = *temperature};
    return 0;
}

/* Until the scripts have nothing left to wait for, or somebody says quit. */
static void run_our_loop(struct banger *runtime, struct banger_error *error)
{
    struct pollfd polled[] = {{.fd = banger_loop_fd(runtime, error), .events = POLLIN},
                              {.fd = STDIN_FILENO, .events = POLLIN}};

    while (banger_loop_step(runtime)) {
        char line[64];
        if (poll(polled, 2, banger_loop_timeout(runtime)) < 0 || polled[1].revents == 0)
            continue;
        if (fgets(line, sizeof(line), stdin) == NULL)
            polled[1].fd = -1; /* the end of the input: poll() skips it from now on */
        else if (strcmp(line, "quit\n") == 0)
            return;
    }
}

/* A runtime from beginning to end. `period`: of the script's timer, in milliseconds. */
static int run(const char *file, double period)
{
    struct banger_options options = {.size = sizeof(options), .memory_limit = 64 << 20};
    struct banger_value argument = {.type = BANGER_NUMBER, .number = period};
    struct banger *runtime = NULL;
    struct banger_error error;
    double temperature = 40;
    int failed;

    failed = banger_open(&options, &runtime, &error) < 0 ||
             banger_register(runtime, "sensor", "read", read_sensor, &temperature, &error) < 0 ||
             (file != NULL ? banger_run_file(runtime, file, NULL, 0, NULL, &error)
                           : banger_run_text(runtime, "=script", script, sizeof(script) - 1,
                                             &argument, 1, NULL, &error)) < 0;
    if (failed)
        fprintf(stderr, "%s (%s)\n%s\n", error.message, error.code, error.traceback);
    else
        run_our_loop(runtime, &error);
    banger_close(runtime);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    int status = EXIT_SUCCESS;

    if (argc != 3 || strcmp(argv[1], "--cycles") != 0)
        return run(argc > 1 ? argv[1] : NULL, 20);
    for (long left = atol(argv[2]); left > 0 && status == EXIT_SUCCESS; left--)
        status = run(NULL, 1);
    return status;
}
