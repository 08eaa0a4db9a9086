/*
 * banger-recover: finishes or undoes an interrupted update; at boot before anything of a release starts, or with --live
 * after an updater was killed, and then what runs is made to be what is selected.
 *
 * It lives outside the releases (<lib>/banger-recover) and is replaced only after a good verdict, so that a broken release
 * can always be left. All it knows is one journal and one symlink:
 *
 *   <lib>/update.journal   lines "key value": from, to (versions), step (prepared | flipped | good | rollback)
 *   <lib>/current          -> rel/<version>, the only commit point; units are symlinks through it, so they follow
 *
 * prepared: the symlink was not touched yet; forget the attempt. good: the verdict was written; only tidying was left.
 * flipped, rollback: the new release was never proven on this boot: go back to `from`. Each action is idempotent, needs no
 * network, and a second run after a crash in the middle ends in the same place.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_LIB "/usr/local/lib/banger"
#define JOURNAL     "update.journal"
#define RESULT      "update.result"
#define MAX_VERSION 64
#define MAX_JOURNAL 4096

struct journal {
    char from[MAX_VERSION];
    char to[MAX_VERSION];
    char step[16];
};

static int fail(const char *what, const char *name)
{
    int code = errno;
    fprintf(stderr, "banger-recover: %s %s: %s\n", what, name, strerror(code));
    return -code;
}

/* A version names a folder below rel/: nothing in it may lead elsewhere. */
static bool version_ok(const char *v)
{
    if (v[0] == '\0' || v[0] == '.')
        return false;
    return strspn(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+~-") ==
           strlen(v);
}

static int take(char *into, size_t size, const char *value)
{
    if (strlen(value) >= size)
        return -EINVAL;
    strcpy(into, value);
    return 0;
}

/* Returns 1 when a journal was read, 0 when there is none, a negative errno when it cannot be understood. */
static int journal_read(int lib, struct journal *ret)
{
    char text[MAX_JOURNAL + 1], *line, *rest = text;
    struct journal j = {0};
    ssize_t n;
    int fd = openat(lib, JOURNAL, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? 0 : fail("open", JOURNAL);
    n = read(fd, text, MAX_JOURNAL);
    close(fd);
    if (n < 0)
        return fail("read", JOURNAL);
    text[n] = '\0';
    while ((line = strsep(&rest, "\n"))) {
        char *value = strchr(line, ' ');
        int r = 0;
        if (!value)
            continue;
        *value++ = '\0';
        if (!strcmp(line, "from"))
            r = take(j.from, sizeof j.from, value);
        else if (!strcmp(line, "to"))
            r = take(j.to, sizeof j.to, value);
        else if (!strcmp(line, "step"))
            r = take(j.step, sizeof j.step, value);
        if (r < 0)
            return r;
    }
    if (!version_ok(j.from) || !version_ok(j.to))
        return -EINVAL;
    *ret = j;
    return 1;
}

static int point_current_at(int lib, const char *version)
{
    char target[MAX_VERSION + 8], now[MAX_VERSION + 8];
    struct stat st;
    ssize_t n;
    snprintf(target, sizeof target, "rel/%s", version);
    n = readlinkat(lib, "current", now, sizeof now - 1);
    if (n > 0) {
        now[n] = '\0';
        if (!strcmp(now, target))
            return 0;
    }
    if (fstatat(lib, target, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return fail("stat", target);
    if (!S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return fail("stat", target);
    }
    if (unlinkat(lib, "current.new", 0) < 0 && errno != ENOENT)
        return fail("unlink", "current.new");
    if (symlinkat(target, lib, "current.new") < 0)
        return fail("symlink", "current.new");
    if (renameat(lib, "current.new", lib, "current") < 0)
        return fail("rename", "current");
    if (fsync(lib) < 0)
        return fail("fsync", "the release folder");
    return 0;
}

/* The owner's next command and `doctor` read this; it outlives the journal. */
static int result_write(int lib, const struct journal *j, const char *outcome)
{
    int fd =
        openat(lib, RESULT ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return fail("open", RESULT ".new");
    if (dprintf(fd, "from %s\nto %s\noutcome %s\n", j->from, j->to, outcome) < 0 || fsync(fd) < 0) {
        int r = fail("write", RESULT ".new");
        close(fd);
        return r;
    }
    close(fd);
    if (renameat(lib, RESULT ".new", lib, RESULT) < 0)
        return fail("rename", RESULT);
    return 0;
}

static int journal_clear(int lib)
{
    if (unlinkat(lib, JOURNAL, 0) < 0 && errno != ENOENT)
        return fail("unlink", JOURNAL);
    if (fsync(lib) < 0)
        return fail("fsync", "the release folder");
    return 0;
}

#define SERVICES "bangerd-root.service", "bangerd.service"

static int systemctl(char *const words[])
{
    static char *const env[] = {"PATH=/usr/bin:/bin", NULL};
    int status;
    pid_t pid;
    int r = posix_spawnp(&pid, words[0], NULL, NULL, words, env);
    if (r != 0 || waitpid(pid, &status, 0) < 0) {
        errno = r != 0 ? r : errno;
        return fail("run", words[0]);
    }
    errno = EIO; /* systemctl has said why */
    return status == 0 ? 0 : fail("systemctl", words[1]);
}

/* Units are links through `current`; at boot systemd has read the other release's. */
static int reload_units(void)
{
    return systemctl((char *const[]){"systemctl", "daemon-reload", NULL});
}

/* Both may die at any moment, and one that hangs would not end by itself; what is not there need not be killed. */
static int restart_services(void)
{
    systemctl(
        (char *const[]){"systemctl", "kill", "--signal=KILL", "--kill-who=main", SERVICES, NULL});
    systemctl((char *const[]){"systemctl", "reset-failed", SERVICES, NULL});
    return systemctl((char *const[]){"systemctl", "restart", "bangerd-root.socket",
                                     "bangerd.socket", SERVICES, NULL});
}

/* What follows a selection that was taken back. */
enum after { AFTER_NOTHING, AFTER_RELOAD, AFTER_RESTART };

static int follow(enum after after)
{
    if (after == AFTER_NOTHING)
        return 0;
    int r = reload_units();
    if (after == AFTER_RESTART)
        return r < 0 ? r : restart_services();
    return 0; /* at boot the selection is what counts: `current` is right whatever systemd says */
}

static int recover(int lib, enum after after)
{
    struct journal j;
    const char *outcome;
    int r = journal_read(lib, &j);
    if (r <= 0) {
        if (r < 0)
            fprintf(stderr,
                    "banger-recover: " JOURNAL " cannot be understood; nothing was changed. "
                    "Look at it, then remove it.\n");
        return r;
    }
    if (!strcmp(j.step, "prepared")) {
        outcome = "abandoned";
    } else if (!strcmp(j.step, "good")) {
        outcome = "good";
    } else if (!strcmp(j.step, "flipped") || !strcmp(j.step, "rollback")) {
        outcome = "rolled-back";
        r = point_current_at(lib, j.from);
        if (r >= 0)
            r = follow(after);
    } else {
        fprintf(stderr, "banger-recover: " JOURNAL ": unknown step %s; nothing was changed\n",
                j.step);
        return -EINVAL;
    }
    if (r >= 0)
        r = result_write(lib, &j, outcome);
    if (r >= 0)
        r = journal_clear(lib);
    if (r >= 0)
        printf("banger-recover: update %s to %s: %s\n", j.from, j.to, outcome);
    return r;
}

int main(int argc, char **argv)
{
    const char *lib_path = DEFAULT_LIB, *mode = argc > 1 ? argv[1] : "";
    enum after after = AFTER_NOTHING;
    int lib, r;
    if (argc == 3 && !strcmp(mode, "--lib"))
        lib_path = argv[2];
    else if (argc == 2 && !strcmp(mode, "--boot"))
        after = AFTER_RELOAD;
    else if (argc == 2 && !strcmp(mode, "--live"))
        after = AFTER_RESTART;
    else {
        fprintf(stderr, "usage: banger-recover --boot | --live | --lib FOLDER\n");
        return 2;
    }
    lib = open(lib_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lib < 0)
        return fail("open", lib_path), 1;
    r = recover(lib, after);
    close(lib);
    return r < 0 ? 1 : 0;
}
