// What Swift cannot import from the kernel's and glibc's headers: control messages, variadic calls, macros.
// Every function returns a negative errno on failure.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// An address as the kernel has it: `family` is 4 or 6, `address` is in network order (4 or 16 bytes), `port` in host order.
struct perch_address {
    uint8_t family;
    uint8_t address[16];
    uint16_t port;
    uint32_t scope;
};

// MARK: UDP

/// Opens a non-blocking UDP socket of the family (4 or 6) on all addresses, which tells for each datagram where it was sent to.
/// `port` 0 lets the kernel choose.
int perch_udp_open(int family, uint16_t port);
/// The port that the socket is bound to.
int perch_udp_port(int fd);

enum {
    perch_udp_batch = 16,            // messages a receive call, from different peers or with different sizes
    perch_udp_message_size = 1 << 16 // UDP_GRO: the kernel joins what one peer sent in a row; memory is used up to what comes
};

struct perch_udp_received {
    struct perch_address remote, local;
    uint8_t *bytes;
    size_t length;  // 0 for one that was truncated
    size_t segment; // the bytes are consecutive datagrams of this size, the last one may be shorter
};

struct perch_udp_receiver;
struct perch_udp_receiver *perch_udp_receiver_make(void);
void perch_udp_receiver_free(struct perch_udp_receiver *);
/// Receives what is there, up to `perch_udp_batch` messages; returns how many. They stay valid until the next call.
/// `port` is the socket's own, which is not in what the kernel tells of each.
int perch_udp_receive(struct perch_udp_receiver *, int fd, uint16_t port);
struct perch_udp_received *perch_udp_received_at(struct perch_udp_receiver *, int index);

struct perch_udp_outgoing {
    const void *bytes;
    size_t length;
    uint16_t segment; // > 0: the bytes are consecutive datagrams of this size, the last one may be shorter
    struct perch_address remote, local;
};

/// Sends up to 64 messages in one call; returns how many the kernel took.
int perch_udp_send(int fd, const struct perch_udp_outgoing *messages, int count);

// MARK: TCP

/// Connects to an address, blocking for at most `timeout` milliseconds for that and for each later read and write.
int perch_tcp_connect(const struct perch_address *remote, int timeout);

// MARK: Interfaces

struct perch_interface {
    char name[16];
    uint32_t index;
    struct perch_address address;
    _Bool loopback;
};

/// Fills `interfaces` with the addresses of the interfaces that are up; returns how many there are (at most `capacity`).
int perch_interfaces(struct perch_interface *interfaces, int capacity);

// MARK: Files, threads, epoll

int perch_open(const char *path, int flags, int mode);
int perch_eventfd(void);
int perch_set_thread_name(const char *name);
/// Waits for events until `nanoseconds` have passed (negative: forever). `tokens` gets what was registered for each ready descriptor.
int perch_epoll_wait(int epoll, uint64_t *tokens, int capacity, int64_t nanoseconds);
int perch_epoll_make(void);
/// Reports `token` whenever the descriptor is readable.
int perch_epoll_add(int epoll, int fd, uint64_t token);
int perch_epoll_remove(int epoll, int fd);
/// A descriptor that becomes readable when one of the signals arrives; they are blocked for the calling thread and those it starts.
int perch_signal_descriptor(const int *signals, int count);
/// The number of a signal that arrived, or a negative errno.
int perch_signal_read(int fd);
/// Sends `state` to the service manager named by `path` (NOTIFY_SOCKET; a leading @ means the abstract namespace).
int perch_notify(const char *path, const char *state);

/// Waits until one of up to 16 descriptors is readable or has failed, or `nanoseconds` have passed (negative: forever). Regular files are
/// always readable; negative descriptors are left out. Returns which, by bits; 0 after time or a signal.
unsigned perch_wait_for_input(const int *fds, int count, int64_t nanoseconds);

// MARK: Memory

/// Returns the heap's free memory to the kernel, and lets it forget the pages of code that were used so far; those that are used again
/// are mapped again.
void perch_give_memory_back(void);
