import Wire

/// The packets that a stream sent last, by reference: the shared frame, and the few numbers with which this viewer's packet can be
/// written again. Memory does not grow with what the packets carry, nor with the number of viewers.
struct PacketHistory {
  /// One packet that was sent.
  struct Entry {
    var payload: Payload
    var sentAt: Instant
    /// When it was last asked for again and granted; means nothing while ``resends`` is 0.
    var resentAt = Instant(nanoseconds: 0)
    var sequenceNumber: UInt16
    var packetIndex: UInt16
    var transportSequence: UInt16?
    var numbers: PictureNumbers
    var resends: UInt8 = 0
  }

  enum Payload {
    case video(PacketisedVideoFrame)
    case audio(PacketisedAudioFrame)
  }

  private var entries: [Entry?]
  private let mask: Int

  /// - Parameter capacity: packets, a power of two; 0 keeps none.
  init(capacity: Int) {
    precondition(capacity >= 0 && capacity & (capacity - 1) == 0 && capacity <= 32_768, "a constant of ours")
    entries = Array(repeating: nil, count: capacity)
    mask = capacity - 1
  }

  /// Remembers a packet and forgets the one that was sent a full capacity earlier.
  mutating func append(_ entry: Entry) {
    guard !entries.isEmpty else { return }
    entries[Int(entry.sequenceNumber) & mask] = entry
  }

  /// The packet with this number, nil when it was never sent or is forgotten.
  subscript(sequenceNumber: UInt16) -> Entry? {
    guard !entries.isEmpty, let entry = entries[Int(sequenceNumber) & mask], entry.sequenceNumber == sequenceNumber
    else {
      return nil
    }
    return entry
  }

  /// Notes that the packet, which must be here, is about to be sent again.
  mutating func noteResend(of sequenceNumber: UInt16, now: Instant) {
    guard self[sequenceNumber] != nil else { return }
    entries[Int(sequenceNumber) & mask]?.resentAt = now
    entries[Int(sequenceNumber) & mask]?.resends &+= 1
  }
}
