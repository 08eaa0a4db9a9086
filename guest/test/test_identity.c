/* A seed applied to a root that is a folder: nothing of the kernel's is touched (live = 0). */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../init/identity.h"
#include "../init/seed.h"

static char root[] = "/tmp/banger-identity-XXXXXX";
static char archive[64 * 1024];
static size_t archive_size;
static int root_fd;

static void put_octal(char *field, size_t n, unsigned long v)
{
    snprintf(field, n, "%0*lo", (int)n - 1, v);
}

static void add(const char *name, char type, const char *bytes, mode_t mode)
{
    char *h = archive + archive_size;
    unsigned sum = 0;
    size_t n = strlen(bytes);
    memset(h, 0, 512);
    strcpy(h, name);
    put_octal(h + 100, 8, mode);
    put_octal(h + 108, 8, getuid());
    put_octal(h + 116, 8, getgid());
    put_octal(h + 124, 12, n);
    put_octal(h + 136, 12, 0);
    memset(h + 148, ' ', 8);
    h[156] = type;
    memcpy(h + 257, "ustar\00000", 8);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)h[i];
    snprintf(h + 148, 8, "%06o", sum);
    memcpy(h + 512, bytes, n);
    archive_size += 512 + (n + 511) / 512 * 512;
}

static void begin(void)
{
    memset(archive, 0, sizeof archive);
    archive_size = 0;
    add("banger/version", '0', "1\n", 0644);
}

static const char *in_root(const char *path)
{
    static char full[512];
    snprintf(full, sizeof full, "%s/%s", root, path);
    return full;
}

static void expect_file(const char *path, const char *text, mode_t mode)
{
    char got[1024] = "";
    struct stat st;
    FILE *f = fopen(in_root(path), "re");
    assert(f);
    size_t n = fread(got, 1, sizeof got - 1, f);
    assert(fstat(fileno(f), &st) == 0 && (st.st_mode & 07777) == mode);
    fclose(f);
    got[n] = '\0';
    if (text)
        assert(strcmp(got, text) == 0);
}

static int apply(void)
{
    return bg_identity_apply(archive, sizeof archive, root_fd, 0);
}

static void test_all(void)
{
    begin();
    add("banger/hostname", '0', "dev\n", 0644);
    add("banger/network", '0',
        "address 10.1.2.3/20\ngateway 10.1.0.1\naddress6 fdb6:ba9e::a01:203/116\n"
        "gateway6 fdb6:ba9e::a01:1\ndns 10.1.0.1\nmtu 1420\nnewer thing\n",
        0644);
    add("banger/authorized_keys", '0', "ssh-ed25519 AAAA me\n", 0600);
    add("banger/host_keys/ssh_host_ed25519_key", '0', "secret", 0600);
    add("banger/host_keys/ssh_host_ed25519_key.pub", '0', "public", 0644);
    add("banger/files/opt/made/on/the/way", '0', "synced", 0750);
    add("banger/files/srv/empty", '5', "", 0755);
    assert(apply() == 0);
    expect_file("etc/hostname", "dev\n", 0644);
    expect_file("etc/hosts", "127.0.0.1\tlocalhost\n127.0.1.1\tdev\n::1\tlocalhost\n", 0644);
    expect_file("etc/resolv.conf", "nameserver 10.1.0.1\n", 0644);
    expect_file("root/.ssh/authorized_keys", "ssh-ed25519 AAAA me\n", 0600);
    expect_file("etc/ssh/ssh_host_ed25519_key", "secret", 0600);
    expect_file("etc/ssh/ssh_host_ed25519_key.pub", "public", 0644);
    expect_file("opt/made/on/the/way", "synced", 0750);
    assert(access(in_root("srv/empty"), F_OK) == 0);
}

static void read_machine_id(char id[34])
{
    FILE *f = fopen(in_root("etc/machine-id"), "re");
    assert(f && fgets(id, 34, f));
    fclose(f);
    assert(strspn(id, "0123456789abcdef") == 32 && id[32] == '\n');
}

static void begin_as(const char *id)
{
    begin();
    add("banger/id", '0', id, 0644);
}

