package import Wire

/// Notes when the packets of a transport-wide numbering arrive, and tells the sender.
///
/// For each packet ``record(_:now:)``; at ``deadline`` ``writeFeedback(senderSSRC:mediaSSRC:now:into:)`` until it returns false.
package struct TransportFeedbackBuilder: Sendable {
  /// How often feedback leaves while packets arrive.
  package static let interval = Interval.milliseconds(50)
  /// Sequence numbers remembered; a gap that is larger is not reported on.
  package static let windowSize = 1024
  /// Sequence numbers in one feedback: with two bits and two bytes for each it stays below 1,000 bytes.
  package static let maximumStatuses = 400

  private var unwrapper = SequenceUnwrapper()
  private var window: [Instant?] = Array(repeating: nil, count: windowSize)
  /// All before is reported.
  private var next: Int64?
  private var highest: Int64 = 0
  private var feedbackCount: UInt8 = 0
  /// When feedback on what has arrived is due; nil when all is reported.
  package private(set) var deadline: Instant?

  package init() {}

  /// A packet arrived. Only the first arrival of each counts.
  package mutating func record(_ sequenceNumber: UInt16, now: Instant) {
    let sequenceNumber = unwrapper.unwrap(sequenceNumber)
    guard let next else {
      next = sequenceNumber
      highest = sequenceNumber
      window[Self.slot(sequenceNumber)] = now
      deadline = now + Self.interval
      return
    }
    if sequenceNumber > highest {
      let skipped = min(sequenceNumber &- highest, Int64(Self.windowSize))
      for offset in 0..<skipped { window[Self.slot(sequenceNumber &- offset)] = nil }
      highest = sequenceNumber
    } else if sequenceNumber <= highest &- Int64(Self.windowSize) || window[Self.slot(sequenceNumber)] != nil {
      return
    }
    window[Self.slot(sequenceNumber)] = now
    // One that was reported lost and comes late takes the report back to itself.
    self.next = max(min(next, sequenceNumber), highest &- Int64(Self.windowSize) &+ 1)
    if deadline == nil { deadline = now + Self.interval }
  }

  /// Writes one feedback packet on what has arrived and is not reported yet.
  /// - Returns: false, with nothing written, when all is reported.
  package mutating func writeFeedback(
    senderSSRC: UInt32, mediaSSRC: UInt32, now: Instant, into writer: inout ByteWriter
  ) -> Bool {
    guard let start = next, start <= highest else {
      deadline = nil
      return false
    }
    var feedback = TransportFeedback(
      senderSSRC: senderSSRC, mediaSSRC: mediaSSRC, baseSequenceNumber: UInt16(truncatingIfNeeded: start),
      statusCount: 0, referenceTime: 0, feedbackCount: feedbackCount, arrivals: [])
    var reference = Self.reference(of: now)  // stands when nothing in this range arrived
    var ticks: Int64 = 0
    var sequenceNumber = start
    let end = min(highest, start &+ Int64(Self.maximumStatuses) &- 1)
    while sequenceNumber <= end {
      if let arrival = window[Self.slot(sequenceNumber)] {
        let time = arrival.nanoseconds / TransportFeedback.tick.nanoseconds
        if feedback.arrivals.isEmpty { reference = Self.reference(of: arrival) }
        let offset = time &- reference &* TransportFeedback.ticksPerReferenceUnit
        // A pause of more than eight seconds does not fit: the packet after it opens the next feedback.
        guard Int16(exactly: offset &- ticks) != nil else { break }
        ticks = offset
        feedback.arrivals.append(
          .init(sequenceNumber: UInt16(truncatingIfNeeded: sequenceNumber), ticks: Int32(truncatingIfNeeded: offset)))
      }
      sequenceNumber &+= 1
    }
    feedback.statusCount = UInt16(truncatingIfNeeded: sequenceNumber &- start)
    feedback.referenceTime = Int32(truncatingIfNeeded: reference &<< 8) &>> 8
    feedback.write(into: &writer)
    feedbackCount &+= 1
    next = sequenceNumber
    deadline = sequenceNumber > highest ? nil : now
    return true
  }

  private static func reference(of instant: Instant) -> Int64 {
    instant.nanoseconds / TransportFeedback.tick.nanoseconds / TransportFeedback.ticksPerReferenceUnit
  }

  private static func slot(_ sequenceNumber: Int64) -> Int {
    Int(sequenceNumber & Int64(windowSize - 1))
  }
}
