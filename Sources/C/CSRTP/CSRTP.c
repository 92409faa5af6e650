// SHA1_Update and its kin are deprecated since OpenSSL 3.0, which has nothing else that can copy a half-done hash without allocating.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "CSRTP.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <srtp2/auth.h>
#include <srtp2/cipher.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { AES_BLOCK = 16, AES_KEY = 16, SALT = 14, SHA1_BLOCK = 64 };

// AES-128 in counter mode (RFC 3711 §4.1.1)

typedef struct {
    EVP_CIPHER_CTX *context;
    uint8_t salt[AES_BLOCK];  // the session salt times 2^16
} counter_mode;

static const srtp_cipher_type_t counter_mode_type;

static srtp_err_status_t counter_mode_dealloc(srtp_cipher_pointer_t cipher) {
    if (cipher == NULL) return srtp_err_status_bad_param;
    counter_mode *state = cipher->state;
    if (state != NULL) {
        EVP_CIPHER_CTX_free(state->context);
        OPENSSL_cleanse(state, sizeof *state);
        free(state);
    }
    free(cipher);
    return srtp_err_status_ok;
}

static srtp_err_status_t counter_mode_alloc(srtp_cipher_pointer_t *cipher, int key_length, int tag_length) {
    (void)tag_length;
    if (key_length != AES_KEY + SALT) return srtp_err_status_bad_param;
    srtp_cipher_t *made = calloc(1, sizeof *made);
    counter_mode *state = calloc(1, sizeof *state);
    if (made == NULL || state == NULL || (state->context = EVP_CIPHER_CTX_new()) == NULL) {
        free(state);
        free(made);
        return srtp_err_status_alloc_fail;
    }
    made->type = &counter_mode_type;
    made->state = state;
    made->key_len = key_length;
    made->algorithm = SRTP_AES_ICM_128;
    *cipher = made;
    return srtp_err_status_ok;
}

static srtp_err_status_t counter_mode_init(void *opaque, const uint8_t *key) {
    counter_mode *state = opaque;
    memcpy(state->salt, key + AES_KEY, SALT);
    memset(state->salt + SALT, 0, AES_BLOCK - SALT);
    bool keyed = EVP_EncryptInit_ex(state->context, EVP_aes_128_ctr(), NULL, key, NULL) == 1;
    return keyed ? srtp_err_status_ok : srtp_err_status_init_fail;
}

static srtp_err_status_t counter_mode_set_iv(void *opaque, uint8_t *iv, srtp_cipher_direction_t direction) {
    (void)direction;
    counter_mode *state = opaque;
    uint8_t counter[AES_BLOCK];
    for (int i = 0; i < AES_BLOCK; i++) counter[i] = iv[i] ^ state->salt[i];
    // Everything but the counter stays as it was keyed.
    bool set = EVP_EncryptInit_ex(state->context, NULL, NULL, NULL, counter) == 1;
    return set ? srtp_err_status_ok : srtp_err_status_cipher_fail;
}

static srtp_err_status_t counter_mode_encrypt(void *opaque, uint8_t *buffer, unsigned int *length) {
    counter_mode *state = opaque;
    int count = 0;
    if (*length > INT_MAX) return srtp_err_status_bad_param;
    bool done = EVP_EncryptUpdate(state->context, buffer, &count, buffer, (int)*length) == 1;
    return done && (unsigned int)count == *length ? srtp_err_status_ok : srtp_err_status_cipher_fail;
}

// RFC 3711 B.2: the key stream, as the encryption of zeros.
static const uint8_t counter_mode_key[AES_KEY + SALT] = {
    0x2B, 0x7E, 0x15, 0x16, 0x28, 0xAE, 0xD2, 0xA6, 0xAB, 0xF7, 0x15, 0x88, 0x09, 0xCF, 0x4F,
    0x3C, 0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA, 0xFB, 0xFC, 0xFD,
};
static uint8_t counter_mode_index[AES_BLOCK];
static const uint8_t counter_mode_plain[48];
static const uint8_t counter_mode_stream[48] = {
    0xE0, 0x3E, 0xAD, 0x09, 0x35, 0xC9, 0x5E, 0x80, 0xE1, 0x66, 0xB1, 0x6D, 0xD9, 0x2B, 0x4E, 0xB4,
    0xD2, 0x35, 0x13, 0x16, 0x2B, 0x02, 0xD0, 0xF7, 0x2A, 0x43, 0xA2, 0xFE, 0x4A, 0x5F, 0x97, 0xAB,
    0x41, 0xE9, 0x5B, 0x3B, 0xB0, 0xA2, 0xE8, 0xDD, 0x47, 0x79, 0x01, 0xE4, 0xFC, 0xA8, 0x94, 0xC0,
};

static const srtp_cipher_test_case_t counter_mode_test = {
    .key_length_octets = sizeof counter_mode_key,
    .key = counter_mode_key,
    .idx = counter_mode_index,
    .plaintext_length_octets = sizeof counter_mode_plain,
    .plaintext = counter_mode_plain,
    .ciphertext_length_octets = sizeof counter_mode_stream,
    .ciphertext = counter_mode_stream,
};

static const srtp_cipher_type_t counter_mode_type = {
    .alloc = counter_mode_alloc,
    .dealloc = counter_mode_dealloc,
    .init = counter_mode_init,
    .encrypt = counter_mode_encrypt,
    .decrypt = counter_mode_encrypt,
    .set_iv = counter_mode_set_iv,
    .description = "AES-128 counter mode of libcrypto",
    .test_data = &counter_mode_test,
    .id = SRTP_AES_ICM_128,
};

// HMAC-SHA1 (RFC 2104), the two padded keys hashed beforehand

