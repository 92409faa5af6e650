#define _GNU_SOURCE
#include "CWebSockets.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct perch_web {
    struct lws_context *context;
    struct lws_vhost *vhost;
    perch_web_handler *handler;
    void *owner;
};

static perch_web_logger *logger;

static void log_line(int level, const char *line)
{
    (void)level;
    char text[256];
    size_t count = strcspn(line, "\n");
    if (count >= sizeof text) count = sizeof text - 1;
    memcpy(text, line, count);
    text[count] = 0;
    if (logger) logger(text);
}

static struct lws *wsi(struct perch_web_socket *socket)
{
    return (struct lws *)socket;
}

static int handle(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
    (void)user;
    enum perch_web_event event;
    switch (reason) {
    case LWS_CALLBACK_RAW_RX_FILE: event = perch_web_acceptable; break;
    case LWS_CALLBACK_RAW_RX: event = perch_web_received; break;
    case LWS_CALLBACK_RAW_WRITEABLE: event = perch_web_writable; break;
    case LWS_CALLBACK_TIMER: event = perch_web_expired; break;
    case LWS_CALLBACK_RAW_CLOSE: event = perch_web_closed; break;
    default: return 0;
    }
    struct perch_web *web = lws_context_user(lws_get_context(wsi));
    uint64_t token = (uintptr_t)lws_get_opaque_user_data(wsi);
    if (!web || !token) return 0;
    return web->handler(web->owner, token, event, in, length);
}

static const struct lws_protocols protocols[] = {
    {.name = "perch", .callback = handle},
    {0},
};

struct perch_web *perch_web_make(unsigned descriptors, perch_web_handler *handler, void *owner, perch_web_logger *log)
{
    logger = log;
    lws_set_log_level(LLL_ERR, log_line);
    struct perch_web *web = calloc(1, sizeof *web);
    if (!web) return NULL;
    web->handler = handler;
    web->owner = owner;
    struct lws_context_creation_info info;
    memset(&info, 0, sizeof info);
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.protocols = protocols;
    // No TLS: without DO_SSL_GLOBAL_INIT OpenSSL is linked but never set up, which spares most of its memory.
    info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
    info.fd_limit_per_thread = descriptors;
    info.pt_serv_buf_size = 4096;
    info.uid = (uid_t)-1;
    info.gid = (gid_t)-1;
    info.user = web;
    web->context = lws_create_context(&info);
    if (web->context) {
        info.vhost_name = "perch";
        web->vhost = lws_create_vhost(web->context, &info);
    }
    if (!web->vhost) {
        if (web->context) lws_context_destroy(web->context);
        free(web);
        return NULL;
    }
    return web;
}

void perch_web_free(struct perch_web *web)
{
    lws_context_destroy(web->context);
    free(web);
}

int perch_web_service(struct perch_web *web)
{
    return lws_service(web->context, 0);
}

void perch_web_wake(struct perch_web *web)
{
    lws_cancel_service(web->context);
}

int perch_web_accept(int listener, struct sockaddr *client, socklen_t *length)
{
    return accept4(listener, client, length, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static struct lws *adopt(struct perch_web *web, lws_adoption_type type, int fd, uint64_t token)
{
    lws_adopt_desc_t description;
    memset(&description, 0, sizeof description);
    description.vh = web->vhost;
    description.type = type;
    if (type & LWS_ADOPT_SOCKET)
        description.fd.sockfd = fd;
    else
        description.fd.filefd = fd;
    description.vh_prot_name = protocols[0].name;
    description.opaque = (void *)(uintptr_t)token;
    return lws_adopt_descriptor_vhost_via_info(&description);
}

_Bool perch_web_watch(struct perch_web *web, int fd, uint64_t token)
{
    return adopt(web, LWS_ADOPT_RAW_FILE_DESC, fd, token) != NULL;
}

struct perch_web_socket *perch_web_adopt(struct perch_web *web, int fd, uint64_t token)
{
    return (struct perch_web_socket *)adopt(web, LWS_ADOPT_SOCKET, fd, token);
}

void perch_web_want_write(struct perch_web_socket *socket)
{
    lws_callback_on_writable(wsi(socket));
}

int perch_web_write(struct perch_web_socket *socket, const void *bytes, size_t count)
{
    // LWS_WRITE_RAW neither changes the bytes nor writes in front of them, whatever the prototype says.
    return lws_write(wsi(socket), (unsigned char *)bytes, count, LWS_WRITE_RAW);
}

_Bool perch_web_is_flushing(struct perch_web_socket *socket)
{
    return lws_partial_buffered(wsi(socket)) != 0;
}

void perch_web_finish(struct perch_web_socket *socket)
{
    shutdown(lws_get_socket_fd(wsi(socket)), SHUT_WR);
}

void perch_web_abandon(struct perch_web_socket *socket)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    setsockopt(lws_get_socket_fd(wsi(socket)), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

void perch_web_close(struct perch_web_socket *socket)
{
    lws_set_timeout(wsi(socket), PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_SYNC);
}

void perch_web_set_reading(struct perch_web_socket *socket, _Bool on)
{
    lws_rx_flow_control(wsi(socket), on);
}

void perch_web_set_timer(struct perch_web_socket *socket, int64_t microseconds)
{
    lws_set_timer_usecs(wsi(socket), microseconds < 0 ? LWS_SET_TIMER_USEC_CANCEL : microseconds);
}
