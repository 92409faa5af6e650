#include "CCrypto.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

static EVP_PKEY *key_at(const uint8_t point[PERCH_P256_POINT]) {
    char group[] = "P-256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point, PERCH_P256_POINT),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    // Refuses points that are not on the curve.
    if (context == NULL || EVP_PKEY_fromdata_init(context) != 1
        || EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    return key;
}

bool perch_ecdsa_p256_verify(const uint8_t point[PERCH_P256_POINT], const uint8_t *digest, size_t digest_length,
                             const uint8_t *signature, size_t signature_length) {
    EVP_PKEY *key = key_at(point);
    EVP_PKEY_CTX *context = key == NULL ? NULL : EVP_PKEY_CTX_new(key, NULL);
    bool valid = context != NULL && EVP_PKEY_verify_init(context) == 1
                 && EVP_PKEY_verify(context, signature, signature_length, digest, digest_length) == 1;
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    return valid;
}
