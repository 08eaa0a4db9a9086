/* See copy.h. Reads go through one buffer so that the digest is of the very bytes that were written. */
#include "copy.h"
#include "helper.h"
#include <linux/fs.h>
#include <sys/ioctl.h>

enum { CHUNK = 256 * 1024 };
static uint8_t buffer[CHUNK];

static bool all_zero(const uint8_t *p, size_t n)
{
    return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

static void add_zeros(EVP_MD_CTX *sha, uint64_t n)
{
    if (!sha)
        return;
    memset(buffer, 0, sizeof(buffer));
    for (; n > 0; n -= n < CHUNK ? n : CHUNK)
        EVP_DigestUpdate(sha, buffer, n < CHUNK ? n : CHUNK);
}

static int copy_data(int from, int to, uint64_t at, uint64_t end, EVP_MD_CTX *sha)
{
    while (at < end) {
        if (bg_deadline_passed()) {
            errno = EINTR;
            return -1;
        }
        size_t want = end - at < CHUNK ? end - at : CHUNK;
        ssize_t n = pread(from, buffer, want, (off_t)at);
        if (n <= 0) {
            errno = n == 0 ? EIO : errno;
            return -1;
        }
        if (sha)
            EVP_DigestUpdate(sha, buffer, (size_t)n);
        ssize_t put =
            to < 0 || all_zero(buffer, (size_t)n) ? n : pwrite(to, buffer, (size_t)n, (off_t)at);
        if (put != n) {
            errno = put < 0 ? errno : ENOSPC; /* a short write sets none */
            return -1;
        }
        at += (uint64_t)n;
    }
    return 0;
}

int bg_copy(int from, int to, uint64_t size, EVP_MD_CTX *sha)
{
    uint64_t at = 0;
    if (to >= 0 && ftruncate(to, (off_t)size) < 0)
        return -1;
    while (at < size) {
        off_t data = lseek(from, (off_t)at, SEEK_DATA);
        if (data < 0 && errno != ENXIO)
            return -1;
        uint64_t begin = data < 0 || (uint64_t)data > size ? size : (uint64_t)data;
        add_zeros(sha, begin - at);
        if (begin == size)
            break;
        off_t hole = lseek(from, (off_t)begin, SEEK_HOLE);
        uint64_t end = hole < 0 || (uint64_t)hole > size ? size : (uint64_t)hole;
        if (copy_data(from, to, begin, end, sha) < 0)
            return -1;
        at = end;
    }
    return 0;
}

EVP_MD_CTX *bg_sha256_new(void)
{
    /* Nothing of the host's configuration may choose what a digest is. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    if (sha && EVP_DigestInit_ex(sha, EVP_sha256(), NULL) == 1)
        return sha;
    EVP_MD_CTX_free(sha);
    errno = ENOMEM;
    return NULL;
}

void bg_sha256_free(EVP_MD_CTX **sha)
{
    EVP_MD_CTX_free(*sha);
}

bool bg_clone(int from, int to)
{
    return ioctl(to, FICLONE, from) == 0;
}

int bg_unnamed_file(int dir)
{
    return openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

int bg_name_file(int fd, int dir, const char *name)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, path, dir, name, AT_SYMLINK_FOLLOW);
}

int bg_duplicate(int dir, int from, uint32_t *kind)
{
    struct stat st;
    BG_CLOSED int to = bg_unnamed_file(dir);
    if (to < 0 || fstat(from, &st) < 0)
        return -1;
    bool cloned = *kind != BG_V_copy && bg_clone(from, to);
    if (!cloned && (*kind == BG_V_reflink || bg_copy(from, to, (uint64_t)st.st_size, NULL) < 0))
        return -1;
    *kind = cloned ? BG_V_reflink : BG_V_copy;
    return bg_steal(&to);
}
