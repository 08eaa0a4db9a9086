/* `firecracker`: Firecracker's command line and API in front of the backend that is linked in. */
#include "api.h"
#include "args.h"
#include "log.h"
#include "metrics.h"
#include "signals.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct bg_arg args[] = {
    {"api-sock", .takes_value = true, .help = "Path of the API socket."},
    {"boot-timer", .help = "Accepted for compatibility."},
    {"config-file", .takes_value = true, .help = "JSON file with the whole configuration."},
    {"describe-snapshot", .takes_value = true, .help = "Print a snapshot's format version."},
    {"enable-pci", .help = "Accepted for compatibility; devices stay on the MMIO bus."},
    {"help", .help = "Show this text."},
    {"http-api-max-payload-size", .takes_value = true, .help = "Limit of a request's body."},
    {"id", .takes_value = true, .help = "Instance id: letters, digits, hyphens, at most 64."},
    {"level", .takes_value = true, .help = "Log level."},
    {"log-path", .takes_value = true, .help = "Log file or FIFO."},
    {"metadata", .takes_value = true, .help = "JSON file for the MMDS store."},
    {"metrics-path", .takes_value = true, .help = "Metrics file or FIFO."},
    {"mmds-size-limit", .takes_value = true, .help = "Limit of the MMDS store."},
    {"module", .takes_value = true, .help = "Accepted for compatibility."},
    {"no-api", .needs = "config-file", .help = "Run without an API socket."},
    {"no-seccomp", .forbids = "seccomp-filter", .help = "Accepted for compatibility."},
    {"parent-cpu-time-us", .takes_value = true, .help = "CPU time of the jailer."},
    {"seccomp-filter", .takes_value = true, .help = "Accepted for compatibility."},
    {"show-level", .help = "Show the level in log lines."},
    {"show-log-origin", .help = "Show file and line in log lines."},
    {"snapshot-version", .help = "Print the snapshot format's version."},
    {"start-time-cpu-us", .takes_value = true, .help = "Start of the process, CPU time."},
    {"start-time-us", .takes_value = true, .help = "Start of the process, wall time."},
    {"version", .help = "Show the version."},
};
#define N_ARGS (sizeof args / sizeof args[0])

#define DEFAULT_SOCKET    "/run/firecracker.socket"
#define DEFAULT_LIMIT     51200
#define METRICS_PERIOD_MS 60000

/* The last words: one line in the log, one on stderr, the status. */
static int leave(int status, const char *debug)
{
    if (status == 0)
        bg_info("main", "Firecracker exiting successfully. exit_code=0");
    else
        bg_error("main", "Firecracker exiting with error. exit_code=%d", status);
    if (debug)
        fprintf(stderr, "Error: %s\n", debug);
    return status;
}

/* What Firecracker answers with a Rust panic, hence with SIGABRT. */
static void __attribute__((noreturn, format(printf, 2, 3)))
panic(const char *place, const char *format, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    bg_error("main", "Firecracker panicked at src/firecracker/src/main.rs:%s:\n%s", place, text);
    abort();
}

static const char *value(const char *name)
{
    return bg_arg_value(args, N_ARGS, name);
}

/* A letter beyond ASCII passes, as in Rust. */
static void check_instance_id(const char *id)
{
    size_t n = 0, characters = 0;
    for (; id[n]; n++) {
        unsigned char c = (unsigned char)id[n];
        if ((c & 0xc0) != 0x80)
            characters++;
        if (!(c & 0x80) &&
            !strchr("-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", c))
            panic("309:48", "Invalid instance ID: InvalidChar('%c', %zu)", c, characters - 1);
    }
    if (n < 1 || n > 64)
        panic("309:48", "Invalid instance ID: InvalidLen(%zu, 1, 64)", n);
}

static uint64_t number(const char *name, const char *type, const char *place, uint64_t fallback)
{
    const char *text = value(name);
    char *end;
    if (!text)
        return fallback;
    errno = 0;
    uint64_t n = strtoull(text, &end, 10);
    if (errno || *end || *text < '0' || *text > '9')
        panic(place,
              "'%s' parameter expected to be of '%s' type.: ParseIntError { kind: "
              "InvalidDigit }",
              name, type);
    return n;
}

