#include "CCrypto.h"

#include <limits.h>
#include <openssl/evp.h>

// The key schedule lives in the context from the start on; a record sets only the nonce.
struct perch_aead;  // an EVP_CIPHER_CTX by another name, so that no header of OpenSSL's reaches Swift

static EVP_CIPHER_CTX *context_of(perch_aead *aead) { return (EVP_CIPHER_CTX *)aead; }

static const EVP_CIPHER *cipher_of(perch_aead_kind kind) {
    switch (kind) {
    case PERCH_AEAD_AES_128_GCM: return EVP_aes_128_gcm();
    case PERCH_AEAD_AES_256_GCM: return EVP_aes_256_gcm();
    case PERCH_AEAD_CHACHA20_POLY1305: return EVP_chacha20_poly1305();
    }
    return NULL;
}

perch_aead *perch_aead_create(perch_aead_kind kind, bool seals, const uint8_t *key) {
    const EVP_CIPHER *cipher = cipher_of(kind);
    EVP_CIPHER_CTX *context = cipher == NULL ? NULL : EVP_CIPHER_CTX_new();
    if (context == NULL) return NULL;
    // 12 bytes of nonce is the default of all three.
    if (EVP_CipherInit_ex(context, cipher, NULL, key, NULL, seals) == 1) return (perch_aead *)context;
    EVP_CIPHER_CTX_free(context);
    return NULL;
}

void perch_aead_destroy(perch_aead *aead) { EVP_CIPHER_CTX_free(context_of(aead)); }

bool perch_aead_seal(perch_aead *aead, const uint8_t nonce[PERCH_AEAD_NONCE], const uint8_t *associated,
                     size_t associated_length, const uint8_t *input, size_t length, uint8_t *output) {
    if (length > INT_MAX || associated_length > INT_MAX) return false;
    EVP_CIPHER_CTX *context = context_of(aead);
    int count = 0;
    return EVP_EncryptInit_ex(context, NULL, NULL, NULL, nonce) == 1
           && EVP_EncryptUpdate(context, NULL, &count, associated, (int)associated_length) == 1
           && EVP_EncryptUpdate(context, output, &count, input, (int)length) == 1 && (size_t)count == length
           && EVP_EncryptFinal_ex(context, output + length, &count) == 1
           && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, PERCH_AEAD_TAG, output + length) == 1;
}

bool perch_aead_open(perch_aead *aead, const uint8_t nonce[PERCH_AEAD_NONCE], const uint8_t *associated,
                     size_t associated_length, const uint8_t *input, size_t length, uint8_t *output) {
    if (length > INT_MAX || associated_length > INT_MAX) return false;
    EVP_CIPHER_CTX *context = context_of(aead);
    int count = 0;
    uint8_t rest[EVP_MAX_BLOCK_LENGTH];  // the last step of these ciphers writes nothing, but wants to be told where
    return EVP_DecryptInit_ex(context, NULL, NULL, NULL, nonce) == 1
           && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, PERCH_AEAD_TAG, (void *)(input + length)) == 1
           && EVP_DecryptUpdate(context, NULL, &count, associated, (int)associated_length) == 1
           && EVP_DecryptUpdate(context, output, &count, input, (int)length) == 1 && (size_t)count == length
           && EVP_DecryptFinal_ex(context, rest, &count) == 1;
}
