internal import RTP
internal import Session
internal import Wire

/// One encoded picture stream for all viewers: passes frames on, decides when the encoder must make a keyframe, and keeps what a new
/// viewer needs to see a picture at once.
///
/// A keyframe may not be had more often than every 300 ms (``KeyframeRequests``). A viewer that comes within that time of the last one
/// gets that keyframe and the frames since, which are still here: it catches up in a few milliseconds instead of waiting.
struct Broadcast {
  /// Frames since the last keyframe, as long as they are worth sending: empty or beginning with a keyframe.
  private var recent: [PacketisedVideoFrame] = []
  private var requests = KeyframeRequests()

  /// More than this is no quick catching up any more: 300 ms at 60 frames a second, and some.
  private static let maximumRecent = 24

  /// When ``pollKeyframeRequest(now:)`` has something to say.
  var deadline: Instant? { requests.deadline }

  /// Whether the encoder is to be asked for a keyframe now.
  mutating func pollKeyframeRequest(now: Instant) -> Bool {
    requests.poll(now: now)
  }

  /// Sends a frame to everyone.
  mutating func send(
    _ frame: PacketisedVideoFrame, to sessions: some Sequence<Session>, now: Instant, wall: WallClock,
    into batch: inout DatagramBatch
  ) {
    remember(frame, now: now)
    for session in sessions {
      session.send(frame, now: now, wall: wall, into: &batch)
    }
  }

  private mutating func remember(_ frame: PacketisedVideoFrame, now: Instant) {
    if frame.isKeyframe {
      recent = [frame]
      requests.handleKeyframe(now: now)
    } else if recent.count == Self.maximumRecent
      || recent.first.map({ now - $0.captured > KeyframeRequests.minimumInterval }) ?? false
    {
      recent = []
    } else if !recent.isEmpty {
      recent.append(frame)
    }
  }

  /// A viewer needs a keyframe: sends it the last one with what came since, or asks the encoder for a new one.
  mutating func startPicture(for session: Session, now: Instant, wall: WallClock, into batch: inout DatagramBatch) {
    guard let keyframe = recent.first, now - keyframe.captured < KeyframeRequests.minimumInterval else {
      return requests.request(now: now)
    }
    for frame in recent {
      session.send(frame, now: now, wall: wall, into: &batch)
    }
  }

  /// A viewer that has had a picture lost it.
  mutating func requestKeyframe(now: Instant) {
    requests.request(now: now)
  }

  /// The source was put to sleep: what is here is old when it wakes.
  mutating func reset() {
    recent = []
  }
}