/* The whole file, or NULL when there is no such argument. */
static char *read_file(const char *name, const char *what, const char *place, size_t *ret_len)
{
    const char *path = value(name);
    struct stat st;
    char *text = NULL;
    if (!path)
        return NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    errno = fd < 0 ? errno : 0;
    if (fd >= 0 && fstat(fd, &st) == 0 && (text = malloc((size_t)st.st_size + 1))) {
        ssize_t n = pread(fd, text, (size_t)st.st_size, 0);
        if (n < 0) {
            free(text);
            text = NULL;
        } else {
            *ret_len = (size_t)n;
        }
    }
    if (!text)
        panic(place, "Unable to open or read from the %s: %s", what, bg_os_error_debug(errno));
    close(fd);
    return text;
}

static int init_logger(void)
{
    const char *path = value("log-path"), *level = value("level");
    char debug[256];
    if (level && !bg_log_level(level)) {
        bg_error("main",
                 "Invalid value for logger level: %s.Possible values: [Off, Error, Warning, "
                 "Info, Debug, Trace]",
                 level);
        return leave(152, "InvalidLogLevel(ParseLevelError(()))");
    }
    bg_log_show(bg_arg_given(args, N_ARGS, "show-level"),
                bg_arg_given(args, N_ARGS, "show-log-origin"));
    int r = path ? bg_log_open(path) : 0;
    if (r == 0)
        return 0;
    bg_error("main", "Could not initialize logger: Failed to open target file: %s",
             bg_os_error(-r));
    (void)snprintf(debug, sizeof debug, "LoggerInitialization(LoggerUpdateError(%s))",
                   bg_os_error_debug(-r));
    return leave(1, debug);
}

static int init_metrics(void)
{
    const char *path = value("metrics-path");
    char debug[256];
    int r = path ? bg_metrics_open(path) : 0;
    if (r == 0)
        return 0;
    bg_error("main",
             "Could not initialize metrics: Cannot initialize the metrics system due to bad user "
             "input: %s",
             bg_os_error(-r));
    (void)snprintf(debug, sizeof debug, "MetricsInitialization(InitializationFailure(\"%s\"))",
                   bg_os_error(-r));
    return leave(1, debug);
}

/* The filter itself is for Firecracker's threads; only its absence is an error here too. */
static int check_seccomp(void)
{
    const char *path = value("seccomp-filter");
    char debug[256];
    if (!path || access(path, R_OK) == 0)
        return 0;
    bg_error("main", "Seccomp error: Filter file open error: %s", bg_os_error(errno));
    (void)snprintf(debug, sizeof debug, "SeccompFilter(FileOpen(%s))", bg_os_error_debug(errno));
    return leave(1, debug);
}

static int bind_api(const char *path, int *ret_fd)
{
    char debug[512];
    int r = bg_server_bind(path, ret_fd);
    if (r == 0) {
        bg_info("main", "Listening on API socket (\"%s\").", path);
        return 0;
    }
    if (r == -EADDRINUSE) {
        bg_error("main",
                 "RunWithApiError error: Failed to open the API socket at: %s. Check that it is "
                 "not already used.",
                 path);
        (void)snprintf(debug, sizeof debug, "RunWithApi(FailedToBindSocket(\"%s\"))", path);
        return leave(1, debug);
    }
    bool too_long = r == -ENAMETOOLONG;
    bg_error("main", "RunWithApiError error: Failed to bind and run the HTTP server: IO error: %s",
             too_long ? "path must be shorter than SUN_LEN" : bg_os_error(-r));
    (void)snprintf(debug, sizeof debug, "RunWithApi(FailedToBindAndRunHttpServer(IOError(%s)))",
                   too_long ? "Error { kind: InvalidInput, message: \"path must be shorter than "
                              "SUN_LEN\" }"
                            : bg_os_error_debug(-r));
    return leave(1, debug);
}

static void load_metadata(struct bg_vm *vm, const char *text, size_t len)
{
    struct bg_json json;
    bg_json_init(&json, text, len);
    if (bg_value_parse(&json, &vm->mmds) < 0)
        panic("393:20", "Failed to add metadata to mmds from file: %s", json.error);
    bg_info("main", "Successfully added metadata to mmds from file");
}

