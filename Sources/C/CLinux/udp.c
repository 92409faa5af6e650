#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum {
    maximum_messages = 64,
    // A keyframe of a megabit stream, twice: what a socket must hold while the scheduler looks elsewhere.
    socket_buffer = 1 << 20,
};

static socklen_t to_kernel(const struct perch_address *from, struct sockaddr_storage *to) {
    memset(to, 0, sizeof *to);
    if (from->family == 4) {
        struct sockaddr_in *in = (struct sockaddr_in *)to;
        in->sin_family = AF_INET;
        in->sin_port = htons(from->port);
        memcpy(&in->sin_addr, from->address, 4);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(from->port);
    in6->sin6_scope_id = from->scope;
    memcpy(&in6->sin6_addr, from->address, 16);
    return sizeof *in6;
}

int perch_udp_open(int family, uint16_t port) {
    int on = 1, size = socket_buffer;
    int fd = socket(family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    if (family == 4) {
        if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on)) goto failed;
    } else {
        if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on)) goto failed;
        if (setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on)) goto failed;
    }
    // Without it (before Linux 5.0) datagrams come one by one.
    setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on);
    // The kernel caps these at its own limits; a smaller buffer still works.
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    struct sockaddr_storage address;
    struct perch_address any = { .family = family, .port = port };
    if (bind(fd, (struct sockaddr *)&address, to_kernel(&any, &address))) goto failed;
    return fd;
failed:;
    int error = errno;
    close(fd);
    return -error;
}

int perch_udp_port(int fd) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length)) return -errno;
    return ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                              : ((struct sockaddr_in6 *)&address)->sin6_port);
}

struct perch_udp_receiver {
    struct mmsghdr headers[perch_udp_batch];
    struct iovec vectors[perch_udp_batch];
    struct sockaddr_storage names[perch_udp_batch];
    struct perch_udp_received received[perch_udp_batch];
    uint8_t control[perch_udp_batch][CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
    uint8_t bytes[perch_udp_batch][perch_udp_message_size];
};

struct perch_udp_receiver *perch_udp_receiver_make(void) { return calloc(1, sizeof(struct perch_udp_receiver)); }
void perch_udp_receiver_free(struct perch_udp_receiver *receiver) { free(receiver); }
struct perch_udp_received *perch_udp_received_at(struct perch_udp_receiver *receiver, int index) {
    return &receiver->received[index];
}

// Everything but the bytes and their length.
static void from_kernel(const struct msghdr *header, uint16_t local_port, struct perch_udp_received *to) {
    const struct sockaddr_storage *name = header->msg_name;
    memset(&to->remote, 0, sizeof to->remote);
    memset(&to->local, 0, sizeof to->local);
    to->local.port = local_port;
    if (name->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)name;
        to->remote.family = to->local.family = 4;
        to->remote.port = ntohs(in->sin_port);
        memcpy(to->remote.address, &in->sin_addr, 4);
    } else {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)name;
        to->remote.family = to->local.family = 6;
        to->remote.port = ntohs(in6->sin6_port);
        to->remote.scope = to->local.scope = in6->sin6_scope_id;
        memcpy(to->remote.address, &in6->sin6_addr, 16);
    }
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR((struct msghdr *)header, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            memcpy(to->local.address, &info.ipi_addr, 4);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            memcpy(to->local.address, &info.ipi6_addr, 16);
        } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            int segment;
            memcpy(&segment, CMSG_DATA(c), sizeof segment);
            if (segment > 0) to->segment = (size_t)segment;
        }
    }
}

int perch_udp_receive(struct perch_udp_receiver *r, int fd, uint16_t port) {
    for (int i = 0; i < perch_udp_batch; i++) {
        r->vectors[i] = (struct iovec){ r->bytes[i], perch_udp_message_size };
        r->headers[i].msg_hdr = (struct msghdr){ .msg_name = &r->names[i], .msg_namelen = sizeof r->names[i],
            .msg_iov = &r->vectors[i], .msg_iovlen = 1, .msg_control = r->control[i], .msg_controllen = sizeof r->control[i] };
    }
    int count;
    do count = recvmmsg(fd, r->headers, perch_udp_batch, MSG_DONTWAIT, NULL); while (count < 0 && errno == EINTR);
    if (count < 0) return errno == EAGAIN ? 0 : -errno;
    for (int i = 0; i < count; i++) {
        const struct msghdr *header = &r->headers[i].msg_hdr;
        struct perch_udp_received *received = &r->received[i];
        received->bytes = r->bytes[i];
        received->length = header->msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? 0 : r->headers[i].msg_len;
        received->segment = received->length;
        from_kernel(header, port, received);
    }
    return count;
}

int perch_udp_send(int fd, const struct perch_udp_outgoing *messages, int count) {
    struct mmsghdr headers[maximum_messages];
    struct iovec vectors[maximum_messages];
    struct sockaddr_storage names[maximum_messages];
    uint8_t control[maximum_messages][CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t))] __attribute__((aligned(8)));
    if (count > maximum_messages) count = maximum_messages;
    for (int i = 0; i < count; i++) {
        const struct perch_udp_outgoing *m = &messages[i];
        struct msghdr *header = &headers[i].msg_hdr;
        vectors[i] = (struct iovec){ (void *)m->bytes, m->length };
        *header = (struct msghdr){ .msg_name = &names[i], .msg_namelen = to_kernel(&m->remote, &names[i]),
            .msg_iov = &vectors[i], .msg_iovlen = 1, .msg_control = control[i] };
        struct cmsghdr *c = (struct cmsghdr *)control[i];
        if (m->local.family == 4) {
            struct in_pktinfo info = { 0 };
            memcpy(&info.ipi_spec_dst, m->local.address, 4);
            *c = (struct cmsghdr){ .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO, .cmsg_len = CMSG_LEN(sizeof info) };
            memcpy(CMSG_DATA(c), &info, sizeof info);
            header->msg_controllen = CMSG_SPACE(sizeof info);
        } else {
            struct in6_pktinfo info = { .ipi6_ifindex = m->local.scope };
            memcpy(&info.ipi6_addr, m->local.address, 16);
            *c = (struct cmsghdr){ .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO, .cmsg_len = CMSG_LEN(sizeof info) };
            memcpy(CMSG_DATA(c), &info, sizeof info);
            header->msg_controllen = CMSG_SPACE(sizeof info);
        }
        if (m->segment) {
            c = (struct cmsghdr *)(control[i] + header->msg_controllen);
            *c = (struct cmsghdr){ .cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT, .cmsg_len = CMSG_LEN(sizeof m->segment) };
            memcpy(CMSG_DATA(c), &m->segment, sizeof m->segment);
            header->msg_controllen += CMSG_SPACE(sizeof m->segment);
        }
    }
    int sent;
    do sent = sendmmsg(fd, headers, count, MSG_DONTWAIT | MSG_NOSIGNAL); while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}
