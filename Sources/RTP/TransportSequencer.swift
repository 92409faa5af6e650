package import Wire

/// The one numbering of all packets of a session (draft-holmer-rmcat-transport-wide-cc-extensions-01), and what became of them.
///
/// For each packet: ``allocate(now:)``, write, encrypt, ``setSize(_:of:)``. Nothing allocates but the growth of a result's array.
package struct TransportSequencer: Sendable {
  /// Packets remembered: 8 s at 1 Mbit/s, most of a second at 10. Feedback comes every 50 to 250 ms.
  package static let historyCapacity = 1024

  private struct Sent {
    var at: Instant
    var sequenceNumber: UInt16
    var size: UInt16
    var fate: Fate
  }

  private enum Fate: UInt8 {
    case never  // the slot is empty
    case unknown
    case lost
    case arrived
  }

  private var next: UInt16
  private var ring: [Sent]
  private var lastReference: Int64?

  /// - Parameter first: any number; 0 and random ones are both in use.
  package init(first: UInt16 = 0) {
    next = first
    ring = Array(
      repeating: Sent(at: Instant(nanoseconds: 0), sequenceNumber: 0, size: 0, fate: .never),
      count: Self.historyCapacity)
  }

  /// The number for the packet that is written next.
  package mutating func allocate(now: Instant) -> UInt16 {
    defer { next &+= 1 }
    ring[Self.slot(next)] = Sent(at: now, sequenceNumber: next, size: 0, fate: .unknown)
    return next
  }

  /// Tells how large the packet became.
  /// - Parameter size: bytes of the datagram.
  package mutating func setSize(_ size: Int, of sequenceNumber: UInt16) {
    guard ring[Self.slot(sequenceNumber)].sequenceNumber == sequenceNumber else { return }
    ring[Self.slot(sequenceNumber)].size = UInt16(clamping: size)
  }

  /// Finds the packets that a feedback tells something new about. Reports on packets that were never sent, are forgotten, or are
  /// known to have arrived are passed over; a packet reported lost may be reported as arrived later.
  /// - Parameter result: emptied first; its memory is reused.
  package mutating func match(_ feedback: TransportFeedback, into result: inout TransportFeedbackResult) {
    result.packets.removeAll(keepingCapacity: true)
    let reference = unwrap(feedback.referenceTime)
    var arrivals = feedback.arrivals.makeIterator()
    var arrival = arrivals.next()
    // More than the history holds cannot be meant.
    for offset in 0..<min(feedback.statusCount, UInt16(Self.historyCapacity)) {
      let sequenceNumber = feedback.baseSequenceNumber &+ offset
      var arrivedAt: Interval?
      if let found = arrival, found.sequenceNumber == sequenceNumber {
        let ticks = reference &* TransportFeedback.ticksPerReferenceUnit &+ Int64(found.ticks)
        arrivedAt = TransportFeedback.tick * ticks
        arrival = arrivals.next()
      }
      let slot = Self.slot(sequenceNumber)
      guard ring[slot].sequenceNumber == sequenceNumber else { continue }
      switch (ring[slot].fate, arrivedAt) {
      case (.never, _), (.arrived, _), (.lost, nil): continue
      case (.unknown, nil): ring[slot].fate = .lost
      case (.unknown, .some), (.lost, .some): ring[slot].fate = .arrived
      }
      result.packets.append(
        .init(
          sequenceNumber: sequenceNumber, sentAt: ring[slot].at, size: Int(ring[slot].size), arrivedAt: arrivedAt))
    }
  }

  /// The reference time nearest to the last one: 24 bits of 64 ms wrap in twelve days.
  private mutating func unwrap(_ reference: Int32) -> Int64 {
    let reference = Int64(reference)
    guard let last = lastReference else {
      lastReference = reference
      return reference
    }
    let step = Int32(truncatingIfNeeded: (reference &- last) &<< 8) &>> 8
    let unwrapped = last &+ Int64(step)
    lastReference = max(last, unwrapped)
    return unwrapped
  }

  private static func slot(_ sequenceNumber: UInt16) -> Int {
    Int(sequenceNumber) & (historyCapacity - 1)
  }
}

/// What one feedback told that was not known before.
package struct TransportFeedbackResult: Sendable {
  /// In the order of sequence numbers.
  package internal(set) var packets: [Packet] = []

  /// The fate of one packet.
  package struct Packet: Hashable, Sendable {
    package var sequenceNumber: UInt16
    package var sentAt: Instant
    /// Bytes of the datagram.
    package var size: Int
    /// On the receiver's clock, whose zero nobody knows: only differences mean something. Nil when the packet has not arrived.
    package var arrivedAt: Interval?
  }

  package init() {}

  /// Packets reported as lost, of those that the feedback told of, 0 to 1; nil when it told of none.
  package var lossFraction: Double? {
    guard !packets.isEmpty else { return nil }
    return Double(packets.count { $0.arrivedAt == nil }) / Double(packets.count)
  }

  /// Bits a second between the first and the last arrival. Nil when fewer than two arrived, or all at once.
  package var receivedBitrate: Double? {
    var bytes = 0
    var first: (at: Interval, size: Int)?
    var last = Interval.zero
    for packet in packets {
      guard let at = packet.arrivedAt else { continue }
      bytes += packet.size
      last = first == nil ? at : max(last, at)
      if first == nil || at < first!.at { first = (at, packet.size) }
    }
    guard let first, first.at < last else { return nil }
    // The first packet's bytes came before the span that is measured.
    return Double(bytes - first.size) * 8 / (last - first.at).inSeconds
  }
}
