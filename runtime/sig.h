/*
 * Digests and release signatures, by OpenSSL's libcrypto (loaded at first use).
 *
 * A signature is the base64 of the DER form of an ECDSA P-256 signature over SHA-256 of the
 * signed bytes: what `cosign sign-blob` and `openssl dgst -sha256 -sign | base64 -w0` make. One
 * encoding of a signature is accepted and no other: standard alphabet, padded, one line with at
 * most one final newline; minimal DER without trailing bytes. (r, n-s) verifies as well, so a
 * signature is never an identity.
 */
#ifndef BG_SIG_H
#define BG_SIG_H

#include <stddef.h>

#include "err.h"

#define BG_SHA256_HEX 65 /* 64 hex digits and NUL */

int bg_sha256(const void *bytes, size_t size, char ret_hex[static BG_SHA256_HEX],
              struct bg_err *err);

/* Of an open file from offset 0 to its end, whatever its position. Reads it whole: blocks. */
int bg_sha256_fd(int fd, char ret_hex[static BG_SHA256_HEX], struct bg_err *err);

/*
 * 0 when it verifies; codes signature.bad_key, signature.malformed, signature.mismatch
 * otherwise.
 */
int bg_signature_verify(const char *public_pem, size_t pem_size, const void *bytes, size_t size,
                        const char *signature, size_t signature_size, struct bg_err *err);

#define BG_ED25519_SIZE 32

/* The public half of an Ed25519 key whose private half is `seed`: 32 random bytes (RFC 8032). */
int bg_ed25519_public(const unsigned char seed[static BG_ED25519_SIZE],
                      unsigned char ret_public[static BG_ED25519_SIZE], struct bg_err *err);

/*
 * The two strict decoders. bg_base64_decode: bytes written (at most size / 4 * 3) or -EPROTO.
 * bg_der_signature: 0 when `der` is SEQUENCE { INTEGER r, INTEGER s } of a P-256 signature in
 * its only minimal form, else -EPROTO.
 */
long bg_base64_decode(const char *text, size_t size, unsigned char *ret_bytes);
int bg_der_signature(const unsigned char *der, size_t size);

#endif