static void flush_metrics(void *arg)
{
    bg_metrics_flush();
    (void)bg_timer_arm(*(struct bg_timer **)arg, METRICS_PERIOD_MS);
}

static int run(struct bg_vm *vm, bool api, const char *config, size_t config_len)
{
    struct bg_vmm_error error = {{0}};
    struct bg_timer *minute;
    if (config) {
        if (bg_api_apply_file(vm, config, config_len, &error) < 0) {
            bg_error("main", "%s error: Failed to build MicroVM from Json: %s",
                     api ? "RunWithApiError" : "RunWithoutApiError", error.text);
            return leave(1,
                         api ? "RunWithApi(BuildFromJson)" : "RunWithoutApiError(BuildFromJson)");
        }
        bg_info("main", "Successfully started microvm that was configured from one single json");
    }
    if (bg_timer_new(vm->loop, flush_metrics, &minute, &minute) < 0)
        return leave(1, "OutOfMemory");
    (void)bg_timer_arm(minute, METRICS_PERIOD_MS);
    int status = bg_loop_run(vm->loop);
    bg_vmm_end(vm->vmm);
    bg_metrics_flush();
    return leave(status < 0 ? 1 : status,
                 status == 1 ? "RunWithApi(BuildMicroVmError(Restore))" : NULL);
}

static int print_and_leave(void)
{
    if (bg_arg_given(args, N_ARGS, "help"))
        bg_args_help(args, N_ARGS, "Firecracker v" BG_VERSION " (banger engine)");
    else if (bg_arg_given(args, N_ARGS, "version"))
        printf("Firecracker v" BG_VERSION "\n\n");
    else
        printf("v1.0.0\n");
    fflush(stdout);
    return leave(0, NULL);
}

int main(int argc, char **argv)
{
    struct bg_args_error error;
    struct bg_loop *loop;
    struct bg_server *server;
    struct bg_vm vm;
    int rest, listener = -1, status;
    if (bg_args_parse(args, N_ARGS, argc, argv, &rest, &error) < 0) {
        char debug[256];
        bg_error("main", "Arguments parsing error: %s \\n\\nFor more information try --help.",
                 error.text);
        (void)snprintf(debug, sizeof debug, "ParseArguments(%s)", error.debug);
        return leave(153, debug);
    }
    if (bg_arg_given(args, N_ARGS, "help") || bg_arg_given(args, N_ARGS, "version") ||
        bg_arg_given(args, N_ARGS, "snapshot-version"))
        return print_and_leave();
    const char *id = value("id") ? value("id") : "anonymous-instance";
    check_instance_id(id);
    bg_log_id(id);
    if ((status = init_logger()) != 0)
        return status;
    bg_info("main", "Running Firecracker v" BG_VERSION);
    if ((status = check_seccomp()) != 0 || (status = init_metrics()) != 0)
        return status;
    size_t config_len = 0, metadata_len = 0;
    char *config = read_file("config-file", "configuration file", "388:20", &config_len);
    char *metadata = read_file("metadata", "mmds content file", "393:20", &metadata_len);
    uint64_t limit = number("http-api-max-payload-size", "usize", "403:18", DEFAULT_LIMIT);
    uint64_t mmds_limit = number("mmds-size-limit", "usize", "415:18", limit);
    bg_metrics_started(number("start-time-us", "u64", "427:18", 0));
    bool api = !bg_arg_given(args, N_ARGS, "no-api");
    const char *socket = value("api-sock") ? value("api-sock") : DEFAULT_SOCKET;
    if (api && (status = bind_api(socket, &listener)) != 0)
        return status;
    if (bg_loop_new(&loop) < 0 || bg_vm_init(&vm, loop, id, mmds_limit) < 0 ||
        bg_signals_install() < 0 || bg_vmm_init() < 0)
        return leave(1, "Initialization");
    if (metadata)
        load_metadata(&vm, metadata, metadata_len);
    if (api && bg_server_start(loop, listener, limit, bg_api_serve, &vm, &server) < 0)
        return leave(1, "Initialization");
    if (api)
        bg_info("fc_api", "API server started.");
    return run(&vm, api, config, config_len);
}
