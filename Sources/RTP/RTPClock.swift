package import Wire

/// The media clock of a stream: turns monotonic time into RTP timestamps.
///
/// Timestamps made by ``timestamp(at:)`` are a pure function of the monotonic clock, so all sources of one board share a time line;
/// a stream adds its own random offset (RFC 3550 §5.1) when it writes.
package struct RTPClock: Hashable, Sendable {
  /// Ticks a second.
  package let rate: UInt32

  /// - Parameter rate: ticks a second, from the payload format; never from the wire.
  package init(rate: UInt32) {
    self.rate = rate
  }

  /// All video payload formats (RFC 7741 §4.1).
  package static let video = RTPClock(rate: 90_000)
  /// RFC 7587 §4.1: 48 kHz whatever the sampling rate.
  package static let opus = RTPClock(rate: 48_000)

  /// Whole ticks in `interval`, rounded towards zero.
  package func ticks(in interval: Interval) -> Int64 {
    // Seconds and the rest are taken apart: nanoseconds times the rate would leave 64 bits after half a day of uptime.
    let (seconds, rest) = interval.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    return seconds &* Int64(rate) &+ rest &* Int64(rate) / 1_000_000_000
  }

  /// How long `ticks` are.
  package func interval(ofTicks ticks: Int64) -> Interval {
    let rate = max(Int64(rate), 1)
    let (seconds, rest) = ticks.quotientAndRemainder(dividingBy: rate)
    return Interval(nanoseconds: seconds &* 1_000_000_000 &+ rest &* 1_000_000_000 / rate)
  }

  /// The timestamp at `instant`, before a stream's own offset.
  package func timestamp(at instant: Instant) -> UInt32 {
    UInt32(truncatingIfNeeded: ticks(in: Interval(nanoseconds: instant.nanoseconds)))
  }
}
