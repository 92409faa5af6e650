#include "CCrypto.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>

_Bool perch_hmac_sha1(const void *key, size_t key_length, const void *message, size_t message_length, uint8_t code[20]) {
    unsigned int written = 0;
    return HMAC(EVP_sha1(), key, (int)key_length, message, message_length, code, &written) != NULL && written == 20;
}
