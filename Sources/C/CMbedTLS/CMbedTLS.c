#include "CMbedTLS.h"

#include "Verification.h"
#include "Version.h"

#include <mbedtls/ecp.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/ssl_cookie.h>
#include <mbedtls/x509_crt.h>
#include <stdlib.h>
#include <string.h>

enum { MASTER_SECRET = 48, HELLO_RANDOM = 32 };

struct perch_dtls {
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config configuration;
    mbedtls_ssl_cookie_ctx cookies;
    mbedtls_x509_crt certificate;
    mbedtls_pk_context key;
    perch_dtls_callbacks callbacks;
    perch_verification verification;
    bool has_cookies;
    // The record that mbedTLS has not read yet.
    const uint8_t *record;
    size_t record_length;
    // RFC 5246 §8.1: what all keys are derived from.
    bool has_master_secret;
    uint8_t master_secret[MASTER_SECRET];
    uint8_t client_random[HELLO_RANDOM];
    uint8_t server_random[HELLO_RANDOM];
    mbedtls_tls_prf_types prf;
};

// AES-128 first: boards without AES instructions pay for every round. RSA only for peers that have such a certificate.
static const int cipher_suites[] = {
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    0,
};

static const mbedtls_ssl_srtp_profile srtp_profiles[] = {
    MBEDTLS_TLS_SRTP_AES128_CM_HMAC_SHA1_80,
    MBEDTLS_TLS_SRTP_AES128_CM_HMAC_SHA1_32,
    MBEDTLS_TLS_SRTP_UNSET,
};

// X25519 takes mbedTLS four fifths of the time of P-256, which RFC 8827 §6.5 makes everybody support.
#if MBEDTLS_VERSION_MAJOR >= 3
static const uint16_t groups[] = {
    MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
};
#else
static const mbedtls_ecp_group_id groups[] = {
    MBEDTLS_ECP_DP_CURVE25519,
    MBEDTLS_ECP_DP_SECP256R1,
    MBEDTLS_ECP_DP_SECP384R1,
    MBEDTLS_ECP_DP_NONE,
};
#endif

// RFC 6347 §4.2.1 binds a cookie to the client's address, to see that the client is there. Here ICE has seen it: DTLS runs only on
// a verified path, which may also change while the handshake runs. So all cookies are bound to the same constant.
static const unsigned char transport_id[] = "ice";

static int on_send(void *context, const unsigned char *bytes, size_t length) {
    perch_dtls *dtls = context;
    dtls->callbacks.send(dtls->callbacks.context, bytes, length);
    return (int)length;
}

static int on_receive(void *context, unsigned char *bytes, size_t capacity) {
    perch_dtls *dtls = context;
    size_t length = dtls->record_length;
    dtls->record_length = 0;
    if (length == 0 || length > capacity) return MBEDTLS_ERR_SSL_WANT_READ;
    memcpy(bytes, dtls->record, length);
    return (int)length;
}

static void on_set_timer(void *context, uint32_t intermediate, uint32_t final) {
    perch_dtls *dtls = context;
    dtls->callbacks.set_timer(dtls->callbacks.context, intermediate, final);
}

static int on_get_timer(void *context) {
    perch_dtls *dtls = context;
    return dtls->callbacks.timer_state(dtls->callbacks.context);
}

static int on_verify(void *context, mbedtls_x509_crt *certificate, int depth, uint32_t *flags) {
    perch_dtls *dtls = context;
    // RFC 8827 §6.5: the fingerprint of the peer's own certificate decides; who signed it, for whom and until when does not.
    *flags = 0;
    if (depth > 0) return 0;
    if (dtls->callbacks.verify(dtls->callbacks.context, certificate->raw.p, certificate->raw.len)) {
        perch_verify_by_libcrypto(&dtls->verification, &certificate->pk);
        return 0;
    }
    return MBEDTLS_ERR_X509_FATAL_ERROR;  // ends the handshake, where a flag would not: verification is optional to mbedTLS
}

