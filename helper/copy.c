/* Content of files; see helper.h. */
#include "helper.h"
#include <linux/fs.h>
#include <openssl/evp.h>

enum { CHUNK = 256 * 1024 };
static uint8_t buffer[CHUNK];

/* The next bytes, at most so many, into the buffer. */
static ssize_t next(int fd, off_t at, off_t most)
{
    errno = EINTR;
    return bg_deadline_passed() ? -1 : pread(fd, buffer, most < CHUNK ? (size_t)most : CHUNK, at);
}

static int copy_data(int from, int to, off_t at, off_t end)
{
    for (ssize_t n; at < end; at += n) {
        if ((n = next(from, at, end - at)) <= 0) {
            errno = n == 0 ? EIO : errno;
            return -1;
        }
        bool zero = buffer[0] == 0 && memcmp(buffer, buffer + 1, (size_t)n - 1) == 0;
        errno = ENOSPC; /* a short write sets none */
        if (!zero && pwrite(to, buffer, (size_t)n, at) != n)
            return -1;
    }
    return 0;
}

int bg_copy(int from, int to, uint64_t size)
{
    off_t all = (off_t)size, end;
    if (ftruncate(to, all) < 0)
        return -1;
    for (off_t at = 0; at < all; at = end) {
        if ((at = lseek(from, at, SEEK_DATA)) < 0)
            return errno == ENXIO ? 0 : -1;
        end = lseek(from, at, SEEK_HOLE);
        end = end < 0 || end > all ? all : end;
        if (copy_data(from, to, at, end) < 0)
            return -1;
    }
    return 0;
}

int bg_digest(int fd, uint8_t ret[32])
{
    ssize_t n = -1;
    /* Nothing of the host's configuration may choose what a digest is. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    errno = ENOMEM;
    if (sha && EVP_DigestInit_ex(sha, EVP_sha256(), NULL) == 1)
        for (off_t at = 0; (n = next(fd, at, CHUNK)) > 0; at += n)
            EVP_DigestUpdate(sha, buffer, (size_t)n);
    if (n == 0)
        EVP_DigestFinal_ex(sha, ret, NULL);
    EVP_MD_CTX_free(sha);
    return (int)n;
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
    bool cloned = *kind != BG_V_copy && ioctl(to, FICLONE, from) == 0;
    if (!cloned && (*kind == BG_V_reflink || bg_copy(from, to, (uint64_t)st.st_size) < 0))
        return -1;
    *kind = cloned ? BG_V_reflink : BG_V_copy;
    return bg_steal(&to);
}
