/*
 * Installed engines: folders with firecracker, jailer and number (decimal), below the instance's state or the
 * machine's /usr/local/lib/banger/engines. Root runs what lies there, so every folder on the way must be root's alone.
 */
#include "op.h"

/* Open an absolute path, component by component: each a real folder of root's that nobody else can write. */
int bg_open_trusted(const char *path)
{
    char copy[BG_PATH_MAX], *save = NULL;
    snprintf(copy, sizeof(copy), "%s", path);
    int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (char *part = strtok_r(copy, "/", &save); dir >= 0 && part;
         part = strtok_r(NULL, "/", &save)) {
        int next = bg_open(dir, part, O_RDONLY | O_DIRECTORY, 0);
        close(dir);
        dir = next;
        if (dir >= 0 && !bg_roots_alone(dir, S_IFDIR))
            bg_close(&dir);
    }
    return dir;
}

static bool has_number(int engine, uint32_t number)
{
    char text[16];
    return bg_read_small(engine, "number", text, sizeof(text)) > 0 &&
           strcmp(text, bg_name("%u\n", number).s) == 0;
}

static bool safe_program(int engine, const char *name)
{
    BG_CLOSED int fd = bg_open(engine, name, O_RDONLY, 0);
    return fd >= 0 && bg_roots_alone(fd, S_IFREG) && faccessat(engine, name, X_OK, 0) == 0;
}

/* In one place; -1 when no engine there has the number. */
static int find(const char *place, uint32_t number, struct bg_name *ret_path)
{
    BG_CLOSED int fd = bg_open_trusted(place);
    BG_LISTED DIR *d = fd < 0 ? NULL : bg_list(fd, ".");
    for (struct dirent *e; d && (e = readdir(d));) {
        BG_CLOSED int engine =
            e->d_name[0] == '.' ? -1 : bg_open(fd, e->d_name, O_RDONLY | O_DIRECTORY, 0);
        if (engine < 0 || !bg_roots_alone(engine, S_IFDIR) || !has_number(engine, number))
            continue;
        *ret_path = bg_name("%.100s/%.50s", place, e->d_name);
        return bg_steal(&engine);
    }
    return -1;
}

int bg_engine_open(struct bg_helper *h, uint32_t number, struct bg_name *ret_path,
                   struct bg_reply *f)
{
    BG_CLOSED int fd =
        find(bg_name("%s/engines", bg_state_root(h->instance).s).s, number, ret_path);
    if (fd < 0)
        fd = find("/usr/local/lib/banger/engines", number, ret_path);
    if (fd < 0)
        return bg_fail(f, BG_ENGINE_ABSENT, 0,
                       "engine: no engine has the number %u; see `banger engine list`", number);
    if (!safe_program(fd, "firecracker") || !safe_program(fd, "jailer"))
        return bg_fail(f, BG_ENGINE_UNSAFE, 0,
                       "engine: %s must hold firecracker and jailer that only root can write; "
                       "install it again",
                       ret_path->s);
    return bg_steal(&fd);
}
