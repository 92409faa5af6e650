// The self-signed certificate of an identity. mbedTLS 2.28 could write it too, but puts a NULL behind ecdsa-with-SHA256, which
// RFC 5758 §3.2 forbids and strict peers refuse.
#include "Certificate.h"

#include "Version.h"

#include <mbedtls/asn1write.h>
#include <mbedtls/md.h>
#include <string.h>

// DER grows from its end to its start, so that the length of a thing is known when its header is written: in the functions below
// what comes last in the certificate stands first.
typedef struct {
    unsigned char *start;
    unsigned char *front;
    int error;  // the first one
} der_writer;

enum { SEQUENCE = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE, SET = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SET };

static der_writer der_at(unsigned char *memory, size_t capacity) { return (der_writer){memory, memory + capacity, 0}; }

static void note(der_writer *der, int result) {
    if (result < 0 && der->error == 0) der->error = result;
}

static void put(der_writer *der, const void *bytes, size_t count) {
    note(der, mbedtls_asn1_write_raw_buffer(&der->front, der->start, bytes, count));
}

/// Makes everything in front of `end` the contents of one `tag`.
static void enclose(der_writer *der, unsigned char tag, const unsigned char *end) {
    note(der, mbedtls_asn1_write_len(&der->front, der->start, (size_t)(end - der->front)));
    note(der, mbedtls_asn1_write_tag(&der->front, der->start, tag));
}

static void put_value(der_writer *der, unsigned char tag, const void *bytes, size_t count) {
    const unsigned char *end = der->front;
    put(der, bytes, count);
    enclose(der, tag, end);
}

static void put_text(der_writer *der, unsigned char tag, const char *text) { put_value(der, tag, text, strlen(text)); }

/// RFC 5758 §3.2: the identifier ecdsa-with-SHA256, and no parameters, not even NULL.
static void put_signature_algorithm(der_writer *der) {
    static const unsigned char ecdsa_with_sha256[] = {0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02};
    const unsigned char *end = der->front;
    put_value(der, MBEDTLS_ASN1_OID, ecdsa_with_sha256, sizeof ecdsa_with_sha256);
    enclose(der, SEQUENCE, end);
}

/// A Name of one relative distinguished name of one attribute.
static void put_name(der_writer *der, const char *common_name) {
    static const unsigned char id_at_common_name[] = {0x55, 0x04, 0x03};
    const unsigned char *end = der->front;
    put_text(der, MBEDTLS_ASN1_UTF8_STRING, common_name);
    put_value(der, MBEDTLS_ASN1_OID, id_at_common_name, sizeof id_at_common_name);
    enclose(der, SEQUENCE, end);
    enclose(der, SET, end);
    enclose(der, SEQUENCE, end);
}

/// A board may have no clock when it first starts, and nobody renews this certificate: it is trusted by its fingerprint alone.
/// RFC 5280 §4.1.2.5 has the second date for "no expiry", and wants dates before 2050 as UTCTime.
static void put_validity(der_writer *der) {
    const unsigned char *end = der->front;
    put_text(der, MBEDTLS_ASN1_GENERALIZED_TIME, "99991231235959Z");
    put_text(der, MBEDTLS_ASN1_UTC_TIME, "000101000000Z");
    enclose(der, SEQUENCE, end);
}

static void put_public_key(der_writer *der, mbedtls_pk_context *key) {
    int written = mbedtls_pk_write_pubkey_der(key, der->start, (size_t)(der->front - der->start));
    note(der, written);
    if (written > 0) der->front -= written;
}

static void put_random_serial_number(der_writer *der, perch_random random, void *context) {
    unsigned char serial[16];
    note(der, random(context, serial, sizeof serial));
    // RFC 5280 §4.1.2.2: positive, and not zero. The second bit set keeps it 16 bytes long.
    serial[0] = (serial[0] & 0x7F) | 0x40;
    put_value(der, MBEDTLS_ASN1_INTEGER, serial, sizeof serial);
}

static void put_version_3(der_writer *der) {
    static const unsigned char version_3 = 2;
    const unsigned char *end = der->front;
    put_value(der, MBEDTLS_ASN1_INTEGER, &version_3, 1);
    enclose(der, MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED | 0, end);
}

/// RFC 5280 §4.1: TBSCertificate, without extensions.
static void put_contents(
    der_writer *der, const char *common_name, mbedtls_pk_context *key, perch_random random, void *context) {
    const unsigned char *end = der->front;
    put_public_key(der, key);
    put_name(der, common_name);  // of the subject
    put_validity(der);
    put_name(der, common_name);  // of the issuer
    put_signature_algorithm(der);
    put_random_serial_number(der, random, context);
    put_version_3(der);
    enclose(der, SEQUENCE, end);
}

static int sign(const unsigned char *bytes, size_t count, mbedtls_pk_context *key, unsigned char *signature,
                size_t *signature_length, perch_random random, void *context) {
    unsigned char digest[32];
    int error = mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), bytes, count, digest);
    if (error != 0) return error;
    return perch_sign_sha256(key, digest, signature, signature_length, random, context);
}

int perch_certificate_write(uint8_t *memory, size_t capacity, size_t *length, const char *common_name, mbedtls_pk_context *key,
                            perch_random random, void *context) {
    unsigned char contents_memory[512];  // about 190 bytes and the name twice
    der_writer contents = der_at(contents_memory, sizeof contents_memory);
    const unsigned char *contents_end = contents.front;
    put_contents(&contents, common_name, key, random, context);
    if (contents.error != 0) return contents.error;
    const size_t contents_length = (size_t)(contents_end - contents.front);

    // RFC 5480 appendix A, with a byte in front: a bit string says how many bits of its last byte are unused.
    unsigned char signature[1 + MBEDTLS_PK_SIGNATURE_MAX_SIZE] = {0};
    size_t signature_length = 0;
    int error = sign(contents.front, contents_length, key, signature + 1, &signature_length, random, context);
    if (error != 0) return error;

    der_writer certificate = der_at(memory, capacity);
    const unsigned char *end = certificate.front;
    put_value(&certificate, MBEDTLS_ASN1_BIT_STRING, signature, 1 + signature_length);
    put_signature_algorithm(&certificate);
    put(&certificate, contents.front, contents_length);
    enclose(&certificate, SEQUENCE, end);
    if (certificate.error != 0) return certificate.error;
    *length = (size_t)(end - certificate.front);
    memmove(memory, certificate.front, *length);
    return 0;
}
