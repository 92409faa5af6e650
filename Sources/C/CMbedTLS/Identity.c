#include "Certificate.h"
#include "Version.h"

#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/x509_crt.h>
#include <string.h>

size_t perch_digest(perch_hash hash, const void *bytes, size_t count, uint8_t digest[PERCH_MAXIMUM_DIGEST]) {
    static const mbedtls_md_type_t types[] = {
        [PERCH_SHA1] = MBEDTLS_MD_SHA1,
        [PERCH_SHA256] = MBEDTLS_MD_SHA256,
        [PERCH_SHA384] = MBEDTLS_MD_SHA384,
        [PERCH_SHA512] = MBEDTLS_MD_SHA512,
    };
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(types[hash]);
    if (info == NULL || mbedtls_md(info, bytes, count, digest) != 0) return 0;
    return mbedtls_md_get_size(info);
}

static int write_key(perch_identity *identity, mbedtls_pk_context *key) {
    int written = mbedtls_pk_write_key_der(key, identity->key, sizeof identity->key);
    if (written < 0) return written;
    // mbedTLS writes DER at the end of the memory that it is given.
    memmove(identity->key, identity->key + sizeof identity->key - (size_t)written, (size_t)written);
    identity->key_length = (size_t)written;
    return 0;
}

int perch_identity_make(perch_identity *identity, const char *common_name, perch_random random, void *context) {
    perch_start_psa();
    mbedtls_pk_context key;
    mbedtls_pk_init(&key);
    int error = mbedtls_pk_setup(&key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (error == 0) error = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(key), random, context);
    if (error == 0) error = write_key(identity, &key);
    if (error == 0)
        error = perch_certificate_write(identity->certificate, sizeof identity->certificate, &identity->certificate_length,
                                        common_name, &key, random, context);
    mbedtls_pk_free(&key);
    return error;
}

int perch_identity_parse(
    perch_identity *identity, const unsigned char *pem, size_t length, perch_random random, void *context) {
    perch_start_psa();
    mbedtls_pk_context key;
    mbedtls_x509_crt certificate;
    mbedtls_pk_init(&key);
    mbedtls_x509_crt_init(&certificate);
    int error = perch_parse_key(&key, pem, length, random, context);
    if (error == 0) error = mbedtls_x509_crt_parse(&certificate, pem, length);
    if (error == 0 && !mbedtls_pk_can_do(&key, MBEDTLS_PK_ECDSA)) error = MBEDTLS_ERR_PK_TYPE_MISMATCH;
    if (error == 0) error = perch_check_pair(&certificate.pk, &key, random, context);
    if (error == 0 && certificate.raw.len > sizeof identity->certificate) error = MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE;
    if (error == 0) error = write_key(identity, &key);
    if (error == 0) {
        identity->certificate_length = certificate.raw.len;
        memcpy(identity->certificate, certificate.raw.p, certificate.raw.len);
    }
    mbedtls_x509_crt_free(&certificate);
    mbedtls_pk_free(&key);
    return error;
}

int perch_identity_print(const perch_identity *identity, char pem[PERCH_MAXIMUM_PEM]) {
    size_t key_length = 0, certificate_length = 0;
    unsigned char *text = (unsigned char *)pem;
    int error = mbedtls_pem_write_buffer("-----BEGIN EC PRIVATE KEY-----\n", "-----END EC PRIVATE KEY-----\n", identity->key,
                                         identity->key_length, text, PERCH_MAXIMUM_PEM, &key_length);
    if (error != 0) return error;
    key_length -= 1;  // mbedTLS counts the zero at the end
    return mbedtls_pem_write_buffer("-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n", identity->certificate,
                                    identity->certificate_length, text + key_length, PERCH_MAXIMUM_PEM - key_length,
                                    &certificate_length);
}

void perch_identity_wipe(perch_identity *identity) { mbedtls_platform_zeroize(identity, sizeof *identity); }
