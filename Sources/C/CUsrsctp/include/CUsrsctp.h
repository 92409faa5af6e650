#pragma once

// What Swift cannot do with usrsctp by itself. The library's own functions are used directly.

#include <usrsctp.h>

#include <stddef.h>
#include <stdint.h>

/// Starts usrsctp without a thread for its timers: they run in usrsctp_handle_timers() alone. (One thread it starts all the same, the
/// "SCTP iterator"; it sleeps for ever, since nothing that we call gives it work.) (The debug callback is variadic, which
/// Swift cannot name.)
void perch_sctp_start(int (*output)(void *address, void *packet, size_t length, uint8_t tos, uint8_t set_df));

/// Fills in the CRC32c of an SCTP packet whose checksum field is zero (RFC 9260 §6.8), by the processor's instructions where it
/// has them. A packet shorter than the common header is left alone.
void perch_sctp_write_checksum(void *packet, size_t length);

/// Sets what usrsctp takes for the time of day, in microseconds, on this thread; 0 for the real one again.
///
/// usrsctp times packets by gettimeofday() while its timers run on the time that it is told. When the two disagree (the wall clock
/// is set back, or time is simulated) it holds lost packets for too young to be sent again, until the association dies. So this
/// library defines gettimeofday(), which comes before libc's for all shared libraries of the program, and behaves as that one does
/// except on a thread, and for as long, as a time has been set here.
void perch_sctp_set_time(int64_t microseconds);
