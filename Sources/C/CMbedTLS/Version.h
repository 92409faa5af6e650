// Where mbedTLS 2.28 and 3.6 differ, for the files of this target.
#pragma once
#include "CMbedTLS.h"

#include <mbedtls/pk.h>
#include <mbedtls/version.h>
#if MBEDTLS_VERSION_MAJOR >= 3
#include <psa/crypto.h>
#else
#include <mbedtls/pk_internal.h>
#endif

// 3.6 may compute through PSA, which wants to be started; starting it again does nothing.
static inline void perch_start_psa(void) {
#if MBEDTLS_VERSION_MAJOR >= 3 && defined(MBEDTLS_PSA_CRYPTO_C)
    psa_crypto_init();
#endif
}

static inline int perch_parse_key(
    mbedtls_pk_context *key, const unsigned char *bytes, size_t length, perch_random random, void *context) {
#if MBEDTLS_VERSION_MAJOR >= 3
    return mbedtls_pk_parse_key(key, bytes, length, NULL, 0, random, context);
#else
    (void)random, (void)context;
    return mbedtls_pk_parse_key(key, bytes, length, NULL, 0);
#endif
}

static inline int perch_check_pair(
    const mbedtls_pk_context *certified, const mbedtls_pk_context *key, perch_random random, void *context) {
#if MBEDTLS_VERSION_MAJOR >= 3
    return mbedtls_pk_check_pair(certified, key, random, context);
#else
    (void)random, (void)context;
    return mbedtls_pk_check_pair(certified, key);
#endif
}

static inline int perch_sign_sha256(mbedtls_pk_context *key, const unsigned char digest[32],
                                    unsigned char signature[MBEDTLS_PK_SIGNATURE_MAX_SIZE], size_t *length,
                                    perch_random random, void *context) {
#if MBEDTLS_VERSION_MAJOR >= 3
    return mbedtls_pk_sign(
        key, MBEDTLS_MD_SHA256, digest, 32, signature, MBEDTLS_PK_SIGNATURE_MAX_SIZE, length, random, context);
#else
    return mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, digest, 32, signature, length, random, context);
#endif
}
