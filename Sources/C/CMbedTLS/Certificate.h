#pragma once
#include "CMbedTLS.h"

#include <mbedtls/pk.h>

/// Writes a certificate for `key` (P-256), signed with the same key, at the start of `memory`. `common_name` has 64 characters at
/// most (RFC 5280 appendix A.1). Returns 0, or the error of mbedTLS.
int perch_certificate_write(uint8_t *memory, size_t capacity, size_t *length, const char *common_name, mbedtls_pk_context *key,
                            perch_random random, void *context);
