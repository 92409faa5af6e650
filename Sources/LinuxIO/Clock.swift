internal import Glibc
package import Wire

/// The clocks of the machine. Only loops and device threads read them; they hand what they read to the core.
package enum Clock {
  /// `CLOCK_MONOTONIC`, the clock of every deadline and of V4L2's and ALSA's timestamps.
  package static func now() -> Instant {
    Instant(nanoseconds: read(CLOCK_MONOTONIC))
  }

  /// `CLOCK_REALTIME`, for what people and peers are shown.
  package static func wall() -> WallClock {
    WallClock(microseconds: read(CLOCK_REALTIME) / 1_000)
  }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}
