import Wire

/// The packets of one stream that have not arrived though later ones have: when to ask for each, and when to give up.
struct MissingPackets: Sendable {
  /// One that misses.
  private struct Missing {
    var sequenceNumber: Int64
    var since: Instant
    var askAt: Instant
    var requests = 0
  }

  /// More at once are not asked for: a keyframe is cheaper.
  static let maximumCount = 256
  /// Then the packet is given up.
  static let maximumRequests = 10
  static let maximumAge = Interval.seconds(1)  // senders keep no longer (RTPSendStream.maximumResendAge)
  /// Packets that overtake each other do so by less; asking at once would mostly ask in vain.
  static let reorderingDelay = Interval.milliseconds(2)
  /// Between two requests for a packet: one round trip, but at least this.
  static let minimumRetryInterval = Interval.milliseconds(5)

  /// Ascending.
  private var missing: [Missing] = []
  private var highest: Int64?
  private var hasGivenUp = false

  /// A packet came, by whatever way.
  mutating func receive(_ sequenceNumber: Int64, now: Instant) {
    guard let highest else {
      self.highest = sequenceNumber
      return
    }
    guard sequenceNumber > highest else {
      if let index = missing.firstIndex(where: { $0.sequenceNumber >= sequenceNumber }),
        missing[index].sequenceNumber == sequenceNumber
      {
        missing.remove(at: index)
      }
      return
    }
    self.highest = sequenceNumber
    let gap = sequenceNumber &- highest &- 1
    guard gap <= Self.maximumCount &- missing.count else {
      missing.removeAll(keepingCapacity: true)
      hasGivenUp = true
      return
    }
    for offset in 0..<gap {
      missing.append(
        Missing(sequenceNumber: highest &+ 1 &+ offset, since: now, askAt: now + Self.reorderingDelay))
    }
  }

  /// What to ask for now, ascending; moves each on to its next time.
  mutating func poll(roundTripTime: Interval, now: Instant) -> [UInt16] {
    guard let deadline, deadline <= now else { return [] }
    let countBefore = missing.count
    missing.removeAll { ($0.requests >= Self.maximumRequests && $0.askAt <= now) || now - $0.since > Self.maximumAge }
    if missing.count < countBefore { hasGivenUp = true }
    var due: [UInt16] = []
    for index in missing.indices where missing[index].askAt <= now {
      due.append(UInt16(truncatingIfNeeded: missing[index].sequenceNumber))
      missing[index].requests += 1
      missing[index].askAt = now + max(roundTripTime, Self.minimumRetryInterval)
    }
    return due
  }

  /// Whether packets have been given up since the last call: only a keyframe heals that.
  mutating func takeLoss() -> Bool {
    defer { hasGivenUp = false }
    return hasGivenUp
  }

  /// Forgets everything that is older: the receiver goes on from here.
  mutating func removeAll(before sequenceNumber: Int64) {
    missing.removeAll { $0.sequenceNumber < sequenceNumber }
  }

  /// When something is to be asked for.
  var deadline: Instant? {
    missing.lazy.map(\.askAt).min()
  }
}
