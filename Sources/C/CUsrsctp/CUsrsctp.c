#include "CUsrsctp.h"

#include <string.h>
#include <sys/time.h>
#include <time.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif
#endif

void perch_sctp_start(int (*output)(void *, void *, size_t, uint8_t, uint8_t)) {
  usrsctp_init_nothreads(0, output, NULL);
}

static _Thread_local int64_t time_of_day;

void perch_sctp_set_time(int64_t microseconds) { time_of_day = microseconds; }

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  if (zone != NULL) memset(zone, 0, sizeof(struct timezone));  // as libc on Linux does
  if (time_of_day != 0) {
    now->tv_sec = time_of_day / 1000000;
    now->tv_usec = time_of_day % 1000000;
    return 0;
  }
  struct timespec real;
  if (clock_gettime(CLOCK_REALTIME, &real) != 0) return -1;
  now->tv_sec = real.tv_sec;
  now->tv_usec = real.tv_nsec / 1000;
  return 0;
}

// usrsctp computes CRC32c by tables, 1.1 µs for a full packet of 1,160 bytes on x86-64; with these instructions, 0.14 µs.
#if defined(__x86_64__)
static int has_crc32c(void) { return __builtin_cpu_supports("sse4.2"); }

__attribute__((target("sse4.2"))) static uint32_t crc32c(const uint8_t *bytes, size_t length) {
  uint64_t crc = 0xffffffff;
  for (; length >= 8; bytes += 8, length -= 8) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    crc = _mm_crc32_u64(crc, word);
  }
  uint32_t rest = (uint32_t)crc;
  while (length-- > 0) rest = _mm_crc32_u8(rest, *bytes++);
  return ~rest;
}
#elif defined(__aarch64__)
static int has_crc32c(void) { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }

__attribute__((target("crc"))) static uint32_t crc32c(const uint8_t *bytes, size_t length) {
  uint32_t crc = 0xffffffff;
  for (; length >= 8; bytes += 8, length -= 8) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    crc = __crc32cd(crc, word);
  }
  while (length-- > 0) crc = __crc32cb(crc, *bytes++);
  return ~crc;
}
#else
static int has_crc32c(void) { return 0; }
static uint32_t crc32c(const uint8_t *bytes, size_t length) { return 0; }
#endif

void perch_sctp_write_checksum(void *packet, size_t length) {
  if (length < sizeof(struct sctp_common_header)) return;
  // Both give the value as it lies in memory: RFC 9260 appendix A sends the low byte first, and both processors above are
  // little-endian.
  uint32_t checksum = has_crc32c() ? crc32c(packet, length) : usrsctp_crc32c(packet, length);
  memcpy((uint8_t *)packet + offsetof(struct sctp_common_header, crc32c), &checksum, sizeof checksum);
}
