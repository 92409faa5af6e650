// mbedTLS as the handshake of DTLS-SRTP needs it. Versions 2.28 (Debian 12) and 3.6 (Debian 13) name and hide things differently:
// that difference ends here.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Fills `bytes` with `count` random bytes and returns 0.
typedef int (*perch_random)(void *context, unsigned char *bytes, size_t count);

// Digests

/// Hash functions that certificates are identified by (RFC 8122 §5).
typedef enum { PERCH_SHA1, PERCH_SHA256, PERCH_SHA384, PERCH_SHA512 } perch_hash;

enum { PERCH_MAXIMUM_DIGEST = 64 };

/// Writes the digest of `bytes` and returns its length; 0 when mbedTLS cannot compute it.
size_t perch_digest(perch_hash hash, const void *bytes, size_t count, uint8_t digest[PERCH_MAXIMUM_DIGEST]);

// Identities

enum { PERCH_MAXIMUM_KEY = 256, PERCH_MAXIMUM_CERTIFICATE = 2048, PERCH_MAXIMUM_PEM = 4096 };

/// An ECDSA key and the self-signed certificate for it, both in DER.
typedef struct {
    size_t key_length;
    size_t certificate_length;
    uint8_t key[PERCH_MAXIMUM_KEY];
    uint8_t certificate[PERCH_MAXIMUM_CERTIFICATE];
} perch_identity;

/// Makes a P-256 key and a certificate for `common_name` (64 characters at most). Returns 0, or the error of mbedTLS.
int perch_identity_make(perch_identity *identity, const char *common_name, perch_random random, void *context);

/// Reads a key and a certificate from PEM text that ends in a zero (which `length` counts), and checks that they belong
/// together. Returns 0, or the error of mbedTLS.
int perch_identity_parse(
    perch_identity *identity, const unsigned char *pem, size_t length, perch_random random, void *context);

/// Writes both as PEM text, ended by a zero. Returns 0, or the error of mbedTLS.
int perch_identity_print(const perch_identity *identity, char pem[PERCH_MAXIMUM_PEM]);

/// Overwrites the private key in a way that no optimiser removes.
void perch_identity_wipe(perch_identity *identity);

// The handshake of DTLS 1.2

/// One handshake. Used from one thread.
typedef struct perch_dtls perch_dtls;

/// What the handshake calls while one of the functions below runs, and at no other time.
typedef struct {
    void *context;
    perch_random random;
    /// Takes a datagram on its way out.
    void (*send)(void *context, const unsigned char *datagram, size_t length);
    /// Starts the retransmission timer: both times in milliseconds from now; `final` 0 stops it.
    void (*set_timer)(void *context, uint32_t intermediate, uint32_t final);
    /// -1: stopped, 0: running, 1: the intermediate time has passed, 2: the final one has.
    int (*timer_state)(void *context);
    /// Whether the peer may use this certificate (DER).
    bool (*verify)(void *context, const unsigned char *certificate, size_t length);
} perch_dtls_callbacks;

typedef enum { PERCH_DTLS_WAITING, PERCH_DTLS_CONNECTED, PERCH_DTLS_CLOSED, PERCH_DTLS_FAILED } perch_dtls_state;

/// The record ciphers that we offer, by what they need.
typedef enum { PERCH_AES_128_GCM, PERCH_AES_256_GCM, PERCH_CHACHA20_POLY1305 } perch_record_cipher;

enum {
    PERCH_SRTP_KEY = 16,    // RFC 3711: AES-128 in counter mode
    PERCH_SRTP_SALT = 14,
    PERCH_KEYING_MATERIAL = 2 * (PERCH_SRTP_KEY + PERCH_SRTP_SALT),
};

/// What a finished handshake agreed on.
typedef struct {
    perch_record_cipher cipher;
    size_t key_length;
    size_t iv_length;
    uint8_t client_key[32], server_key[32];
    uint8_t client_iv[12], server_iv[12];
    /// 0: none, 1: SRTP_AES128_CM_HMAC_SHA1_80, 2: SRTP_AES128_CM_HMAC_SHA1_32 (the values of RFC 5764 §4.1.2).
    uint16_t srtp_profile;
    /// RFC 5764 §4.2: client key, server key, client salt, server salt.
    uint8_t keying_material[PERCH_KEYING_MATERIAL];
} perch_dtls_secrets;

/// - `maximum_datagram`: the largest handshake datagram to send.
/// - `cookies`: as server, answer the first ClientHello with a HelloVerifyRequest.
/// Returns NULL and sets `error` when mbedTLS refuses.
perch_dtls *perch_dtls_create(bool is_server, bool cookies, const uint8_t *key, size_t key_length,
                              const uint8_t *certificate, size_t certificate_length, uint16_t maximum_datagram,
                              uint32_t first_timeout_milliseconds, perch_dtls_callbacks callbacks, int *error);

void perch_dtls_destroy(perch_dtls *dtls);

/// Carries the handshake on with one record (its 13-byte header included), or without any: at the start, and when the timer has
/// expired. `error` is set on PERCH_DTLS_FAILED. Not to be called again after anything but PERCH_DTLS_WAITING.
perch_dtls_state perch_dtls_step(perch_dtls *dtls, const uint8_t *record, size_t length, int *error);

/// The result of a handshake that is connected. Returns 0, or the error of mbedTLS.
int perch_dtls_export(perch_dtls *dtls, perch_dtls_secrets *secrets);

void perch_dtls_wipe(perch_dtls_secrets *secrets);

/// The error code that mbedTLS gives for a peer's fatal alert.
int perch_dtls_error_fatal_alert(void);
