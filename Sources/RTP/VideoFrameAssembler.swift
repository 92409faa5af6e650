package import Wire

/// A complete video frame out of a stream of packets.
package struct AssembledVideoFrame: Equatable, Sendable {
  /// As the encoder made it.
  package var bytes: [UInt8]
  package var isKeyframe: Bool
  /// As on the wire.
  package var timestamp: UInt32
  /// 15 bits; nil when the sender gives none.
  package var pictureID: UInt16?
  /// Pixels; of keyframes only, zero otherwise.
  package var width: Int
  package var height: Int
  /// When the packet arrived that made it complete.
  package var completed: Instant
}

/// Puts VP8 frames together again from packets that may come late, twice, or never.
///
/// ```
///               keyframe's first packet             gap not closed in time, or bytes that are no VP8
///  searching ────────────────────────────► following ─────────────────────────────────────► searching
/// ```
/// Only frames that can be decoded come out, in order: it begins with a keyframe and skips nothing until the next. A packet in its
/// place goes straight into the frame; only those that come early are kept aside.
package struct VideoFrameAssembler: Sendable {
  /// How far a packet may be ahead of a missing one.
  package static let windowSize = 512
  /// How long a missing packet is waited for: a live view goes on with a keyframe rather than late.
  package static let maximumWait = Interval.milliseconds(500)
  /// Complete frames that wait to be polled; past it the oldest go, and with them all until a keyframe.
  package static let maximumReady = 16

  /// Frames that were begun and will never be complete, or could not be delivered.
  package private(set) var framesDropped: UInt64 = 0

  private struct Early {
    var sequenceNumber: Int64
    var timestamp: UInt32
    var marker: Bool
    var payload: [UInt8]
  }

  /// Nil while searching.
  private var next: Int64?
  private var highest: Int64 = .min
  private var waitingSince: Instant?
  private var early: [Early?] = Array(repeating: nil, count: windowSize)
  private var frame: AssembledVideoFrame?
  private var ready: [AssembledVideoFrame] = []
  private var firstReady = 0

  package init() {}

  /// Nothing can be shown until a keyframe comes.
  package var needsKeyframe: Bool { next == nil }

  /// Takes in one packet, in whatever order.
  package mutating func insert(_ packet: borrowing ReceivedPacket, now: Instant) {
    if let next, packet.sequenceNumber &- next >= Int64(Self.windowSize) {
      search(now: now)
    }
    if let next, packet.sequenceNumber < next { return }  // late or a duplicate
    if packet.sequenceNumber == next {
      consume(packet.payload, timestamp: packet.timestamp, marker: packet.marker, now: now)
      return drainEarly(now: now)
    }
    keep(packet)
    if next != nil {
      if waitingSince == nil { waitingSince = now }
    } else if Self.startsKeyframe(packet.payload) {
      follow(from: packet.sequenceNumber, now: now)
    }
  }

  /// The oldest complete frame; nil when there is none.
  package mutating func pollFrame() -> AssembledVideoFrame? {
    guard firstReady < ready.count else { return nil }
    let frame = ready[firstReady]
    firstReady += 1
    if firstReady == ready.count {
      ready.removeAll(keepingCapacity: true)
      firstReady = 0
    }
    return frame
  }

  /// When a missing packet will have been waited for long enough; nil when none misses.
  package var deadline: Instant? {
    waitingSince.map { $0 + Self.maximumWait }
  }

  /// Gives up a packet that has been waited for too long, and goes on with the next keyframe that is there.
  package mutating func handleTimeout(now: Instant) {
    guard let deadline, deadline <= now else { return }
    search(now: now)
  }

  /// The missing packet will not come: goes on with the next keyframe that is there.
  package mutating func giveUp(now: Instant) {
    guard waitingSince != nil else { return }
    search(now: now)
  }

  private mutating func consume(_ payload: RawSpan, timestamp: UInt32, marker: Bool, now: Instant) {
    next = next.map { $0 &+ 1 }
    guard payload.byteCount > 0 else { return }  // padding
    var reader = ByteReader(payload)
    guard let descriptor = try? VP8PayloadDescriptor(parsing: &reader), !reader.isAtEnd else { return lose() }
    if descriptor.startsPartition, descriptor.partition == 0 {
      // No packet misses, but the marker never came: the sender cut the frame short.
      if frame != nil { framesDropped &+= 1 }
      guard let header = try? VP8FrameHeader(parsing: Self.rest(of: payload, from: reader.offset)) else {
        return lose()
      }
      frame = AssembledVideoFrame(
        bytes: [], isKeyframe: header.isKeyframe, timestamp: timestamp, pictureID: descriptor.pictureID,
        width: Int(header.width), height: Int(header.height), completed: now)
    }
    guard let size = frame?.bytes.count, frame?.timestamp == timestamp,
      size &+ reader.remaining <= PacketisedVideoFrame.maximumFrameSize
    else { return lose() }
    reader.readRemaining().withUnsafeBytes { frame?.bytes.append(contentsOf: $0) }
    if marker { complete(now: now) }
  }

  private mutating func complete(now: Instant) {
    guard var frame else { return }
    self.frame = nil
    frame.completed = now
    guard ready.count &- firstReady < Self.maximumReady else {
      framesDropped &+= UInt64(truncatingIfNeeded: ready.count &- firstReady &+ 1)
      ready.removeAll(keepingCapacity: true)
      firstReady = 0
      return lose()
    }
    ready.append(frame)
  }

  private mutating func drainEarly(now: Instant) {
    while let next, let packet = take(next) {
      consume(packet.payload.span.bytes, timestamp: packet.timestamp, marker: packet.marker, now: now)
    }
    waitingSince = next.map { highest >= $0 } == true ? now : nil
  }

  /// What the stream brings until a keyframe begins cannot be shown.
  private mutating func lose() {
    if frame != nil { framesDropped &+= 1 }
    frame = nil
    next = nil
    waitingSince = nil
  }

  /// Leaves the present frame, and follows from the first keyframe among the packets kept.
  private mutating func search(now: Instant) {
    guard let missing = next else { return }
    lose()
    guard highest > missing else { return }
    for sequenceNumber in max(missing, highest &- Int64(Self.windowSize) &+ 1)...highest {
      guard let packet = early[Self.slot(sequenceNumber)], packet.sequenceNumber == sequenceNumber,
        Self.startsKeyframe(packet.payload.span.bytes)
      else { continue }
      return follow(from: sequenceNumber, now: now)
    }
  }

  private mutating func follow(from sequenceNumber: Int64, now: Instant) {
    next = sequenceNumber
    for slot in early.indices where early[slot].map({ $0.sequenceNumber < sequenceNumber }) == true {
      early[slot] = nil
    }
    drainEarly(now: now)
  }

  private mutating func keep(_ packet: borrowing ReceivedPacket) {
    highest = max(highest, packet.sequenceNumber)
    let slot = Self.slot(packet.sequenceNumber)
    if let present = early[slot], present.sequenceNumber >= packet.sequenceNumber { return }
    early[slot] = Early(
      sequenceNumber: packet.sequenceNumber, timestamp: packet.timestamp, marker: packet.marker,
      payload: packet.payload.copied())
  }

  private mutating func take(_ sequenceNumber: Int64) -> Early? {
    let slot = Self.slot(sequenceNumber)
    guard let packet = early[slot], packet.sequenceNumber == sequenceNumber else { return nil }
    early[slot] = nil
    return packet
  }

  private static func startsKeyframe(_ payload: RawSpan) -> Bool {
    var reader = ByteReader(payload)
    guard let descriptor = try? VP8PayloadDescriptor(parsing: &reader), descriptor.startsPartition,
      descriptor.partition == 0, let header = try? VP8FrameHeader(parsing: reader.readRemaining())
    else { return false }
    return header.isKeyframe
  }

  @_lifetime(copy payload)
  private static func rest(of payload: RawSpan, from offset: Int) -> RawSpan {
    payload.extracting(offset..<payload.byteCount)
  }

  private static func slot(_ sequenceNumber: Int64) -> Int {
    Int(sequenceNumber & Int64(windowSize - 1))
  }
}
