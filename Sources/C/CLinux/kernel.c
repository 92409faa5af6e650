#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int perch_interfaces(struct perch_interface *interfaces, int capacity) {
    struct ifaddrs *list;
    int count = 0;
    if (getifaddrs(&list)) return -errno;
    for (const struct ifaddrs *i = list; i && count < capacity; i = i->ifa_next) {
        if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) || !(i->ifa_flags & IFF_RUNNING)) continue;
        struct perch_interface *to = &interfaces[count];
        memset(to, 0, sizeof *to);
        if (i->ifa_addr->sa_family == AF_INET) {
            to->address.family = 4;
            memcpy(to->address.address, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, 4);
        } else if (i->ifa_addr->sa_family == AF_INET6) {
            to->address.family = 6;
            memcpy(to->address.address, &((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr, 16);
            to->address.scope = ((struct sockaddr_in6 *)i->ifa_addr)->sin6_scope_id;
        } else {
            continue;
        }
        strncpy(to->name, i->ifa_name, sizeof to->name - 1);
        to->index = if_nametoindex(i->ifa_name);
        to->loopback = i->ifa_flags & IFF_LOOPBACK;
        count++;
    }
    freeifaddrs(list);
    return count;
}

int perch_open(const char *path, int flags, int mode) {
    int fd;
    do fd = open(path, flags | O_CLOEXEC, mode); while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

int perch_eventfd(void) {
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int perch_set_thread_name(const char *name) { return -pthread_setname_np(pthread_self(), name); }

static int wait_milliseconds(int epoll, struct epoll_event *events, int capacity, int64_t nanoseconds) {
    int64_t milliseconds = nanoseconds < 0 ? -1 : (nanoseconds + 999999) / 1000000;
    return epoll_wait(epoll, events, capacity, milliseconds > 1 << 30 ? 1 << 30 : (int)milliseconds);
}

int perch_epoll_wait(int epoll, uint64_t *tokens, int capacity, int64_t nanoseconds) {
    static _Thread_local _Bool coarse; // kernels before 5.11 have no epoll_pwait2
    struct epoll_event events[64];
    struct timespec timeout = { nanoseconds / 1000000000, nanoseconds % 1000000000 };
    if (capacity > 64) capacity = 64;
    int count = -1;
    if (!coarse) {
        count = epoll_pwait2(epoll, events, capacity, nanoseconds < 0 ? NULL : &timeout, NULL);
        coarse = count < 0 && errno == ENOSYS;
    }
    if (coarse) count = wait_milliseconds(epoll, events, capacity, nanoseconds);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < count; i++) tokens[i] = events[i].data.u64;
    return count;
}

int perch_epoll_make(void) {
    int fd = epoll_create1(EPOLL_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int perch_epoll_add(int epoll, int fd, uint64_t token) {
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = token };
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

int perch_epoll_remove(int epoll, int fd) { return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL) ? -errno : 0; }

int perch_signal_descriptor(const int *signals, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
    int error = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (error) return -error;
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int perch_signal_read(int fd) {
    struct signalfd_siginfo info;
    ssize_t count = read(fd, &info, sizeof info);
    return count == sizeof info ? (int)info.ssi_signo : -errno;
}

int perch_notify(const char *path, const char *state) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof address.sun_path) return -EINVAL;
    memcpy(address.sun_path, path, length);
    if (path[0] == '@') address.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address,
                          offsetof(struct sockaddr_un, sun_path) + length);
    int result = sent < 0 ? -errno : 0;
    close(fd);
    return result;
}
