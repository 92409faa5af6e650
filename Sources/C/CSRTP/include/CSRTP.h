// libsrtp2, and libcrypto's ciphers: those that libsrtp2 is given in place of its own, and those of DTLS records.
#pragma once
#include <srtp2/srtp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Starts libsrtp2 and gives it libcrypto's AES-128 in counter mode and HMAC-SHA1: about a fifth of the time of the ones in Debian's
/// build. Each passes its own test vectors and libsrtp2's, or is refused. To be called once, before any session is made.
srtp_err_status_t perch_srtp_start(void);

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