/* Kept over a boot, also over the first with a name; made anew for another VM, and kept from then on. */
static void test_machine_id(void)
{
    static const struct {
        const char *id;
        bool other;
    } boots[] = {{"aaaaaaaa\n", false},
                 {"aaaaaaaa\n", false},
                 {"bbbbbbbb\n", true},
                 {"bbbbbbbb\n", false},
                 {"bbbbbbb\n", true}};
    char before[34], now[34];
    read_machine_id(before);
    for (size_t i = 0; i < sizeof boots / sizeof boots[0]; i++) {
        begin_as(boots[i].id);
        assert(bg_identity_is_other(archive, sizeof archive, root_fd) == boots[i].other);
        assert(apply() == 0);
        read_machine_id(now);
        assert((strcmp(before, now) != 0) == boots[i].other);
        strcpy(before, now);
    }
    begin();
    assert(!bg_identity_is_other(archive, sizeof archive, root_fd));
}

/* A link of the image is followed as if the root were everything; it does not lead out. */
static void test_links_stay_inside(void)
{
    begin();
    add("banger/files/link/inside", '0', "x", 0644);
    assert(symlink("/opt", in_root("link")) == 0);
    assert(apply() == 0);
    expect_file("opt/inside", "x", 0644);
    assert(access("/opt/inside", F_OK) < 0);
}

/* resolv.conf is often a link into a resolver's folder: it is replaced, its target is not written. */
static void test_resolver_link(void)
{
    begin();
    add("banger/network", '0', "address 10.1.2.3/20\ndns 10.9.9.9\n", 0644);
    assert(unlink(in_root("etc/resolv.conf")) == 0);
    assert(symlink("../opt/stub", in_root("etc/resolv.conf")) == 0);
    assert(apply() == 0);
    expect_file("etc/resolv.conf", "nameserver 10.9.9.9\n", 0644);
    assert(access(in_root("opt/stub"), F_OK) < 0);
}

static void refuse(const char *name, char type)
{
    begin();
    add(name, type, "x", 0644);
    assert(apply() == -EBADMSG);
}

static void test_refusals(void)
{
    refuse("banger/files/../../escape", '0');
    refuse("/banger/files/x", '0');
    refuse("banger//files", '0');
    refuse("other/files/x", '0');
    refuse("banger/files/link", '2');
    refuse("banger/files/device", '3');
    begin();
    archive[0] ^= 1; /* the sum no longer holds */
    assert(apply() == -EBADMSG);
    begin();
    add("banger/hostname", '0', "late", 0644);
    assert(bg_identity_apply(archive, archive_size - 300, root_fd, 0) == 0);
    assert(bg_identity_apply(archive, archive_size - 510, root_fd, 0) == -EBADMSG);
    memset(archive, 0, sizeof archive);
    assert(apply() == -EBADMSG);
}

/* One bad piece is said and returned; the rest is done all the same. */
static void test_goes_on(void)
{
    begin();
    add("banger/network", '0', "address nonsense\n", 0644);
    add("banger/hostname", '0', "after\n", 0644);
    assert(apply() == -EBADMSG);
    expect_file("etc/hostname", "after\n", 0644);
    begin();
    add("banger/network", '0', "address6 10.1.2.3/20\n", 0644);
    assert(apply() == -EBADMSG);
}

static bool say(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return ok;
}

/* What a seed holds belongs to the guest's root: be root of a user namespace, where one may be made. */
static bool be_root(void)
{
    char users[32], groups[32];
    snprintf(users, sizeof users, "0 %u 1", geteuid());
    snprintf(groups, sizeof groups, "0 %u 1", getegid());
    return geteuid() == 0 ||
           (unshare(CLONE_NEWUSER) == 0 && say("/proc/self/setgroups", "deny") &&
            say("/proc/self/uid_map", users) && say("/proc/self/gid_map", groups));
}

int main(void)
{
    char remove[64];
    if (!be_root()) {
        puts("identity: skipped, neither root nor a user namespace to be root of");
        return 77;
    }
    umask(022);
    assert(freopen("/dev/null", "we", stderr)); /* the refusals are spoken */
    assert(mkdtemp(root));
    root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert(root_fd >= 0);
    test_all();
    test_machine_id();
    test_links_stay_inside();
    test_resolver_link();
    test_refusals();
    test_goes_on();
    close(root_fd);
    snprintf(remove, sizeof remove, "rm -rf %s", root);
    assert(system(remove) == 0);
    puts("identity: ok");
    return 0;
}
