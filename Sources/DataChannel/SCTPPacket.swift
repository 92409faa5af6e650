import Wire

/// What can be learnt from an SCTP packet without being a party to the association (RFC 9260 §3).
///
/// Packets from the peer must pass this before usrsctp sees them: it is old C with a large surface, most of which data channels
/// never use. Only the chunks that WebRTC peers send get in, and only whole ones. The same reading of packets on their way out
/// tells when usrsctp waits for something, since it has no way to ask.
struct SCTPPacket {
  /// Some chunk is DATA, so the receiver owes an acknowledgement.
  private(set) var carriesData = false
  /// The newest transmission sequence number among the DATA chunks.
  private(set) var newestTSN: UInt32 = 0
  /// How many DATA chunks are the last, or only, ones of a message and have not been sent before.
  private(set) var messagesEnded = 0
  /// What a SACK chunk acknowledges.
  private(set) var cumulativeAcknowledgement: UInt32?
  /// What a FORWARD TSN chunk gives up (RFC 3758 §3.2).
  private(set) var forwardedTSN: UInt32?
  /// Some DATA chunk is a part of an unordered message.
  private(set) var carriesUnorderedFragment = false
  /// Where, from the start of the packet, the DATA chunk is that usrsctp may stumble over: see ``ForwardedGap``.
  private(set) var offsetAfterForwarded: Int?
  /// INIT: the start, or the restart, of an association.
  private(set) var isInitiation = false

  static let headerSize = 12
  /// A DTLS record's plaintext (RFC 6347 §4.1): nothing longer can come out of one.
  static let maximumSize = 1 << 14

  /// RFC 4820: a chunk that is skipped.
  static let paddingChunk: UInt8 = 132

  private enum ChunkType {
    static let data: UInt8 = 0
    static let initiation: UInt8 = 1
    static let initiationAcknowledgement: UInt8 = 2
    static let selectiveAcknowledgement: UInt8 = 3
    static let shutdownComplete: UInt8 = 14
    static let reconfiguration: UInt8 = 130
    static let forwardTSN: UInt8 = 192
  }

  /// Reads a packet. Throws for everything that usrsctp need not see.
  /// - Parameters:
  ///   - forwarded: the newest ``forwardedTSN`` of earlier packets.
  ///   - newestBefore: the newest ``newestTSN`` of earlier packets: what is not newer has been sent before.
  init(
    parsing bytes: RawSpan, localPort: UInt16, remotePort: UInt16, forwarded: UInt32? = nil, newestBefore: UInt32? = nil
  ) throws(ParseError) {
    var reader = ByteReader(bytes)
    guard bytes.byteCount <= Self.maximumSize else { throw .malformed("SCTP packet size") }
    let source = try reader.readUInt16()
    let destination = try reader.readUInt16()
    guard source == remotePort, destination == localPort else { throw .malformed("SCTP port") }
    try reader.skip(8)  // verification tag and checksum: usrsctp's to judge
    guard !reader.isAtEnd else { throw .truncated }
    while !reader.isAtEnd {
      try parseChunk(&reader, forwarded: forwarded, newestBefore: newestBefore)
    }
  }

  private mutating func parseChunk(
    _ reader: inout ByteReader, forwarded: UInt32?, newestBefore: UInt32?
  ) throws(ParseError) {
    let start = reader.offset
    let isFirst = start == Self.headerSize
    let type = try reader.readUInt8()
    let flags = try reader.readUInt8()
    let length = Int(try reader.readUInt16())
    guard length >= 4 else { throw .malformed("SCTP chunk length") }
    var value = ByteReader(try reader.read(length &- 4))
    // RFC 9260 §3.2: padded to four bytes; the padding of the last chunk is sometimes left out.
    try reader.skip(min((4 &- length & 3) & 3, reader.remaining))
    switch type {
    case ChunkType.data:
      let tsn = try value.readUInt32()
      try value.skip(8)
      guard !value.isAtEnd else { throw .malformed("DATA without data") }
      if !carriesData || tsn.isNewer(than: newestTSN) { newestTSN = tsn }
      carriesData = true
      if flags & 0b001 != 0, newestBefore.map({ tsn.isNewer(than: $0) }) ?? true { messagesEnded += 1 }
      switch flags & 0b111 {
      case 0b111: if let gap = forwardedTSN ?? forwarded, tsn == gap &+ 1 { offsetAfterForwarded = start }
      case 0b100...: carriesUnorderedFragment = true
      default: break
      }
    case ChunkType.selectiveAcknowledgement:
      cumulativeAcknowledgement = try value.readUInt32()
      try value.skip(4)
      let gaps = Int(try value.readUInt16())
      let duplicates = Int(try value.readUInt16())
      guard value.remaining == 4 &* (gaps &+ duplicates) else { throw .malformed("SACK length") }
    case ChunkType.initiation, ChunkType.initiationAcknowledgement:
      // RFC 9260 §6.10: never bundled.
      guard isFirst, reader.isAtEnd else { throw .malformed("INIT") }
      try value.skip(16)
      // usrsctp 0.9.5 loops for ever over a parameter of length 0 here, and would take further addresses for those of paths.
      try Self.checkParameters(&value) { ![5, 6, 11].contains($0) }
      isInitiation = type == ChunkType.initiation
    case ChunkType.shutdownComplete:
      guard isFirst, reader.isAtEnd else { throw .malformed("SHUTDOWN COMPLETE") }
    case ChunkType.forwardTSN:
      forwardedTSN = try value.readUInt32()
      guard value.remaining & 3 == 0 else { throw .malformed("FORWARD TSN length") }
    case ChunkType.reconfiguration:
      guard !value.isAtEnd else { throw .truncated }
      try Self.checkParameters(&value) { (13...18).contains($0) }
    case 4, 5, 6, 9:  // heartbeats, ABORT, ERROR
      try Self.checkParameters(&value) { _ in true }
    case 7, 8, 10, 11, Self.paddingChunk:  // SHUTDOWN and its ACK, cookies
      break
    default:
      // AUTH, ASCONF, ECN, I-DATA, NR-SACK, PKTDROP: none is negotiated, so none is owed an answer.
      throw .malformed("SCTP chunk type")
    }
  }

