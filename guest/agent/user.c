#include "user.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIELDS = 7, LINE = 4096 };

#define PASSWD "/etc/passwd"

static struct {
    struct stat file;
    struct bg_user entry;
    int is_there;
} root;

#define NOBODY_YET ((struct bg_user){.home = "/", .shell = "/bin/sh"})

static int split(char *line, char *field[FIELDS])
{
    int n = 0;
    line[strcspn(line, "\n")] = '\0';
    while (n < FIELDS && line)
        field[n++] = strsep(&line, ":");
    return n;
}

static int is_number(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static void fill(struct bg_user *u, char *field[FIELDS])
{
    snprintf(u->name, sizeof u->name, "%s", field[0]);
    snprintf(u->home, sizeof u->home, "%s", field[5]);
    snprintf(u->shell, sizeof u->shell, "%s", field[6][0] ? field[6] : "/bin/sh");
    u->uid = (uid_t)strtoul(field[2], NULL, 10);
    u->gid = (gid_t)strtoul(field[3], NULL, 10);
}

static int find_entry(const char *who, struct bg_user *u)
{
    char line[LINE], *field[FIELDS];
    int by_number = is_number(who), found = 0;
    FILE *f = fopen(PASSWD, "re");
    if (!f)
        return 0;
    while (!found && fgets(line, sizeof line, f)) {
        if (split(line, field) != FIELDS || strcmp(field[by_number ? 2 : 0], who) != 0)
            continue;
        fill(u, field);
        found = 1;
    }
    fclose(f);
    return found;
}

static int is_member(const char *list, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = list; *p;) {
        size_t word = strcspn(p, ",");
        if (word == n && strncmp(p, name, n) == 0)
            return 1;
        p += word;
        p += *p == ',';
    }
    return 0;
}

static void find_groups(struct bg_user *u)
{
    char line[LINE], *field[FIELDS];
    u->groups[0] = u->gid;
    u->group_count = 1;
    FILE *f = fopen("/etc/group", "re");
    if (!f)
        return;
    while (u->group_count < BG_GROUPS && fgets(line, sizeof line, f))
        if (split(line, field) == 4 && is_member(field[3], u->name))
            u->groups[u->group_count++] = (gid_t)strtoul(field[2], NULL, 10);
    fclose(f);
}

static int find_group(const char *who, gid_t *ret)
{
    char line[LINE], *field[FIELDS];
    int by_number = is_number(who), found = 0;
    FILE *f = fopen("/etc/group", "re");
    while (f && !found && fgets(line, sizeof line, f)) {
        if (split(line, field) != 4 || strcmp(field[by_number ? 2 : 0], who) != 0)
            continue;
        *ret = (gid_t)strtoul(field[2], NULL, 10);
        found = 1;
    }
    if (f)
        fclose(f);
    if (found || !by_number || strlen(who) > 9)
        return found ? 0 : -ENOENT;
    *ret = (gid_t)strtoul(who, NULL, 10);
    return 0;
}

void bg_user_prepare(void)
{
    root.entry = NOBODY_YET;
    root.is_there = stat(PASSWD, &root.file) == 0 && find_entry("0", &root.entry);
}

static int is_same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* It was root's entry when it was read, and the file has not changed since. */
static int is_prepared(const char *who)
{
    struct stat now;
    return root.is_there && strcmp(who, "0") == 0 && stat(PASSWD, &now) == 0 &&
           now.st_dev == root.file.st_dev && now.st_ino == root.file.st_ino &&
           now.st_size == root.file.st_size && is_same_time(&now.st_mtim, &root.file.st_mtim) &&
           is_same_time(&now.st_ctim, &root.file.st_ctim);
}

static int find_user(const char *who, struct bg_user *ret)
{
    if (is_prepared(who)) {
        *ret = root.entry;
        return 0;
    }
    if (find_entry(who, ret))
        return 0;
    if (!is_number(who) || strlen(who) > 9)
        return -ENOENT;
    snprintf(ret->name, sizeof ret->name, "%s", who);
    ret->uid = (uid_t)strtoul(who, NULL, 10);
    ret->gid = ret->uid;
    return 0;
}

int bg_user_find(const char *who, struct bg_user *ret)
{
    char user[64];
    size_t n = strcspn(who, ":");
    *ret = NOBODY_YET;
    if (n >= sizeof user)
        return -ENOENT;
    memcpy(user, who, n);
    user[n] = '\0';
    int r = find_user(user, ret);
    if (r < 0)
        return r;
    if (who[n] == ':') {
        r = find_group(who + n + 1, &ret->gid);
        ret->groups[0] = ret->gid;
        ret->group_count = 1;
    } else if (ret->uid != geteuid()) { /* else bg_user_become has nothing to do */
        find_groups(ret);
    }
    return r;
}

int bg_user_become(const struct bg_user *user)
{
    if (geteuid() == user->uid && (user->group_count == 0 || getegid() == user->gid))
        return 0;
    if (setgroups((size_t)user->group_count, user->groups) < 0 || setgid(user->gid) < 0 ||
        setuid(user->uid) < 0)
        return -errno;
    return 0;
}
