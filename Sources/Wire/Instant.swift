/// A point on the monotonic clock (`CLOCK_MONOTONIC`), in nanoseconds.
///
/// The protocol core never reads a clock: every call that changes it is handed `now`. Differences and sums wrap instead of
/// trapping; 2⁶³ ns are 292 years, so a wrapped value can only come from an absurd input, never from the passage of time.
///
/// Like all of this target that others use for each packet it is `@usableFromInline`: without that the compiler ignores the `@inlinable`
/// of `package` functions, and calls them.
@usableFromInline
package struct Instant: Hashable, Comparable, Sendable {
  @usableFromInline package var nanoseconds: Int64

  @inlinable
  package init(nanoseconds: Int64) {
    self.nanoseconds = nanoseconds
  }

  /// Later than every time that a clock will show: "no deadline" where an optional would be in the way.
  package static let distantFuture = Instant(nanoseconds: .max)

  @inlinable
  package static func < (left: Instant, right: Instant) -> Bool {
    left.nanoseconds < right.nanoseconds
  }

  @inlinable
  package static func + (instant: Instant, interval: Interval) -> Instant {
    Instant(nanoseconds: instant.nanoseconds &+ interval.nanoseconds)
  }

  @inlinable
  package static func - (instant: Instant, interval: Interval) -> Instant {
    Instant(nanoseconds: instant.nanoseconds &- interval.nanoseconds)
  }

  @inlinable
  package static func - (later: Instant, earlier: Instant) -> Interval {
    Interval(nanoseconds: later.nanoseconds &- earlier.nanoseconds)
  }
}

/// A length of time in nanoseconds. The standard library's `Duration` counts attoseconds in 128 bits, which costs about
/// eighteen times as much and is never needed here.
@usableFromInline
package struct Interval: Hashable, Comparable, Sendable {
  @usableFromInline package var nanoseconds: Int64

  @inlinable
  package init(nanoseconds: Int64) {
    self.nanoseconds = nanoseconds
  }

  package static let zero = Interval(nanoseconds: 0)

  @inlinable
  package static func seconds(_ count: Int64) -> Interval {
    Interval(nanoseconds: count &* 1_000_000_000)
  }

  @inlinable
  package static func milliseconds(_ count: Int64) -> Interval {
    Interval(nanoseconds: count &* 1_000_000)
  }

  @inlinable
  package static func microseconds(_ count: Int64) -> Interval {
    Interval(nanoseconds: count &* 1_000)
  }

  @inlinable
  package static func nanoseconds(_ count: Int64) -> Interval {
    Interval(nanoseconds: count)
  }

  /// Whole milliseconds, rounded towards zero.
  @inlinable
  package var milliseconds: Int64 { nanoseconds / 1_000_000 }

  /// Whole microseconds, rounded towards zero.
  @inlinable
  package var microseconds: Int64 { nanoseconds / 1_000 }

  /// The same length in seconds, for statistics.
  @inlinable
  package var inSeconds: Double { Double(nanoseconds) / 1e9 }

  @inlinable
  package static func < (left: Interval, right: Interval) -> Bool {
    left.nanoseconds < right.nanoseconds
  }

  @inlinable
  package static func + (left: Interval, right: Interval) -> Interval {
    Interval(nanoseconds: left.nanoseconds &+ right.nanoseconds)
  }

  @inlinable
  package static func - (left: Interval, right: Interval) -> Interval {
    Interval(nanoseconds: left.nanoseconds &- right.nanoseconds)
  }

  @inlinable
  package static func * (interval: Interval, factor: Int64) -> Interval {
    Interval(nanoseconds: interval.nanoseconds &* factor)
  }

  @inlinable
  package static func / (interval: Interval, divisor: Int64) -> Interval {
    precondition(divisor > 0, "intervals are divided by constants of our own, never by a value from the wire")
    return Interval(nanoseconds: interval.nanoseconds / divisor)
  }
}

/// Wall-clock time in microseconds since 1 January 1970 UTC: sender reports, certificates, telemetry stamps. It may jump; nothing
/// but what is shown to people or peers is computed from it.
@usableFromInline
package struct WallClock: Hashable, Comparable, Sendable {
  @usableFromInline package var microseconds: Int64

  @inlinable
  package init(microseconds: Int64) {
    self.microseconds = microseconds
  }

  @inlinable
  package static func < (left: WallClock, right: WallClock) -> Bool {
    left.microseconds < right.microseconds
  }

  /// RFC 3550 §4: seconds since 1900 in the upper 32 bits, the fraction of a second in the lower 32.
  package var ntpTimestamp: UInt64 {
    let secondsFrom1900To1970: Int64 = 2_208_988_800
    let seconds = microseconds / 1_000_000
    let rest = microseconds % 1_000_000
    let fraction = UInt64(truncatingIfNeeded: rest &<< 32) / 1_000_000
    return UInt64(truncatingIfNeeded: seconds &+ secondsFrom1900To1970) &<< 32 | fraction
  }
}
