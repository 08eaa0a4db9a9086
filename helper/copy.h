/*
 * File content: cloned where the file system can, else copied with its holes kept.
 */
#ifndef BANGER_HELPER_COPY_H
#define BANGER_HELPER_COPY_H
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Copy size bytes of `from` to the start of the empty file `to`; sha, when given, gets all of them, holes included.
 * Blocks of zeros become holes. -1 and errno; EINTR when the deadline passed, EIO when `from` shrank meanwhile.
 */
int bg_copy(int from, int to, uint64_t size, EVP_MD_CTX *sha);

/* SHA-256 by libcrypto: a context to add to with EVP_DigestUpdate; NULL when out of memory. */
EVP_MD_CTX *bg_sha256_new(void);
void bg_sha256_free(EVP_MD_CTX **sha);
#define BG_SHA256 __attribute__((cleanup(bg_sha256_free))) EVP_MD_CTX

bool bg_clone(int from, int to); /* FICLONE: both share their blocks */

/* An unnamed file in dir, which bg_name_file makes visible complete or not at all. */
int bg_unnamed_file(int dir);
int bg_name_file(int fd, int dir, const char *name); /* -1 and EEXIST when the name is taken */

/* All of `from` in an unnamed file of dir; *kind says how (E_kind: auto, reflink, copy) and then how it was. */
int bg_duplicate(int dir, int from, uint32_t *kind);
#endif
