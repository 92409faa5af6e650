#define _GNU_SOURCE
#include "CLinux.h"

#include <poll.h>
#include <time.h>

unsigned perch_wait_for_input(const int *fds, int count, int64_t nanoseconds) {
    struct pollfd entries[16];
    struct timespec time = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    unsigned ready = 0;
    if (count > 16) count = 16;
    for (int i = 0; i < count; i++) entries[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    if (ppoll(entries, (nfds_t)count, nanoseconds < 0 ? NULL : &time, NULL) <= 0) return 0;
    for (int i = 0; i < count; i++)
        if (entries[i].revents) ready |= 1u << i;
    return ready;
}