  /// RFC 9260 §3.2.1: type, length and value, padded to four bytes, until the end of the chunk.
  private static func checkParameters(_ value: inout ByteReader, isKnown: (UInt16) -> Bool) throws(ParseError) {
    while !value.isAtEnd {
      let type = try value.readUInt16()
      let length = Int(try value.readUInt16())
      guard length >= 4, isKnown(type) else { throw .malformed("SCTP parameter") }
      try value.skip(length &- 4)
      try value.skip(min((4 &- length & 3) & 3, value.remaining))
    }
  }
}

/// Knows, from the packets that pass, whether usrsctp has a timer running that matters, so that nobody wakes up for nothing.
struct SCTPTimers {
  /// When the delayed acknowledgement of data that came in must leave, at the latest.
  private(set) var acknowledgementDue: Instant?
  /// When a packet last went either way.
  private(set) var lastPacket = Instant(nanoseconds: 0)
  private(set) var newestSent: UInt32?
  private var acknowledged: UInt32?

  /// Data has been sent that the peer has not acknowledged: the retransmission timer runs.
  var awaitsAcknowledgement: Bool {
    guard let newestSent else { return false }
    guard let acknowledged else { return true }
    return newestSent.isNewer(than: acknowledged)
  }

  mutating func noteReceived(_ packet: SCTPPacket, now: Instant) {
    lastPacket = now
    if packet.carriesData, acknowledgementDue == nil {
      acknowledgementDue = now + SCTPStack.acknowledgementDelay + .milliseconds(1)  // usrsctp counts whole milliseconds
    }
    if let cumulative = packet.cumulativeAcknowledgement, acknowledged.map({ cumulative.isNewer(than: $0) }) ?? true {
      acknowledged = cumulative
    }
  }

  mutating func noteSent(_ packet: SCTPPacket, now: Instant) {
    lastPacket = now
    if packet.cumulativeAcknowledgement != nil { acknowledgementDue = nil }
    if packet.carriesData, newestSent.map({ packet.newestTSN.isNewer(than: $0) }) ?? true {
      newestSent = packet.newestTSN
    }
  }

  /// After usrsctp's timers have run at `now`: what was due has been sent, or was never owed.
  mutating func noteTimersRan(now: Instant) {
    if let due = acknowledgementDue, due <= now { acknowledgementDue = nil }
  }
}

/// Keeps usrsctp 0.9.5 from aborting the association over a message that is in order.
///
/// After a FORWARD TSN, parts of unordered messages may be left over. A whole unordered message that comes next, with the very
/// next TSN, is then taken for one of them without its end: "missing end for MID" (mended in usrsctp in 2021, after 0.9.5).
/// Such a message is withheld as if it had been lost. Where the peer gives up on messages, as it just has, it gives up on this one;
/// where it repeats them, what was left over may be complete by then. After a few times the message is let through, come what may.
struct ForwardedGap {
  private(set) var forwarded: UInt32?
  private var hasSeenFragments = false
  private var withheld = 0

  private static let maximumWithheld = 5

  /// Whether the chunk at ``SCTPPacket/offsetAfterForwarded`` must not get in.
  mutating func withholds(_ packet: SCTPPacket) -> Bool {
    if packet.carriesUnorderedFragment { hasSeenFragments = true }
    if let newer = packet.forwardedTSN, forwarded.map({ newer.isNewer(than: $0) }) ?? true {
      forwarded = newer
      withheld = 0
    }
    guard hasSeenFragments, packet.offsetAfterForwarded != nil, withheld < Self.maximumWithheld else { return false }
    withheld += 1
    return true
  }
}
