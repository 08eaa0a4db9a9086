/* The cores without Lua, where C sees more than a script can: buffers, exact forms, ownership on failure. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../dl.h"
#include "../dmsnap.h"
#include "../file.h"
#include "../jail.h"
#include "../pidfile.h"
#include "../privc.h"
#include "../sig.h"
#include "../sock.h"
#include "test.h"

static void buffers_grow(void)
{
    struct bg_buf buf = {0};

    for (int i = 0; i < 1000; i++)
        CHECK(bg_buf_add(&buf, "0123456789", 10) == 0);
    CHECK(buf.size == 10000 && memcmp(buf.bytes + 9990, "0123456789", 10) == 0);
    CHECK(bg_buf_reserve(&buf, (size_t)-1) == -ENOMEM && buf.size == 10000);
    bg_buf_free(&buf);
    CHECK(buf.bytes == NULL && buf.size == 0);
}

static void errors_keep_their_reason(void)
{
    char path[600];
    struct bg_err err;

    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    CHECK(bg_fail_sys(&err, ENOENT, "open %s", path) == -ENOENT);
    CHECK(strstr(err.message, ": No such file or directory") != NULL);
    CHECK_TEXT(err.code, "sys.failed");
    bg_fail_sys(&err, ENOSPC, "write");
    CHECK_TEXT(err.code, "host.full");
    CHECK_TEXT(bg_errno_name(EAGAIN), "EAGAIN");
}

static void base64_has_one_form(void)
{
    static const char *const refused[] = {"",          "A",        "AB",   "ABC",   "AB=C",
                                          "A===",      "AB==AB==", "AAB=", "AB\n=", "AA =",
                                          "QUJDRA===", "QQ=A",     "QR==", "-_AA"};
    unsigned char bytes[16];

    CHECK(bg_base64_decode("QUJD", 4, bytes) == 3 && memcmp(bytes, "ABC", 3) == 0);
    CHECK(bg_base64_decode("QUI=", 4, bytes) == 2 && memcmp(bytes, "AB", 2) == 0);
    CHECK(bg_base64_decode("QQ==", 4, bytes) == 1 && bytes[0] == 'A');
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        CHECK(bg_base64_decode(refused[i], strlen(refused[i]), bytes) == -EPROTO);
}

static void der_has_one_form(void)
{
    static const unsigned char good[] = {0x30, 6, 2, 1, 1, 2, 1, 0x7f};
    static const unsigned char high[] = {0x30, 7, 2, 2, 0, 0x80, 2, 1, 1};
    static const unsigned char bad[][9] = {
        {0x30, 6, 2, 1, 0, 2, 1, 1},       /* r is zero */
        {0x30, 6, 2, 1, 0x80, 2, 1, 1},    /* negative */
        {0x30, 7, 2, 2, 0, 1, 2, 1, 1},    /* a leading zero without need */
        {0x30, 6, 2, 1, 1, 2, 2, 1},       /* an integer past the end */
        {0x31, 6, 2, 1, 1, 2, 1, 1},       /* a set */
        {0x30, 7, 2, 1, 1, 2, 1, 1, 0},    /* trailing byte inside */
        {0x30, 0x81, 6, 2, 1, 1, 2, 1, 1}, /* long form of a short length */
    };
    static const size_t sizes[] = {8, 8, 9, 8, 8, 9, 9};

    CHECK(bg_der_signature(good, sizeof(good)) == 0);
    CHECK(bg_der_signature(high, sizeof(high)) == 0);
    CHECK(bg_der_signature(good, sizeof(good) - 1) == -EPROTO);
    CHECK(bg_der_signature(good, 0) == -EPROTO);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        CHECK(bg_der_signature(bad[i], sizes[i]) == -EPROTO);
}

