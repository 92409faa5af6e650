import Wire

/// Puts a fragmented ClientHello together into one record, since mbedTLS as server refuses one in pieces: browsers' are about
/// 1,450 bytes long, for their post-quantum key shares, and come in two datagrams.
///
/// Every fragment is from somebody unknown; what is kept is one message at a time, bounded in size, pieces and age.
struct ClientHelloAssembly {
  /// What fits mbedTLS's record buffer together with the header of the message.
  static let maximumLength = 16384 - handshakeHeaderLength
  /// Pieces of 512 bytes, the least that anybody sends, would need 32.
  static let maximumFragments = 64
  /// A sender that is heard of no sooner has sent the whole again meanwhile.
  static let maximumAge = Interval.seconds(10)

  private static let handshakeHeaderLength = 12
  private static let clientHello: UInt8 = 1

  private var started = Instant(nanoseconds: 0)
  private var messageSequence: UInt16 = 0
  private var message: [UInt8] = []
  /// The bytes of the message that have come: disjoint, in order, never touching.
  private var received: [Range<Int>] = []
  private var fragments = 0

  /// Whether a plaintext handshake record with this body begins with (a piece of) a ClientHello.
  static func concerns(_ body: RawSpan) -> Bool {
    body.byte(at: 0) == clientHello
  }

  /// Takes the body of a record; returns the record that holds the whole ClientHello once it is there.
  mutating func add(_ body: RawSpan, of header: RecordHeader, now: Instant) -> [UInt8]? {
    var reader = ByteReader(body)
    var record: [UInt8]?
    while !reader.isAtEnd {
      guard let fragment = try? Fragment(parsing: &reader) else { break }
      let bytes = body.extracting(fragment.bodyRange)
      if let whole = add(fragment, bytes, header, now) { record = whole }
    }
    return record
  }

  private struct Fragment {
    var length: Int
    var sequence: UInt16
    /// Where it belongs in the message.
    var range: Range<Int>
    /// Where it lies in the record.
    var bodyRange: Range<Int>

    /// RFC 6347 §4.2.2.
    @_lifetime(reader: copy reader)
    init(parsing reader: inout ByteReader) throws(ParseError) {
      guard try reader.readUInt8() == ClientHelloAssembly.clientHello else { throw .malformed("not a ClientHello") }
      length = Int(try reader.readUInt24())
      sequence = try reader.readUInt16()
      let offset = Int(try reader.readUInt24())
      let count = Int(try reader.readUInt24())
      guard length > 0, length <= ClientHelloAssembly.maximumLength, count > 0, offset &+ count <= length else {
        throw .malformed("fragment of a ClientHello")
      }
      range = offset..<(offset &+ count)
      bodyRange = reader.offset..<(reader.offset &+ count)
      try reader.skip(count)
    }
  }

  private mutating func add(_ fragment: Fragment, _ bytes: RawSpan, _ header: RecordHeader, _ now: Instant) -> [UInt8]?
  {
    if fragment.range == 0..<fragment.length {
      reset()
      return record(header, fragment.sequence, bytes.copied())
    }
    if message.count != fragment.length || messageSequence != fragment.sequence || fragments >= Self.maximumFragments
      || now - started > Self.maximumAge
    {
      reset()
      started = now
      messageSequence = fragment.sequence
      message = [UInt8](repeating: 0, count: fragment.length)
    }
    fragments += 1
    message.replaceSubrange(fragment.range, with: bytes.copied())
    insert(fragment.range)
    guard received == [0..<fragment.length] else { return nil }
    let whole = record(header, messageSequence, message)
    reset()
    return whole
  }

  private mutating func insert(_ range: Range<Int>) {
    var joined = range
    received.removeAll { other in
      guard other.lowerBound <= joined.upperBound, joined.lowerBound <= other.upperBound else { return false }
      joined = min(joined.lowerBound, other.lowerBound)..<max(joined.upperBound, other.upperBound)
      return true
    }
    let index = received.firstIndex { $0.lowerBound > joined.lowerBound } ?? received.count
    received.insert(joined, at: index)
  }

  private mutating func reset() {
    message = []
    received = []
    fragments = 0
  }

  /// With the number of the record that came last: the one that mbedTLS has not seen.
  private func record(_ header: RecordHeader, _ sequence: UInt16, _ message: [UInt8]) -> [UInt8] {
    let bodyLength = Self.handshakeHeaderLength + message.count
    var header = header
    header.bodyLength = bodyLength
    return ByteWriter.bytes(capacity: RecordHeader.length + bodyLength) {
      header.write(to: &$0)
      $0.write(Self.clientHello)
      $0.writeUInt24(UInt32(truncatingIfNeeded: message.count))
      $0.write(sequence)
      $0.writeUInt24(0)
      $0.writeUInt24(UInt32(truncatingIfNeeded: message.count))
      $0.write(message)
    }
  }
}
