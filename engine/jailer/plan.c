/* See plan.h. The order of the checks is that of Firecracker's jailer: it decides which mistake is
 * told first. */
#include "plan.h"
#include "fail.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define VERSION       "1.16.1"
#define DEFAULT_BASE  "/srv/jailer"
#define DEFAULT_FILES 2048

static struct bg_arg args[] = {
    {"cgroup", .takes_value = true, .many = true, .help = "file=value, below --parent-cgroup."},
    {"cgroup-version", .takes_value = true, .help = "1 or 2."},
    {"chroot-base-dir", .takes_value = true, .help = "Where the jails are (" DEFAULT_BASE ")."},
    {"daemonize", .help = "Detach from the terminal."},
    {"exec-file", .takes_value = true, .required = true, .help = "The program to jail."},
    {"gid", .takes_value = true, .required = true, .help = "Group to run as."},
    {"help", .help = "Show this text."},
    {"id", .takes_value = true, .required = true, .help = "Letters, digits, hyphens; at most 64."},
    {"netns", .takes_value = true, .help = "Network namespace to join, by path."},
    {"new-pid-ns", .help = "Run in a pid namespace of its own."},
    {"parent-cgroup", .takes_value = true, .help = "Relative path."},
    {"resource-limit", .takes_value = true, .many = true, .help = "fsize=N or no-file=N."},
    {"uid", .takes_value = true, .required = true, .help = "User to run as."},
    {"version", .help = "Show the version."},
};
#define N_ARGS (sizeof args / sizeof args[0])

static const char *value(const char *name)
{
    return bg_arg_value(args, N_ARGS, name);
}

/* fail texts with one inserted word */
static void die_word(const char *before, const char *word, const char *after, const char *name)
{
    char text[512], debug[512];
    (void)snprintf(text, sizeof text, "%s%s%s", before, word, after);
    (void)snprintf(debug, sizeof debug, "%s(\"%s\")", name, word);
    bg_die(text, debug);
}

/* Rust counts characters and takes any letter; beyond ASCII so do we. */
static void check_id(const char *id)
{
    char text[128], debug[128];
    size_t length = strlen(id), position = 0;
    for (const char *p = id; *p; p++) {
        unsigned char c = (unsigned char)*p;
        bool ok = (c & 0x80) || c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                  (c >= 'A' && c <= 'Z');
        if (!ok) {
            (void)snprintf(text, sizeof text,
                           "Invalid instance ID: Invalid char (%c) at position %zu", c, position);
            (void)snprintf(debug, sizeof debug, "InvalidInstanceId(InvalidChar('%c', %zu))", c,
                           position);
            bg_die(text, debug);
        }
        position += (c & 0xc0) != 0x80;
    }
    if (length < 1 || length > 64) {
        (void)snprintf(text, sizeof text,
                       "Invalid instance ID: Invalid len (%zu);  the length must be between 1 and "
                       "64",
                       length);
        (void)snprintf(debug, sizeof debug, "InvalidInstanceId(InvalidLen(%zu, 1, 64))", length);
        bg_die(text, debug);
    }
}

/* Decimal, no sign, at most `max`. */
static bool parse_number(const char *text, uint64_t max, uint64_t *ret)
{
    uint64_t n = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || n > (max - (uint64_t)(*text - '0')) / 10)
            return false;
        n = n * 10 + (uint64_t)(*text - '0');
    }
    *ret = n;
    return true;
}

static void canonicalize(const char *path, char out[PATH_MAX])
{
    if (!realpath(path, out))
        bg_die_path("Failed to canonicalize path", "Canonicalize", path, errno);
}

static void take_paths(struct bg_plan *plan)
{
    struct stat st;
    char base[PATH_MAX];
    const char *given = value("chroot-base-dir");
    canonicalize(value("exec-file"), plan->exec_path);
    if (stat(plan->exec_path, &st) < 0 || !S_ISREG(st.st_mode))
        die_word("", plan->exec_path, " is not a file", "NotAFile");
    plan->exec_name = strrchr(plan->exec_path, '/') + 1;
    canonicalize(given ? given : DEFAULT_BASE, base);
    if (stat(base, &st) < 0 || !S_ISDIR(st.st_mode))
        die_word("", base, " is not a directory", "NotADirectory");
    int n =
        snprintf(plan->root, sizeof plan->root, "%s/%s/%s/root", base, plan->exec_name, plan->id);
    if (n < 0 || (size_t)n >= sizeof plan->root)
        bg_die_path("Failed to create directory", "CreateDir", base, ENAMETOOLONG);
}

