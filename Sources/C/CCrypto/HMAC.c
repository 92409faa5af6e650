// SHA1_Update and its kin are deprecated since OpenSSL 3.0, whose HMAC() allocates 13 times for each call.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "CCrypto.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

/// RFC 2104 §2: H(key XOR pad, bytes)
static bool hash(const uint8_t key[SHA_CBLOCK], uint8_t pad, const void *bytes, size_t count, uint8_t digest[20]) {
    uint8_t block[SHA_CBLOCK];
    for (size_t i = 0; i < sizeof block; i++) block[i] = key[i] ^ pad;
    SHA_CTX context;
    bool done = SHA1_Init(&context) == 1 && SHA1_Update(&context, block, sizeof block) == 1
                && SHA1_Update(&context, bytes, count) == 1 && SHA1_Final(digest, &context) == 1;
    OPENSSL_cleanse(block, sizeof block);
    return done;
}

bool perch_hmac_sha1(const void *key, size_t key_length, const void *message, size_t message_length, uint8_t code[20]) {
    uint8_t block[SHA_CBLOCK] = {0}, inner[SHA_DIGEST_LENGTH];
    if (key_length > sizeof block) {
        if (SHA1(key, key_length, block) == NULL) return false;
    } else if (key_length > 0) {
        memcpy(block, key, key_length);
    }
    bool done = hash(block, 0x36, message, message_length, inner) && hash(block, 0x5C, inner, sizeof inner, code);
    OPENSSL_cleanse(block, sizeof block);
    return done;
}
