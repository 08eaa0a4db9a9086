/*
 * Installed engines: folders with firecracker, jailer and number (decimal), below the instance's state or the
 * machine's /usr/local/lib/banger/engines. Root runs what lies there, so every folder on the way must be root's alone.
 */
#include "copy.h"
#include "op.h"
#include <stdlib.h>

static bool roots_alone(int fd, mode_t type)
{
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_uid == 0 && (st.st_mode & S_IFMT) == type &&
           (st.st_mode & 022) == 0;
}

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
        if (dir >= 0 && !roots_alone(dir, S_IFDIR)) {
            bg_close(&dir);
            errno = EPERM;
        }
    }
    return dir;
}

static bool read_number(int engine, uint32_t *ret)
{
    char text[16], *end;
    if (bg_read_small(engine, "number", text, sizeof(text)) < 1 || text[0] < '0' || text[0] > '9')
        return false;
    unsigned long n = strtoul(text, &end, 10);
    *ret = (uint32_t)n;
    return n <= UINT32_MAX && (*end == 0 || strcmp(end, "\n") == 0);
}

static bool safe_program(int engine, const char *name)
{
    struct stat st;
    BG_CLOSED int fd = bg_open(engine, name, O_RDONLY, 0);
    return fd >= 0 && roots_alone(fd, S_IFREG) && fstat(fd, &st) == 0 && (st.st_mode & 0111);
}

struct found {
    uint32_t number;
    struct bg_name path;
    char name[17];
};

/* Among the engines of one place, the one numbered `wanted`, or with the least number above `after`. */
static void search(const char *place, bool exact, uint32_t wanted, bool *found, struct found *ret)
{
    int fd = bg_open_trusted(place);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        bg_close(&fd);
        return;
    }
    for (struct dirent *e; (e = readdir(d));) {
        uint32_t n;
        size_t len = strlen(e->d_name);
        if (len > 16 || strspn(e->d_name, "abcdefghijklmnopqrstuvwxyz0123456789-") != len)
            continue;
        BG_CLOSED int engine = bg_open(fd, e->d_name, O_RDONLY | O_DIRECTORY, 0);
        if (engine < 0 || !roots_alone(engine, S_IFDIR) || !read_number(engine, &n))
            continue;
        if ((exact ? n == wanted : n > wanted) && (!*found || n < ret->number)) {
            *found = true;
            ret->number = n;
            ret->path = bg_name("%.100s/%.16s", place, e->d_name);
            memset(ret->name, 0, sizeof(ret->name)); /* the wire wants it padded */
            memcpy(ret->name, e->d_name, len);
        }
    }
    closedir(d);
}

static bool lookup(struct bg_helper *h, bool exact, uint32_t wanted, struct found *ret)
{
    bool found = false;
    search(bg_name("%s/engines", bg_state_root(h->instance).s).s, exact, wanted, &found, ret);
    if (!exact || !found)
        search("/usr/local/lib/banger/engines", exact, wanted, &found, ret);
    return found;
}

int bg_engine_open(struct bg_helper *h, uint32_t number, struct bg_name *ret_path,
                   struct bg_reply *f)
{
    struct found e;
    if (!lookup(h, true, number, &e))
        return bg_fail(f, BG_ENGINE_ABSENT, 0,
                       "engine: no engine has the number %u; see `banger engine list`", number);
    BG_CLOSED int fd = bg_open_trusted(e.path.s);
    if (fd < 0 || !safe_program(fd, "firecracker") || !safe_program(fd, "jailer"))
        return bg_fail(f, BG_ENGINE_UNSAFE, 0,
                       "engine: %s must hold firecracker and jailer that only root can write; "
                       "install it again",
                       e.name);
    *ret_path = e.path;
    return bg_steal(&fd);
}

static int add_program(EVP_MD_CTX *sha, int engine, const char *name)
{
    static uint8_t buffer[65536];
    ssize_t n = -1;
    BG_CLOSED int fd = bg_open(engine, name, O_RDONLY, 0);
    while (fd >= 0 && (n = read(fd, buffer, sizeof(buffer))) > 0)
        EVP_DigestUpdate(sha, buffer, (size_t)n);
    return fd >= 0 && n == 0 ? 0 : -1;
}

/* Safe because it only reads; engines are installed by root, never by an operation. */
int bg_act_engine_list(struct bg_helper *h, const struct bg_args_engine_list *a,
                       struct bg_res_engine_list *r, struct bg_reply *f)
{
    struct found e;
    if (!lookup(h, false, a->after, &e))
        return 0;
    BG_CLOSED int fd = bg_open_trusted(e.path.s);
    BG_SHA256 *sha = bg_sha256_new();
    if (fd < 0 || !sha || add_program(sha, fd, "firecracker") < 0 ||
        add_program(sha, fd, "jailer") < 0)
        return bg_sys(f, "read the engine");
    EVP_DigestFinal_ex(sha, r->digest.b, NULL);
    r->found = 1;
    r->number = e.number;
    memcpy(r->name.s, e.name, sizeof(r->name.s));
    return 0;
}
