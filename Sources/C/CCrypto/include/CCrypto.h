// Message authentication codes from libcrypto, which libwebsockets brings into the process anyway.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Writes the HMAC-SHA1 (20 bytes) of `message` under `key` to `code`; false when libcrypto refuses.
_Bool perch_hmac_sha1(const void *key, size_t key_length, const void *message, size_t message_length, uint8_t code[20]);
