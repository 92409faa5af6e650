// What mbedTLS and libsrtp2 are slow at, from libcrypto, which libwebsockets brings into the process anyway.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Writes the HMAC-SHA1 (20 bytes) of `message` under `key` to `code`; false when libcrypto refuses. Allocates nothing, may be called
/// from any thread.
bool perch_hmac_sha1(const void *key, size_t key_length, const void *message, size_t message_length, uint8_t code[20]);

/// A cipher that encrypts and authenticates (RFC 5116), keyed, for one direction.
typedef struct perch_aead perch_aead;

enum { PERCH_AEAD_NONCE = 12, PERCH_AEAD_TAG = 16 };

typedef enum { PERCH_AEAD_AES_128_GCM, PERCH_AEAD_AES_256_GCM, PERCH_AEAD_CHACHA20_POLY1305 } perch_aead_kind;

/// - `key`: 16 bytes for AES-128, otherwise 32.
/// Returns NULL when libcrypto refuses.
perch_aead *perch_aead_create(perch_aead_kind kind, bool seals, const uint8_t *key);
void perch_aead_destroy(perch_aead *aead);

/// Encrypts `length` bytes to `output`, which may be the same memory, and writes the tag behind them.
bool perch_aead_seal(perch_aead *aead, const uint8_t nonce[PERCH_AEAD_NONCE], const uint8_t *associated,
                     size_t associated_length, const uint8_t *input, size_t length, uint8_t *output);

/// Decrypts `length` bytes to `output`, which may be the same memory; the tag follows them in `input`. False when it is not right:
/// then what is in `output` means nothing.
bool perch_aead_open(perch_aead *aead, const uint8_t nonce[PERCH_AEAD_NONCE], const uint8_t *associated,
                     size_t associated_length, const uint8_t *input, size_t length, uint8_t *output);

enum { PERCH_P256_POINT = 65 };

/// Whether `signature` (DER, RFC 3279 §2.2.3) of `digest` was made with the private key of this point on P-256 (uncompressed,
/// SEC 1 §2.3.3).
bool perch_ecdsa_p256_verify(const uint8_t point[PERCH_P256_POINT], const uint8_t *digest, size_t digest_length,
                             const uint8_t *signature, size_t signature_length);
