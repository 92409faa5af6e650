#define _GNU_SOURCE
#include "CLinux.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int perch_tcp_connect(const struct perch_address *remote, int timeout) {
    struct timeval limit = { timeout / 1000, timeout % 1000 * 1000 };
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(remote->port) };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(remote->port), .sin6_scope_id = remote->scope };
    memcpy(&in.sin_addr, remote->address, 4);
    memcpy(&in6.sin6_addr, remote->address, 16);
    _Bool v4 = remote->family == 4;
    int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd, v4 ? (struct sockaddr *)&in : (struct sockaddr *)&in6, v4 ? sizeof in : sizeof in6)) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}