typedef struct {
    SHA_CTX inner, outer;  // after the first block: the key and the pad
    SHA_CTX running;
} hmac_sha1;

static const srtp_auth_type_t hmac_sha1_type;

static srtp_err_status_t hmac_sha1_dealloc(srtp_auth_pointer_t auth) {
    if (auth == NULL) return srtp_err_status_bad_param;
    if (auth->state != NULL) {
        OPENSSL_cleanse(auth->state, sizeof(hmac_sha1));
        free(auth->state);
    }
    free(auth);
    return srtp_err_status_ok;
}

static srtp_err_status_t hmac_sha1_alloc(srtp_auth_pointer_t *auth, int key_length, int tag_length) {
    if (key_length < 0 || key_length > SHA_DIGEST_LENGTH || tag_length < 0 || tag_length > SHA_DIGEST_LENGTH) {
        return srtp_err_status_bad_param;
    }
    srtp_auth_t *made = calloc(1, sizeof *made);
    hmac_sha1 *state = calloc(1, sizeof *state);
    if (made == NULL || state == NULL) {
        free(state);
        free(made);
        return srtp_err_status_alloc_fail;
    }
    made->type = &hmac_sha1_type;
    made->state = state;
    made->out_len = tag_length;
    made->key_len = key_length;
    *auth = made;
    return srtp_err_status_ok;
}

static bool hash_padded_key(SHA_CTX *hash, const uint8_t *key, int key_length, uint8_t pad) {
    uint8_t block[SHA1_BLOCK];
    memset(block, pad, sizeof block);
    for (int i = 0; i < key_length; i++) block[i] ^= key[i];
    bool done = SHA1_Init(hash) == 1 && SHA1_Update(hash, block, sizeof block) == 1;
    OPENSSL_cleanse(block, sizeof block);
    return done;
}

static srtp_err_status_t hmac_sha1_init(void *opaque, const uint8_t *key, int key_length) {
    hmac_sha1 *state = opaque;
    if (key_length < 0 || key_length > SHA1_BLOCK || !hash_padded_key(&state->inner, key, key_length, 0x36)
        || !hash_padded_key(&state->outer, key, key_length, 0x5C)) {
        return srtp_err_status_init_fail;
    }
    state->running = state->inner;
    return srtp_err_status_ok;
}

static srtp_err_status_t hmac_sha1_start(void *opaque) {
    hmac_sha1 *state = opaque;
    state->running = state->inner;
    return srtp_err_status_ok;
}

static srtp_err_status_t hmac_sha1_update(void *opaque, const uint8_t *bytes, int count) {
    hmac_sha1 *state = opaque;
    if (count < 0 || SHA1_Update(&state->running, bytes, (size_t)count) != 1) return srtp_err_status_auth_fail;
    return srtp_err_status_ok;
}

static srtp_err_status_t hmac_sha1_compute(void *opaque, const uint8_t *bytes, int count, int tag_length, uint8_t *tag) {
    hmac_sha1 *state = opaque;
    uint8_t digest[SHA_DIGEST_LENGTH];
    if (tag_length < 0 || tag_length > SHA_DIGEST_LENGTH) return srtp_err_status_bad_param;
    if (hmac_sha1_update(state, bytes, count) != srtp_err_status_ok || SHA1_Final(digest, &state->running) != 1) {
        return srtp_err_status_auth_fail;
    }
    state->running = state->outer;
    if (SHA1_Update(&state->running, digest, sizeof digest) != 1 || SHA1_Final(digest, &state->running) != 1) {
        return srtp_err_status_auth_fail;
    }
    memcpy(tag, digest, (size_t)tag_length);
    return srtp_err_status_ok;
}

// RFC 2202 §3, test case 1.
static const uint8_t hmac_sha1_key[20] = {
    0x0B, 0x0B, 0x0B, 0x0B, 0x0B, 0x0B, 0x0B, 0x0B, 0x0B, 0x0B,
    0x0B, 0x0B, 0x0B, 0x0B, 0x0B, 0x0B, 0x0B, 0x0B, 0x0B, 0x0B,
};
static const uint8_t hmac_sha1_data[8] = {'H', 'i', ' ', 'T', 'h', 'e', 'r', 'e'};
static const uint8_t hmac_sha1_tag[20] = {
    0xB6, 0x17, 0x31, 0x86, 0x55, 0x05, 0x72, 0x64, 0xE2, 0x8B,
    0xC0, 0xB6, 0xFB, 0x37, 0x8C, 0x8E, 0xF1, 0x46, 0xBE, 0x00,
};

static const srtp_auth_test_case_t hmac_sha1_test = {
    .key_length_octets = sizeof hmac_sha1_key,
    .key = hmac_sha1_key,
    .data_length_octets = sizeof hmac_sha1_data,
    .data = hmac_sha1_data,
    .tag_length_octets = sizeof hmac_sha1_tag,
    .tag = hmac_sha1_tag,
};

static const srtp_auth_type_t hmac_sha1_type = {
    .alloc = hmac_sha1_alloc,
    .dealloc = hmac_sha1_dealloc,
    .init = hmac_sha1_init,
    .compute = hmac_sha1_compute,
    .update = hmac_sha1_update,
    .start = hmac_sha1_start,
    .description = "HMAC-SHA1 of libcrypto",
    .test_data = &hmac_sha1_test,
    .id = SRTP_HMAC_SHA1,
};

srtp_err_status_t perch_srtp_start(void) {
    srtp_err_status_t status = srtp_init();
    if (status == srtp_err_status_ok) status = srtp_replace_cipher_type(&counter_mode_type, SRTP_AES_ICM_128);
    if (status == srtp_err_status_ok) status = srtp_replace_auth_type(&hmac_sha1_type, SRTP_HMAC_SHA1);
    return status;
}
