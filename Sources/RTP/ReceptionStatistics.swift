import Wire

/// Counts what arrives of one stream as RFC 3550 appendix A does: A.1 sequence numbers, A.3 losses, A.8 jitter.
///
/// Departure from A.1: no probation. The packets have been authenticated by SRTP, so the first one is as good as the third.
struct ReceptionStatistics: Sendable {
  /// Highest sequence number received, wraps counted; nil before the first packet.
  private(set) var highest: Int64?
  /// Packets received, late ones and duplicates included (RFC 3550 §6.4.1).
  private(set) var received: Int64 = 0

  private var base: Int64 = 0
  private var expectedBefore: Int64 = 0
  private var receivedBefore: Int64 = 0
  /// The number after a jump that waits for a second witness.
  private var suspect: UInt16?
  private var lastTransit: Int64?
  /// In 16ths of a tick.
  private var scaledJitter: Int64 = 0

  private static let maximumDropout: Int64 = 3000  // RFC 3550 A.1
  /// RFC 3550 A.1 says 100, but a packet that is sent again without RTX comes as late as the sender's history is long.
  private static let maximumMisorder: Int64 = 1000

  /// Takes in one packet.
  /// - Returns: its sequence number with the wraps counted, which only ever grows over a restart of the sender; nil for a jump that
  ///   no second packet has confirmed yet.
  mutating func receive(_ header: RTPHeader, clock: RTPClock, now: Instant) -> Int64? {
    guard let sequenceNumber = place(header.sequenceNumber) else { return nil }
    received &+= 1
    let arrival = clock.ticks(in: Interval(nanoseconds: now.nanoseconds))
    let transit = Int64(Int32(truncatingIfNeeded: arrival &- Int64(header.timestamp)))
    if let lastTransit {
      let distance = Int64(Int32(truncatingIfNeeded: transit &- lastTransit)).magnitude
      scaledJitter &+= Int64(truncatingIfNeeded: distance) &- ((scaledJitter &+ 8) &>> 4)
    }
    lastTransit = transit
    return sequenceNumber
  }

  private mutating func place(_ sequenceNumber: UInt16) -> Int64? {
    guard let highest else {
      restart(at: Int64(sequenceNumber))
      return Int64(sequenceNumber)
    }
    let extended = Self.extend(sequenceNumber, near: highest)
    if extended > highest &+ Self.maximumDropout || extended <= highest &- Self.maximumMisorder {
      guard sequenceNumber == suspect else {
        suspect = sequenceNumber &+ 1
        return nil
      }
      // Two in sequence: the sender has begun anew. One wrap is added where needed, for the number to go on growing.
      let next = extended > highest ? extended : extended &+ 0x1_0000
      restart(at: next)
      return next
    }
    suspect = nil
    self.highest = max(highest, extended)
    return extended
  }

  /// Where a sequence number lies that came by another way (RTX); nil before the first packet.
  func extend(_ sequenceNumber: UInt16) -> Int64? {
    highest.map { Self.extend(sequenceNumber, near: $0) }
  }

  private static func extend(_ sequenceNumber: UInt16, near highest: Int64) -> Int64 {
    highest &+ Int64(Int16(truncatingIfNeeded: Int64(sequenceNumber) &- highest))
  }

  private mutating func restart(at sequenceNumber: Int64) {
    base = sequenceNumber
    highest = sequenceNumber
    received = 0
    expectedBefore = 0
    receivedBefore = 0
    suspect = nil
    lastTransit = nil
  }

  /// Negative when duplicates outnumber losses.
  var cumulativeLost: Int64 {
    guard let highest else { return 0 }
    return highest &- base &+ 1 &- received
  }

  /// In ticks.
  var jitter: UInt32 { UInt32(clamping: scaledJitter &>> 4) }

  /// The report's fields that count packets; begins a new interval for the fraction lost.
  mutating func makeReport(ssrc: UInt32) -> ReportBlock? {
    guard let highest else { return nil }
    let expected = highest &- base &+ 1
    let expectedNow = expected &- expectedBefore
    let lostNow = expectedNow &- (received &- receivedBefore)
    expectedBefore = expected
    receivedBefore = received
    let fraction = expectedNow > 0 && lostNow > 0 ? UInt8(clamping: lostNow &<< 8 / expectedNow) : 0
    return ReportBlock(
      ssrc: ssrc, fractionLost: fraction,
      cumulativeLost: Int32(truncatingIfNeeded: min(max(cumulativeLost, -0x80_0000), 0x7F_FFFF)),
      highestSequenceNumber: UInt32(truncatingIfNeeded: highest), jitter: jitter, lastSenderReport: 0,
      delaySinceLastSenderReport: 0)
  }
}