static void digests_are_right(void)
{
    char hex[BG_SHA256_HEX];
    struct bg_err err;
    int fd = memfd_create("test", MFD_CLOEXEC);

    CHECK(bg_sha256("abc", 3, hex, &err) == 0);
    CHECK_TEXT(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(write(fd, "abc", 3) == 3 && bg_sha256_fd(fd, hex, &err) == 0);
    CHECK_TEXT(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    close(fd);
    CHECK(bg_sha256_fd(fd, hex, &err) == -EBADF);
}

/* Every type of ops.def is either a number or text, has words for what it wants, and comes back as it went. */
static void every_wire_type_is_handled(void)
{
    for (int type = 0; type < BG_T_COUNT; type++) {
        _Alignas(8) unsigned char value[64] = {0};
        char text[BG_PRIV_TEXT], expects[128];
        bg_priv_expects((enum bg_type)type, expects);
        CHECK(strlen(expects) > 10);
        if (bg_priv_is_number((enum bg_type)type)) {
            CHECK(bg_priv_from_number((enum bg_type)type, 3, value));
            CHECK(bg_priv_to_number((enum bg_type)type, value) == 3);
            CHECK(!bg_priv_from_number((enum bg_type)type, 0.5, value));
            CHECK(!bg_priv_from_number((enum bg_type)type, 1e300, value));
            CHECK(!bg_priv_from_number((enum bg_type)type, 0.0 / 0.0, value));
        } else if (type != BG_T_MAC) { /* only in results */
            size_t count;
            const struct bg_enum_value *values = bg_type_values((enum bg_type)type, &count);
            const char *sample =
                values != NULL      ? values[count - 1].name
                : type == BG_T_IPV4 ? "10.1.2.3"
                : type == BG_T_DIGEST
                    ? "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                : type == BG_T_BOOTID ? "0123456789abcdef0123456789abcdef"
                                      : "abcd1234";
            CHECK(bg_priv_from_text((enum bg_type)type, sample, strlen(sample), value));
            bg_priv_to_text((enum bg_type)type, value, text);
            CHECK_TEXT(text, sample);
            CHECK(!bg_priv_from_text((enum bg_type)type, "a\0b", 3, value));
            CHECK(!bg_priv_from_text((enum bg_type)type, "this text is longer than any id", 31,
                                     value));
        }
    }
}

static void trees_are_removed_and_mounts_are_not(void)
{
    char dir[] = "/tmp/banger-test-XXXXXX", path[200];
    struct bg_err err;
    struct bg_buf names = {0};

    CHECK(mkdtemp(dir) != NULL);
    snprintf(path, sizeof(path), "%s/a/b/c", dir);
    CHECK(bg_file_mkdir_p(path, 0700, &err) == 0);
    snprintf(path, sizeof(path), "%s/a/b/c/file", dir);
    CHECK(bg_file_replace(path, "x", 1, 0400, &err) == 0);
    CHECK(bg_file_mkdir_p(path, 0700, &err) < 0);
    snprintf(path, sizeof(path), "%s/a/link", dir);
    CHECK(symlink("/", path) == 0);
    CHECK(bg_file_rmtree(dir, &err) == 0 && access(dir, F_OK) < 0);
    CHECK(bg_file_rmtree("/proc/self/..", &err) == -EINVAL);
    CHECK(bg_file_rmtree("/proc", &err) == (geteuid() == 0 ? -EXDEV : -EACCES));
    CHECK(access("/proc/self", F_OK) == 0);
    CHECK(bg_file_list(dir, &names, &err) == -ENOENT);
    bg_buf_free(&names);
}

static void modes_of_open_are_read(void)
{
    CHECK(bg_file_flags("r") == (O_RDONLY | O_CLOEXEC));
    CHECK(bg_file_flags("rwct") == (O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC));
    CHECK(bg_file_flags("wxa") == (O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC));
    CHECK(bg_file_flags("rdn") == (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    CHECK(bg_file_flags("") == -EINVAL && bg_file_flags("c") == -EINVAL &&
          bg_file_flags("rq") == -EINVAL);
}

static int open_count(void)
{
    int count = 0;

    for (int fd = 0; fd < 64; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void failed_receives_leave_no_descriptors(void)
{
    int pair[2], fds[4], before;
    size_t count;
    char bytes[8];
    struct bg_err err;

    CHECK(bg_sock_pair(SOCK_SEQPACKET, pair, &err) == 0);
    before = open_count();
    CHECK(bg_sock_send(pair[0], "0123456789", 10, pair, 2, &err) == 10);
    CHECK(bg_sock_recv(pair[1], bytes, sizeof(bytes), fds, 4, &count, &err) < 0);
    CHECK_TEXT(err.code, "sock.truncated");
    CHECK(open_count() == before);
    CHECK(bg_sock_send(pair[0], "x", 1, pair, 2, &err) == 1);
    CHECK(bg_sock_recv(pair[1], bytes, sizeof(bytes), fds, 4, &count, &err) == 1 && count == 2);
    CHECK(fcntl(fds[0], F_GETFD) == FD_CLOEXEC);
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    close(pair[0]);
    close(pair[1]);
}

static void pidfiles_survive_a_fork(void)
{
    char path[64];
    struct bg_pidfile_holder holder;
    struct bg_err err;
    int fd;

    snprintf(path, sizeof(path), "/tmp/banger-test-%d.pid", getpid());
    fd = bg_pidfile_acquire(path, &err);
    CHECK(fd >= 0 && bg_pidfile_holder(path, &holder, &err) == 0 && holder.pid == getpid());
    CHECK(bg_pidfile_acquire(path, &err) < 0);
    CHECK_TEXT(err.code, "pidfile.held");
    close(fd);
    CHECK(bg_pidfile_holder(path, &holder, &err) < 0);
    CHECK_TEXT(err.code, "pidfile.free");
    unlink(path);
}

static void jails_and_snapshots_are_known(void)
{
    struct bg_dmsnap_status status;
    struct bg_err err;
    char text[160], root[32];

    CHECK(bg_jail_valid_id("abc-1", 5) && !bg_jail_valid_id("a/b", 3) && !bg_jail_valid_id("", 0));
    CHECK(bg_jail_root("/b", "x", "1", root, sizeof(root)) == 11);
    CHECK(bg_jail_root("/a/very/long/folder/name", "x", "123456789", root, sizeof(root)) == -1);
    bg_jail_describe_exit(0, 11, text);
    CHECK_TEXT(text, "ended by signal SIGSEGV");
    CHECK(bg_dmsnap_parse_status("0 8 snapshot 18446744073709551615/18446744073709551615 0",
                                 &status, &err) == 0);
    CHECK(bg_dmsnap_parse_status("", &status, &err) < 0);
}

static void missing_libraries_are_told(void)
{
    static const char *const names[] = {"malloc", "no_such_function"};
    void *slots[2] = {0};
    struct bg_err err;

    CHECK(bg_dl_load("libbanger-none.so.9", names, 2, slots, &err) < 0);
    CHECK_TEXT(err.code, "rt.library_missing");
    CHECK(strstr(err.message, "libbanger-none.so.9") != NULL);
    CHECK(bg_dl_load("libc.so.6", names, 2, slots, &err) < 0);
    CHECK_TEXT(err.message, "libc.so.6 has no function no_such_function");
    CHECK(slots[0] == NULL); /* so that the next call tries again */
    CHECK(bg_dl_load("libc.so.6", names, 1, slots, &err) == 0 && slots[0] != NULL);
}

int main(void)
{
    buffers_grow();
    errors_keep_their_reason();
    base64_has_one_form();
    der_has_one_form();
    digests_are_right();
    every_wire_type_is_handled();
    trees_are_removed_and_mounts_are_not();
    modes_of_open_are_read();
    failed_receives_leave_no_descriptors();
    pidfiles_survive_a_fork();
    jails_and_snapshots_are_known();
    missing_libraries_are_told();
    return test_status();
}
