/*
 * libcrypto behind dlopen: SHA-256 and the verification itself. The form of a signature is
 * sig_form.c's.
 */
#include "sig.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>
#include <unistd.h>

#include "dl.h"
#include "util.h"

#define SIGNATURE_MAX 256 /* bytes of text; 96 is the longest there is */

#define FUNCTIONS(X)                                                                               \
    X(EVP_MD_CTX_new)                                                                              \
    X(EVP_MD_CTX_free)                                                                             \
    X(EVP_sha256)                                                                                  \
    X(EVP_DigestInit_ex)                                                                           \
    X(EVP_DigestUpdate)                                                                            \
    X(EVP_DigestFinal_ex)                                                                          \
    X(EVP_DigestVerifyInit)                                                                        \
    X(EVP_DigestVerify)                                                                            \
    X(BIO_new_mem_buf)                                                                             \
    X(BIO_free)                                                                                    \
    X(PEM_read_bio_PUBKEY)                                                                         \
    X(EVP_PKEY_free)                                                                               \
    X(EVP_PKEY_get_utf8_string_param)                                                              \
    X(EVP_PKEY_new_raw_private_key)                                                                \
    X(EVP_PKEY_get_raw_public_key)                                                                 \
    X(ERR_clear_error)

static struct {
    FUNCTIONS(BG_DL_SLOT)
} crypto;
static const char *const function_names[] = {FUNCTIONS(BG_DL_NAME)};

static int load(struct bg_err *err)
{
    return bg_dl_load("libcrypto.so.3", function_names, BG_COUNT(function_names), &crypto, err);
}

static void free_digest(EVP_MD_CTX **digest)
{
    if (*digest != NULL)
        crypto.EVP_MD_CTX_free(*digest);
}

static void free_key(EVP_PKEY **key)
{
    if (*key != NULL)
        crypto.EVP_PKEY_free(*key);
}

static void free_bio(BIO **bio)
{
    if (*bio != NULL)
        crypto.BIO_free(*bio);
}

static int start_digest(EVP_MD_CTX **ret_digest, struct bg_err *err)
{
    EVP_MD_CTX *digest;
    int r = load(err);

    if (r < 0)
        return r;
    digest = crypto.EVP_MD_CTX_new();
    if (digest == NULL || crypto.EVP_DigestInit_ex(digest, crypto.EVP_sha256(), NULL) != 1) {
        free_digest(&digest);
        return bg_fail_sys(err, ENOMEM, "SHA-256");
    }
    *ret_digest = digest;
    return 0;
}

static void finish_digest(EVP_MD_CTX *digest, char ret_hex[static BG_SHA256_HEX])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[32];

    crypto.EVP_DigestFinal_ex(digest, bytes, NULL);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        ret_hex[2 * i] = digits[bytes[i] >> 4];
        ret_hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret_hex[64] = '\0';
}

int bg_sha256(const void *bytes, size_t size, char ret_hex[static BG_SHA256_HEX],
              struct bg_err *err)
{
    BG_CLEANUP(free_digest) EVP_MD_CTX *digest = NULL;
    int r = start_digest(&digest, err);

    if (r < 0)
        return r;
    crypto.EVP_DigestUpdate(digest, bytes, size);
    finish_digest(digest, ret_hex);
    return 0;
}

int bg_sha256_fd(int fd, char ret_hex[static BG_SHA256_HEX], struct bg_err *err)
{
    enum { CHUNK = 1 << 20 };
    BG_CLEANUP(free_digest) EVP_MD_CTX *digest = NULL;
    bg_autofree char *chunk = malloc(CHUNK);
    off_t at = 0;
    int r;

    if (chunk == NULL)
        return bg_fail_sys(err, ENOMEM, "SHA-256");
    r = start_digest(&digest, err);
    while (r == 0) {
        ssize_t n = pread(fd, chunk, CHUNK, at);
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return bg_fail_sys(err, errno, "SHA-256: read");
        crypto.EVP_DigestUpdate(digest, chunk, (size_t)n);
        at += n;
    }
    if (r == 0)
        finish_digest(digest, ret_hex);
    return r;
}

/* NULL unless it is a public key on P-256. */
static EVP_PKEY *read_key(const char *pem, size_t size)
{
    BG_CLEANUP(free_bio) BIO *bio = crypto.BIO_new_mem_buf(pem, (int)size);
    EVP_PKEY *key = bio != NULL ? crypto.PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    char group[32] = "";

    if (key != NULL &&
        crypto.EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
                                              NULL) == 1 &&
        strcmp(group, "prime256v1") == 0)
        return key;
    free_key(&key);
    return NULL;
}

int bg_signature_verify(const char *public_pem, size_t pem_size, const void *bytes, size_t size,
                        const char *signature, size_t signature_size, struct bg_err *err)
{
    BG_CLEANUP(free_digest) EVP_MD_CTX *digest = NULL;
    BG_CLEANUP(free_key) EVP_PKEY *key = NULL;
    unsigned char der[SIGNATURE_MAX];
    long der_size;
    int r = load(err);

    if (r < 0)
        return r;
    key = pem_size <= 4096 ? read_key(public_pem, pem_size) : NULL;
    if (key == NULL) {
        crypto.ERR_clear_error();
        return bg_fail(err, "signature.bad_key", "the public key is not PEM of an ECDSA P-256 key");
    }
    if (signature_size > 0 && signature[signature_size - 1] == '\n')
        signature_size--;
    der_size = signature_size <= SIGNATURE_MAX ? bg_base64_decode(signature, signature_size, der)
                                               : -EPROTO;
    if (der_size < 0 || bg_der_signature(der, (size_t)der_size) < 0)
        return bg_fail(err, "signature.malformed",
                       "the signature is not one line of base64 of a DER ECDSA P-256 signature");
    digest = crypto.EVP_MD_CTX_new();
    if (digest == NULL ||
        crypto.EVP_DigestVerifyInit(digest, NULL, crypto.EVP_sha256(), NULL, key) != 1)
        return bg_fail_sys(err, ENOMEM, "verify a signature");
    if (crypto.EVP_DigestVerify(digest, der, (size_t)der_size, bytes, size) != 1) {
        crypto.ERR_clear_error();
        return bg_fail(err, "signature.mismatch",
                       "the signature is not of these bytes by this key");
    }
    return 0;
}

int bg_ed25519_public(const unsigned char seed[static BG_ED25519_SIZE],
                      unsigned char ret_public[static BG_ED25519_SIZE], struct bg_err *err)
{
    BG_CLEANUP(free_key) EVP_PKEY *key = NULL;
    size_t size = BG_ED25519_SIZE;
    int r = load(err);

    if (r < 0)
        return r;
    key = crypto.EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, BG_ED25519_SIZE);
    if (key == NULL || crypto.EVP_PKEY_get_raw_public_key(key, ret_public, &size) != 1) {
        crypto.ERR_clear_error();
        return bg_fail(err, "sys.failed", "libcrypto has no Ed25519");
    }
    return 0;
}