static void keep_secrets(perch_dtls *dtls, const unsigned char *master_secret, const unsigned char *client_random,
                         const unsigned char *server_random, mbedtls_tls_prf_types prf) {
    memcpy(dtls->master_secret, master_secret, MASTER_SECRET);
    memcpy(dtls->client_random, client_random, HELLO_RANDOM);
    memcpy(dtls->server_random, server_random, HELLO_RANDOM);
    dtls->prf = prf;
    dtls->has_master_secret = true;
}

#if MBEDTLS_VERSION_MAJOR >= 3
static void on_export_keys(void *context, mbedtls_ssl_key_export_type type, const unsigned char *secret, size_t length,
                           const unsigned char client_random[32], const unsigned char server_random[32],
                           mbedtls_tls_prf_types prf) {
    if (type != MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET || length != MASTER_SECRET) return;
    keep_secrets(context, secret, client_random, server_random, prf);
}
#else
static int on_export_keys(void *context, const unsigned char *master_secret, const unsigned char *key_block,
                          size_t mac_length, size_t key_length, size_t iv_length, const unsigned char client_random[32],
                          const unsigned char server_random[32], mbedtls_tls_prf_types prf) {
    (void)key_block, (void)mac_length, (void)key_length, (void)iv_length;
    keep_secrets(context, master_secret, client_random, server_random, prf);
    return 0;
}
#endif

