/* See copy.h. Reads go through one buffer so that the digest is of the very bytes that were written. */
#include "copy.h"
#include "helper.h"
#include <linux/fs.h>
#include <sys/ioctl.h>

enum { CHUNK = 256 * 1024 };
static uint8_t buffer[CHUNK];

static int copy_data(int from, int to, off_t at, off_t end, EVP_MD_CTX *sha)
{
    while (at < end) {
        size_t want = end - at < CHUNK ? (size_t)(end - at) : CHUNK;
        errno = EINTR;
        ssize_t n = bg_deadline_passed() ? -1 : pread(from, buffer, want, at);
        if (n <= 0) {
            errno = n == 0 ? EIO : errno;
            return -1;
        }
        if (sha)
            EVP_DigestUpdate(sha, buffer, (size_t)n);
        bool zero = buffer[0] == 0 && memcmp(buffer, buffer + 1, (size_t)n - 1) == 0;
        errno = ENOSPC; /* a short write sets none */
        if (to >= 0 && !zero && pwrite(to, buffer, (size_t)n, at) != n)
            return -1;
        at += n;
    }
    return 0;
}

int bg_copy(int from, int to, uint64_t size, EVP_MD_CTX *sha)
{
    off_t all = (off_t)size, end;
    if (to >= 0 && ftruncate(to, all) < 0)
        return -1;
    for (off_t at = 0; at < all; at = end) { /* a digest is of the holes too */
        if (!sha && (at = lseek(from, at, SEEK_DATA)) < 0)
            return errno == ENXIO ? 0 : -1;
        end = sha ? all : lseek(from, at, SEEK_HOLE);
        end = end < 0 || end > all ? all : end;
        if (copy_data(from, to, at, end, sha) < 0)
            return -1;
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
    return linkat(AT_FDCWD, bg_name("/proc/self/fd/%d", fd).s, dir, name, AT_SYMLINK_FOLLOW);
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
