// Signatures of the peer, checked by libcrypto.
#pragma once
#include "Version.h"

#include <CCrypto.h>
#include <mbedtls/ecp.h>

#if MBEDTLS_VERSION_MAJOR >= 3
// 3.6 hides how a key is used.
typedef struct {
    char unused;
} perch_verification;

static inline void perch_verify_by_libcrypto(perch_verification *verification, mbedtls_pk_context *key) {
    (void)verification, (void)key;
}
#else
/// How a key is used: must live as long as the keys that it was given to.
typedef mbedtls_pk_info_t perch_verification;

static inline int perch_verify(void *context, mbedtls_md_type_t hash, const unsigned char *digest, size_t digest_length,
                               const unsigned char *signature, size_t signature_length) {
    (void)hash;
    mbedtls_ecp_keypair *key = context;
    uint8_t point[PERCH_P256_POINT];
    size_t length = 0;
    int error = mbedtls_ecp_point_write_binary(
        &key->grp, &key->Q, MBEDTLS_ECP_PF_UNCOMPRESSED, &length, point, sizeof point);
    if (error != 0) return error;
    bool valid = length == sizeof point
                 && perch_ecdsa_p256_verify(point, digest, digest_length, signature, signature_length);
    return valid ? 0 : MBEDTLS_ERR_ECP_VERIFY_FAILED;
}

/// mbedTLS 2.28 takes 3 ms to check an ECDSA signature on P-256, half of what a handshake costs each side, and libcrypto 0.14 ms.
/// The key stays mbedTLS's in all else.
static inline void perch_verify_by_libcrypto(perch_verification *verification, mbedtls_pk_context *key) {
    if (mbedtls_pk_get_type(key) != MBEDTLS_PK_ECKEY || mbedtls_pk_ec(*key)->grp.id != MBEDTLS_ECP_DP_SECP256R1) return;
    *verification = *key->pk_info;
    verification->verify_func = perch_verify;
    key->pk_info = verification;
}
#endif
