#include "Version.h"

#include <mbedtls/asn1write.h>
#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/oid.h>
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

// DER in the making: from its end to its beginning, because lengths stand before what they measure. After an error nothing more
// is of use.
typedef struct {
    unsigned char *start, *at;
    int error;
} der;

static void check(der *d, int written) {
    if (written < 0) d->error = written;
}

static void put(der *d, const void *bytes, size_t count) {
    check(d, mbedtls_asn1_write_raw_buffer(&d->at, d->start, bytes, count));
}

// Makes all that stands before `end` the content of one element.
static void enclose(der *d, const unsigned char *end, unsigned char tag) {
    check(d, mbedtls_asn1_write_len(&d->at, d->start, (size_t)(end - d->at)));
    check(d, mbedtls_asn1_write_tag(&d->at, d->start, tag));
}

static void put_element(der *d, unsigned char tag, const void *content, size_t count) {
    const unsigned char *end = d->at;
    put(d, content, count);
    enclose(d, end, tag);
}

enum { SEQUENCE = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE, SET = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SET };

// RFC 5758 §3.2: without parameters, not even NULL. The writer of certificates in mbedTLS 2.28 puts one there, and strict readers
// (Rust's, and with them Python's) refuse that: so this file writes its own.
static void put_algorithm(der *d) {
    const unsigned char *end = d->at;
    put_element(d, MBEDTLS_ASN1_OID, MBEDTLS_OID_ECDSA_SHA256, MBEDTLS_OID_SIZE(MBEDTLS_OID_ECDSA_SHA256));
    enclose(d, end, SEQUENCE);
}

static void put_name(der *d, const char *common_name) {
    const unsigned char *end = d->at;
    put_element(d, MBEDTLS_ASN1_UTF8_STRING, common_name, strlen(common_name));
    put_element(d, MBEDTLS_ASN1_OID, MBEDTLS_OID_AT_CN, MBEDTLS_OID_SIZE(MBEDTLS_OID_AT_CN));
    enclose(d, end, SEQUENCE);
    enclose(d, end, SET);
    enclose(d, end, SEQUENCE);
}

// A board may have no clock when it first starts, and nobody renews this certificate: it is trusted by its fingerprint alone.
// RFC 5280 §4.1.2.5 has the second date for "no expiry", and two digits for years before 2050.
static void put_validity(der *d) {
    static const char from[] = "000101000000Z", to[] = "99991231235959Z";
    const unsigned char *end = d->at;
    put_element(d, MBEDTLS_ASN1_GENERALIZED_TIME, to, sizeof to - 1);
    put_element(d, MBEDTLS_ASN1_UTC_TIME, from, sizeof from - 1);
    enclose(d, end, SEQUENCE);
}

// RFC 5280 §4.1.2
static void put_what_is_signed(der *d, const char *common_name, mbedtls_pk_context *key, const unsigned char serial[16]) {
    static const unsigned char version_3 = 2;
    unsigned char public_key[128];  // 91 bytes for P-256
    const unsigned char *end = d->at;
    int length = mbedtls_pk_write_pubkey_der(key, public_key, sizeof public_key);
    check(d, length);
    if (length > 0) put(d, public_key + sizeof public_key - length, (size_t)length);
    put_name(d, common_name);
    put_validity(d);
    put_name(d, common_name);
    put_algorithm(d);
    put_element(d, MBEDTLS_ASN1_INTEGER, serial, 16);
    const unsigned char *version = d->at;
    put_element(d, MBEDTLS_ASN1_INTEGER, &version_3, 1);
    enclose(d, version, MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED | 0);
    enclose(d, end, SEQUENCE);
}

static int write_certificate(perch_identity *identity, const char *common_name, mbedtls_pk_context *key, perch_random random,
                             void *context) {
    unsigned char serial[16], inner[512], digest[32], signature[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
    size_t signature_length = 0;
    int error = random(context, serial, sizeof serial);
    if (error != 0) return error;
    serial[0] = (serial[0] & 0x7F) | 0x40;  // RFC 5280 §4.1.2.2: positive, and not zero

    der tbs = {.start = inner, .at = inner + sizeof inner};
    put_what_is_signed(&tbs, common_name, key, serial);
    if (tbs.error != 0) return tbs.error;
    size_t tbs_length = (size_t)(inner + sizeof inner - tbs.at);
    error = mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), tbs.at, tbs_length, digest);
    if (error == 0) error = perch_sign(key, digest, signature, sizeof signature, &signature_length, random, context);
    if (error != 0) return error;

    size_t capacity = sizeof identity->certificate;
    unsigned char *end = identity->certificate + capacity;
    der whole = {.start = identity->certificate, .at = end};
    check(&whole, mbedtls_asn1_write_bitstring(&whole.at, whole.start, signature, signature_length * 8));
    put_algorithm(&whole);
    put(&whole, tbs.at, tbs_length);
    enclose(&whole, end, SEQUENCE);
    int written = whole.error != 0 ? whole.error : (int)(end - whole.at);
    return move_to_front(identity->certificate, capacity, written, &identity->certificate_length);
}

int perch_identity_make(perch_identity *identity, const char *common_name, perch_random random, void *context) {
    perch_start_psa();
    mbedtls_pk_context key;
    mbedtls_pk_init(&key);
    int error = mbedtls_pk_setup(&key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (error == 0) error = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(key), random, context);
    if (error == 0) error = write_key(identity, &key);
    if (error == 0) error = write_certificate(identity, common_name, &key, random, context);
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