static void take_ids(struct bg_plan *plan)
{
    uint64_t n;
    if (!parse_number(value("uid"), UINT32_MAX, &n))
        die_word("Invalid uid: ", value("uid"), "", "Uid");
    plan->uid = (uid_t)n;
    if (!parse_number(value("gid"), UINT32_MAX, &n))
        die_word("Invalid gid: ", value("gid"), "", "Gid");
    plan->gid = (gid_t)n;
}

static void take_parent_cgroup(struct bg_plan *plan)
{
    const char *parent = value("parent-cgroup");
    plan->parent_cgroup = parent ? parent : plan->exec_name;
    bool bad = plan->parent_cgroup[0] == '/';
    for (const char *p = plan->parent_cgroup; *p;) {
        size_t n = strcspn(p, "/");
        bad = bad || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.');
        p += n + (p[n] == '/');
    }
    if (bad)
        bg_die("Parent cgroup path is invalid. Path should not be absolute or contain '..' or '.'",
               "CgroupInvalidParentPath");
}

static void take_cgroups(struct bg_plan *plan)
{
    const char *version = value("cgroup-version");
    if (version && strcmp(version, "1") != 0 && strcmp(version, "2") != 0)
        die_word("", version, " is an invalid cgroup version specifier", "CgroupInvalidVersion");
    plan->cgroup_v2 = version && version[0] == '2';
    take_parent_cgroup(plan);
    const struct bg_arg *cgroups = bg_arg(args, N_ARGS, "cgroup");
    for (unsigned i = 0; i < cgroups->n; i++) {
        const char *text = cgroups->values[i], *equals = strchr(text, '=');
        if (!equals || !equals[1] || equals == text || strchr(equals + 1, '='))
            die_word("Invalid format for cgroups: ", text, "", "CgroupFormat");
        if (strchr(text, '/'))
            die_word("Cgroup invalid file: ", text, "", "CgroupInvalidFile");
        plan->cgroups[i] = text;
    }
    plan->n_cgroups = cgroups->n;
}

static void take_limit(struct bg_plan *plan, const char *text)
{
    char name[32], message[256], debug[256];
    const char *equals = strchr(text, '=');
    uint64_t n;
    if (!equals)
        die_word("Invalid format for resources limits: ", text, "", "ResLimitFormat");
    (void)snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
    bool files = strcmp(name, "no-file") == 0;
    if (!files && strcmp(name, "fsize") != 0)
        die_word("Invalid resource argument: ", name, "", "ResLimitArgument");
    if (!parse_number(equals + 1, UINT64_MAX, &n)) {
        (void)snprintf(message, sizeof message,
                       "Invalid limit value for resource: %s: invalid digit found in string",
                       equals + 1);
        (void)snprintf(debug, sizeof debug,
                       "ResLimitValue(\"%s\", \"invalid digit found in string\")", equals + 1);
        bg_die(message, debug);
    }
    *(files ? &plan->limit_files : &plan->limit_size) = n;
}

void bg_plan_make(struct bg_plan *plan, int argc, char **argv)
{
    struct bg_args_error error;
    char text[320], debug[160];
    int rest;
    if (bg_args_parse(args, N_ARGS, argc, argv, &rest, &error) < 0) {
        (void)snprintf(text, sizeof text, "Failed to parse arguments: %s", error.text);
        (void)snprintf(debug, sizeof debug, "ArgumentParsing(%s)", error.debug);
        bg_die(text, debug);
    }
    if (bg_arg_given(args, N_ARGS, "help")) {
        bg_args_help(args, N_ARGS, "Jailer v" VERSION " (banger engine)");
        exit(0);
    }
    if (bg_arg_given(args, N_ARGS, "version")) {
        printf("Jailer v" VERSION "\n\n");
        exit(0);
    }
    *plan = (struct bg_plan){.id = value("id"),
                             .netns = value("netns"),
                             .limit_files = DEFAULT_FILES,
                             .daemonize = bg_arg_given(args, N_ARGS, "daemonize"),
                             .new_pid_ns = bg_arg_given(args, N_ARGS, "new-pid-ns"),
                             .extra = argv + rest};
    check_id(plan->id);
    take_paths(plan);
    take_ids(plan);
    take_cgroups(plan);
    const struct bg_arg *limits = bg_arg(args, N_ARGS, "resource-limit");
    for (unsigned i = 0; i < limits->n; i++)
        take_limit(plan, limits->values[i]);
}
