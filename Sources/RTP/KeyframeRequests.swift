package import Wire

/// Turns any number of viewers' wishes for a keyframe into as few keyframes as do.
///
/// ```
///        request          poll → true
///  idle ────────► wanted ────────────► resting ──(interval over)──► idle
///                    ▲                    │ request: wanted, granted when the interval is over
///                    └────────────────────┘
/// ```
/// One for each encoder, on the thread of the sessions. Whoever gets true from ``poll(now:)`` asks the encoder.
package struct KeyframeRequests: Sendable {
  /// At least this long between two keyframes, whatever is asked: a keyframe costs as much as a dozen other frames, and viewers that
  /// ask again meanwhile mean the one that is on its way.
  package static let minimumInterval = Interval.milliseconds(300)

  private var wantedSince: Instant?
  private var lastKeyframe: Instant?

  package init() {}

  /// Somebody needs a keyframe: a new viewer, a PLI, a new FIR, or frames that had to be dropped.
  package mutating func request(now: Instant) {
    if wantedSince == nil { wantedSince = now }
  }

  /// The encoder made a keyframe on its own account: it serves whoever asked until now.
  package mutating func handleKeyframe(now: Instant) {
    wantedSince = nil
    lastKeyframe = now
  }

  /// Whether the encoder is to make a keyframe now. True once for each keyframe to be made.
  package mutating func poll(now: Instant) -> Bool {
    guard let deadline, deadline <= now else { return false }
    handleKeyframe(now: now)
    return true
  }

  /// When to call ``poll(now:)``: at once, or when the interval is over; nil when nobody wants a keyframe.
  package var deadline: Instant? {
    guard let wantedSince else { return nil }
    guard let lastKeyframe else { return wantedSince }
    return max(wantedSince, lastKeyframe + Self.minimumInterval)
  }
}