static int configure(perch_dtls *dtls, bool is_server, uint32_t first_timeout) {
    mbedtls_ssl_config *configuration = &dtls->configuration;
    perch_dtls_callbacks *callbacks = &dtls->callbacks;
    int error = mbedtls_ssl_config_defaults(configuration, is_server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
                                            MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT);
    if (error != 0) return error;
    mbedtls_ssl_conf_rng(configuration, callbacks->random, callbacks->context);
    mbedtls_ssl_conf_ciphersuites(configuration, cipher_suites);
#if MBEDTLS_VERSION_MAJOR >= 3
    mbedtls_ssl_conf_min_tls_version(configuration, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(configuration, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_groups(configuration, groups);
#else
    mbedtls_ssl_conf_min_version(configuration, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(configuration, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_curves(configuration, groups);
    mbedtls_ssl_conf_export_keys_ext_cb(configuration, on_export_keys, dtls);
#endif
    mbedtls_ssl_conf_extended_master_secret(configuration, MBEDTLS_SSL_EXTENDED_MS_ENABLED);
#if defined(MBEDTLS_SSL_RENEGOTIATION)
    mbedtls_ssl_conf_renegotiation(configuration, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
#endif
#if defined(MBEDTLS_SSL_SESSION_TICKETS)
    if (!is_server) mbedtls_ssl_conf_session_tickets(configuration, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
#endif
    if (is_server) mbedtls_ssl_conf_cert_req_ca_list(configuration, MBEDTLS_SSL_CERT_REQ_CA_LIST_DISABLED);
    mbedtls_ssl_conf_dtls_anti_replay(configuration, MBEDTLS_SSL_ANTI_REPLAY_ENABLED);
    // "Required" would need a chain of authorities. Whether a certificate came at all is checked by the caller of the callback.
    mbedtls_ssl_conf_authmode(configuration, MBEDTLS_SSL_VERIFY_OPTIONAL);
    mbedtls_ssl_conf_verify(configuration, on_verify, dtls);
    // The upper bound is out of reach: the callbacks' owner limits both the interval and the whole.
    mbedtls_ssl_conf_handshake_timeout(configuration, first_timeout, 3600 * 1000);
    error = mbedtls_ssl_conf_dtls_srtp_protection_profiles(configuration, srtp_profiles);
    if (error != 0) return error;
    if (is_server) {
        if (dtls->has_cookies) {
            error = mbedtls_ssl_cookie_setup(&dtls->cookies, callbacks->random, callbacks->context);
            if (error != 0) return error;
            mbedtls_ssl_conf_dtls_cookies(
                configuration, mbedtls_ssl_cookie_write, mbedtls_ssl_cookie_check, &dtls->cookies);
        } else {
            mbedtls_ssl_conf_dtls_cookies(configuration, NULL, NULL, NULL);
        }
    }
    return mbedtls_ssl_conf_own_cert(configuration, &dtls->certificate, &dtls->key);
}

static int set_up(perch_dtls *dtls, uint16_t maximum_datagram) {
    int error = mbedtls_ssl_setup(&dtls->ssl, &dtls->configuration);
    if (error != 0) return error;
    mbedtls_ssl_set_bio(&dtls->ssl, dtls, on_send, on_receive, NULL);
    mbedtls_ssl_set_timer_cb(&dtls->ssl, dtls, on_set_timer, on_get_timer);
    mbedtls_ssl_set_mtu(&dtls->ssl, maximum_datagram);
#if MBEDTLS_VERSION_MAJOR >= 3
    mbedtls_ssl_set_export_keys_cb(&dtls->ssl, on_export_keys, dtls);
    // From 3.6.3 on a client must say that it means to check no name.
    error = mbedtls_ssl_set_hostname(&dtls->ssl, NULL);
#endif
    if (error == 0 && dtls->has_cookies)
        error = mbedtls_ssl_set_client_transport_id(&dtls->ssl, transport_id, sizeof transport_id);
    return error;
}

perch_dtls *perch_dtls_create(bool is_server, bool cookies, const uint8_t *key, size_t key_length,
                              const uint8_t *certificate, size_t certificate_length, uint16_t maximum_datagram,
                              uint32_t first_timeout_milliseconds, perch_dtls_callbacks callbacks, int *error) {
    perch_start_psa();
    perch_dtls *dtls = calloc(1, sizeof *dtls);
    if (dtls == NULL) {
        *error = MBEDTLS_ERR_SSL_ALLOC_FAILED;
        return NULL;
    }
    dtls->callbacks = callbacks;
    dtls->has_cookies = is_server && cookies;
    mbedtls_ssl_init(&dtls->ssl);
    mbedtls_ssl_config_init(&dtls->configuration);
    mbedtls_ssl_cookie_init(&dtls->cookies);
    mbedtls_x509_crt_init(&dtls->certificate);
    mbedtls_pk_init(&dtls->key);
    *error = mbedtls_x509_crt_parse_der(&dtls->certificate, certificate, certificate_length);
    if (*error == 0) *error = perch_parse_key(&dtls->key, key, key_length, callbacks.random, callbacks.context);
    if (*error == 0) *error = configure(dtls, is_server, first_timeout_milliseconds);
    if (*error == 0) *error = set_up(dtls, maximum_datagram);
    if (*error == 0) return dtls;
    perch_dtls_destroy(dtls);
    return NULL;
}

void perch_dtls_destroy(perch_dtls *dtls) {
    if (dtls == NULL) return;
    mbedtls_ssl_free(&dtls->ssl);
    mbedtls_ssl_config_free(&dtls->configuration);
    mbedtls_ssl_cookie_free(&dtls->cookies);
    mbedtls_x509_crt_free(&dtls->certificate);
    mbedtls_pk_free(&dtls->key);
    mbedtls_platform_zeroize(dtls, sizeof *dtls);
    free(dtls);
}

perch_dtls_state perch_dtls_step(perch_dtls *dtls, const uint8_t *record, size_t length, int *error) {
    // An expired timer makes mbedTLS resend before it reads, and a cookie makes it start over: once each for a record at most.
    enum { MAXIMUM_ROUNDS = 4 };
    dtls->record = record;
    dtls->record_length = length;
    perch_dtls_state state = PERCH_DTLS_WAITING;
    for (int round = 0; round < MAXIMUM_ROUNDS && state == PERCH_DTLS_WAITING; round++) {
        *error = mbedtls_ssl_handshake(&dtls->ssl);
        switch (*error) {
        case 0: state = PERCH_DTLS_CONNECTED; break;
        case MBEDTLS_ERR_SSL_WANT_READ:
        case MBEDTLS_ERR_SSL_WANT_WRITE: break;
        case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY: state = PERCH_DTLS_CLOSED; break;
        case MBEDTLS_ERR_SSL_HELLO_VERIFY_REQUIRED:
            *error = mbedtls_ssl_session_reset(&dtls->ssl);
            if (*error == 0)
                *error = mbedtls_ssl_set_client_transport_id(&dtls->ssl, transport_id, sizeof transport_id);
            if (*error != 0) state = PERCH_DTLS_FAILED;
            break;
        default: state = PERCH_DTLS_FAILED;
        }
        if (dtls->record_length == 0) break;
    }
    dtls->record = NULL;
    dtls->record_length = 0;
    return state;
}

static int derive(perch_dtls *dtls, const char *label, const uint8_t *first, const uint8_t *second, uint8_t *output,
                  size_t length) {
    uint8_t seed[2 * HELLO_RANDOM];
    memcpy(seed, first, HELLO_RANDOM);
    memcpy(seed + HELLO_RANDOM, second, HELLO_RANDOM);
    return mbedtls_ssl_tls_prf(
        dtls->prf, dtls->master_secret, MASTER_SECRET, label, seed, sizeof seed, output, length);
}

static int choose_cipher(perch_dtls *dtls, perch_dtls_secrets *secrets) {
    switch (mbedtls_ssl_get_ciphersuite_id(mbedtls_ssl_get_ciphersuite(&dtls->ssl))) {
    case MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:
    case MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:
        secrets->cipher = PERCH_AES_128_GCM;
        secrets->key_length = 16;
        secrets->iv_length = 4;  // RFC 5288 §3: the other 8 bytes of the nonce travel in each record
        return 0;
    case MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:
    case MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:
        secrets->cipher = PERCH_AES_256_GCM;
        secrets->key_length = 32;
        secrets->iv_length = 4;
        return 0;
    case MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256:
    case MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256:
        secrets->cipher = PERCH_CHACHA20_POLY1305;
        secrets->key_length = 32;
        secrets->iv_length = 12;  // RFC 7905 §2
        return 0;
    default: return MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE;
    }
}

static uint16_t chosen_srtp_profile(perch_dtls *dtls) {
    mbedtls_dtls_srtp_info info;
    memset(&info, 0, sizeof info);
    mbedtls_ssl_get_dtls_srtp_negotiation_result(&dtls->ssl, &info);
#if MBEDTLS_VERSION_MAJOR >= 3
    return info.MBEDTLS_PRIVATE(chosen_dtls_srtp_profile);
#else
    return info.chosen_dtls_srtp_profile;
#endif
}

int perch_dtls_export(perch_dtls *dtls, perch_dtls_secrets *secrets) {
    memset(secrets, 0, sizeof *secrets);
    if (!dtls->has_master_secret) return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    int error = choose_cipher(dtls, secrets);
    if (error != 0) return error;
    // RFC 5246 §6.3, without MAC keys: these are all AEAD ciphers.
    uint8_t block[2 * (32 + 12)];
    size_t key = secrets->key_length, iv = secrets->iv_length;
    error = derive(dtls, "key expansion", dtls->server_random, dtls->client_random, block, 2 * (key + iv));
    if (error == 0) {
        memcpy(secrets->client_key, block, key);
        memcpy(secrets->server_key, block + key, key);
        memcpy(secrets->client_iv, block + 2 * key, iv);
        memcpy(secrets->server_iv, block + 2 * key + iv, iv);
        secrets->srtp_profile = chosen_srtp_profile(dtls);
        error = derive(dtls, "EXTRACTOR-dtls_srtp", dtls->client_random, dtls->server_random, secrets->keying_material,
                       sizeof secrets->keying_material);
    }
    mbedtls_platform_zeroize(block, sizeof block);
    return error;
}

void perch_dtls_wipe(perch_dtls_secrets *secrets) { mbedtls_platform_zeroize(secrets, sizeof *secrets); }

int perch_dtls_error_fatal_alert(void) { return MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE; }
