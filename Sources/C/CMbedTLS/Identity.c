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

static int set_random_serial(mbedtls_x509write_cert *certificate, perch_random random, void *context) {
    unsigned char serial[16];
    int error = random(context, serial, sizeof serial);
    if (error != 0) return error;
    // RFC 5280 §4.1.2.2: positive, and not zero.
    serial[0] = (serial[0] & 0x7F) | 0x40;
#if MBEDTLS_VERSION_MAJOR >= 3
    return mbedtls_x509write_crt_set_serial_raw(certificate, serial, sizeof serial);
#else
    mbedtls_mpi number;
    mbedtls_mpi_init(&number);
    error = mbedtls_mpi_read_binary(&number, serial, sizeof serial);
    if (error == 0) error = mbedtls_x509write_crt_set_serial(certificate, &number);
    mbedtls_mpi_free(&number);
    return error;
#endif
}

// mbedTLS writes DER at the end of the memory that it is given.
static int move_to_front(uint8_t *memory, size_t capacity, int written, size_t *length) {
    if (written < 0) return written;
    memmove(memory, memory + capacity - (size_t)written, (size_t)written);
    *length = (size_t)written;
    return 0;
}

static int write_key(perch_identity *identity, mbedtls_pk_context *key) {
    int written = mbedtls_pk_write_key_der(key, identity->key, sizeof identity->key);
    return move_to_front(identity->key, sizeof identity->key, written, &identity->key_length);
}

static int write_certificate(perch_identity *identity, const char *subject, mbedtls_pk_context *key, perch_random random,
                             void *context) {
    mbedtls_x509write_cert certificate;
    mbedtls_x509write_crt_init(&certificate);
    mbedtls_x509write_crt_set_version(&certificate, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&certificate, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&certificate, key);
    mbedtls_x509write_crt_set_issuer_key(&certificate, key);
    // A board may have no clock when it first starts, and nobody renews this certificate: it is trusted by its fingerprint alone.
    // RFC 5280 §4.1.2.5 has this date for "no expiry".
    int error = mbedtls_x509write_crt_set_validity(&certificate, "20000101000000", "99991231235959");
    if (error == 0) error = mbedtls_x509write_crt_set_subject_name(&certificate, subject);
    if (error == 0) error = mbedtls_x509write_crt_set_issuer_name(&certificate, subject);
    if (error == 0) error = set_random_serial(&certificate, random, context);
    if (error == 0) {
        int written = mbedtls_x509write_crt_der(
            &certificate, identity->certificate, sizeof identity->certificate, random, context);
        error = move_to_front(identity->certificate, sizeof identity->certificate, written, &identity->certificate_length);
    }
    mbedtls_x509write_crt_free(&certificate);
    return error;
}

int perch_identity_make(perch_identity *identity, const char *subject, perch_random random, void *context) {
    perch_start_psa();
    mbedtls_pk_context key;
    mbedtls_pk_init(&key);
    int error = mbedtls_pk_setup(&key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (error == 0) error = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(key), random, context);
    if (error == 0) error = write_key(identity, &key);
    if (error == 0) error = write_certificate(identity, subject, &key, random, context);
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
