// libwebsockets as we use it: sockets, timers and wake-ups on one thread, bytes in and out ("raw" role). Its own header stays out of
// Swift: it brings OpenSSL's with it and changes from version to version.
//
// Why raw, and not its HTTP role: HTTPServer.swift says.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct perch_web;
/// A listening socket or a connection. Valid until its `perch_web_closed` event returns.
struct perch_web_socket;

enum perch_web_event {
    perch_web_acceptable, // a listening socket has connections to accept
    perch_web_received,   // bytes came
    perch_web_writable,   // asked for by perch_web_want_write
    perch_web_expired,    // the time of perch_web_set_timer is over
    perch_web_closed      // the last event of a socket
};

/// Called on the thread that is in `perch_web_service` or `perch_web_free`. A negative result closes the connection.
typedef int perch_web_handler(void *owner, uint64_t token, enum perch_web_event event, const void *bytes, size_t count);
/// Called with an error message of the library, without a line end.
typedef void perch_web_logger(const char *line);

/// `descriptors`: how many sockets there can be at once; the library's tables are sized by it. NULL when there is no memory or descriptor.
struct perch_web *perch_web_make(unsigned descriptors, perch_web_handler *, void *owner, perch_web_logger *);
/// Closes what is open, which calls the handler.
void perch_web_free(struct perch_web *);
/// Waits until something happens and handles it. Negative when the loop cannot go on.
int perch_web_service(struct perch_web *);
/// Makes `perch_web_service` return. From any thread.
void perch_web_wake(struct perch_web *);

/// `accept4` with close-on-exec and non-blocking: not declared to Swift.
int perch_web_accept(int listener, struct sockaddr *client, socklen_t *length);

/// Takes over a listening socket and watches it; false (and not taken) when the table is full.
_Bool perch_web_watch(struct perch_web *, int fd, uint64_t token);
/// Takes over a connected socket, in any case; NULL (and closed) when the table is full.
struct perch_web_socket *perch_web_adopt(struct perch_web *, int fd, uint64_t token);

void perch_web_want_write(struct perch_web_socket *);
/// Sends; what the kernel does not take is kept and goes before the next `perch_web_writable`. Negative: the connection is gone.
int perch_web_write(struct perch_web_socket *, const void *bytes, size_t count);
/// Whether something of the last write is still kept.
_Bool perch_web_is_flushing(struct perch_web_socket *);
/// Ends our direction of the connection.
void perch_web_finish(struct perch_web_socket *);
/// Makes the close of the connection a reset, which frees at once what the kernel still holds for a client that does not read.
void perch_web_abandon(struct perch_web_socket *);
/// Closes a connection, which calls the handler. Not from a handler's call for the same connection.
void perch_web_close(struct perch_web_socket *);
/// Stops or resumes `perch_web_received`.
void perch_web_set_reading(struct perch_web_socket *, _Bool);
/// One timer a socket; a new time replaces the old one, a negative one stops it.
void perch_web_set_timer(struct perch_web_socket *, int64_t microseconds);
