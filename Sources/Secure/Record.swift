import Wire

/// The header of a DTLS record (RFC 6347 §4.1).
struct RecordHeader: Equatable {
  static let length = 13
  /// RFC 5246 §6.2.3: plaintext of 2^14 bytes, and what ciphers may add.
  static let maximumBodyLength = 16384 + 2048

  /// RFC 5246 §6.2.1.
  enum ContentType: UInt8 {
    case changeCipherSpec = 20
    case alert = 21
    case handshake = 22
    case applicationData = 23
  }

  /// DTLS 1.2. Version 1.0 stands only in the first ClientHellos, for peers that know no other (RFC 6347 §4.1).
  static let dtls12: UInt16 = 0xFEFD
  static let dtls10: UInt16 = 0xFEFF

  var type: ContentType
  var version: UInt16
  /// 0 before the change of ciphers, 1 after it.
  var epoch: UInt16
  /// 48 bits.
  var sequenceNumber: UInt64
  var bodyLength: Int

  init(type: ContentType, version: UInt16 = dtls12, epoch: UInt16, sequenceNumber: UInt64, bodyLength: Int) {
    self.type = type
    self.version = version
    self.epoch = epoch
    self.sequenceNumber = sequenceNumber
    self.bodyLength = bodyLength
  }

  /// Reads a header and leaves the reader at the body, of which all `bodyLength` bytes are there.
  @_lifetime(reader: copy reader)
  init(parsing reader: inout ByteReader) throws(ParseError) {
    guard let type = ContentType(rawValue: try reader.readUInt8()) else { throw .malformed("record type") }
    let version = try reader.readUInt16()
    guard version == Self.dtls12 || version == Self.dtls10 else { throw .malformed("record version") }
    let epoch = try reader.readUInt16()
    let high = try reader.readUInt16()
    let low = try reader.readUInt32()
    let bodyLength = Int(try reader.readUInt16())
    guard bodyLength <= Self.maximumBodyLength else { throw .malformed("record length") }
    guard bodyLength <= reader.remaining else { throw .truncated }
    self.init(
      type: type, version: version, epoch: epoch, sequenceNumber: UInt64(high) &<< 32 | UInt64(low),
      bodyLength: bodyLength)
  }

  /// Epoch and sequence number as the record has them, in one: what nonces and authentication count by.
  var counter: UInt64 { UInt64(epoch) &<< 48 | sequenceNumber }

  func write(to writer: inout ByteWriter) {
    writer.write(type.rawValue)
    writer.write(version)
    writer.write(counter)
    writer.write(UInt16(truncatingIfNeeded: bodyLength))
  }

  /// What is authenticated beside the data of a record whose plaintext is `bodyLength` bytes long: the same fields in another order
  /// (RFC 5246 §6.2.3.3, RFC 6347 §4.1.2.1).
  var additionalData: AdditionalData {
    var bytes = AdditionalData(repeating: 0)
    withUnsafeMutableBytes(of: &bytes) { memory in
      var writer = ByteWriter(memory)
      writer.write(counter)
      writer.write(type.rawValue)
      writer.write(version)
      writer.write(UInt16(truncatingIfNeeded: bodyLength))
    }
    return bytes
  }

  typealias AdditionalData = InlineArray<13, UInt8>
}

/// Tells sequence numbers that came before from new ones (RFC 6347 §4.1.2.6).
struct ReplayWindow {
  /// The default of the RFC. Data that falls out of it is only retransmitted by SCTP.
  static let width: UInt64 = 64

  private var newest: UInt64 = 0
  /// Bit n stands for `newest - n`.
  private var seen: UInt64 = 0

  /// Whether this number is neither a repetition nor too old to know.
  func admits(_ number: UInt64) -> Bool {
    guard seen != 0, number <= newest else { return true }
    let age = newest &- number
    return age < Self.width && seen & (1 &<< age) == 0
  }

  /// Remembers a number that was admitted and whose record was authentic.
  mutating func insert(_ number: UInt64) {
    guard seen != 0, number <= newest else {
      let step = seen == 0 ? Self.width : number &- newest
      seen = (step < Self.width ? seen &<< step : 0) | 1
      newest = number
      return
    }
    let age = newest &- number
    if age < Self.width { seen |= 1 &<< age }
  }
}

/// RFC 5246 §7.2.
struct Alert: Equatable {
  static let closeNotify: UInt8 = 0
  static let badCertificate: UInt8 = 42

  var isFatal: Bool
  var description: UInt8

  init(isFatal: Bool, description: UInt8) {
    self.isFatal = isFatal
    self.description = description
  }

  @_lifetime(reader: copy reader)
  init(parsing reader: inout ByteReader) throws(ParseError) {
    let level = try reader.readUInt8()
    guard level == 1 || level == 2 else { throw .malformed("alert level") }
    isFatal = level == 2
    description = try reader.readUInt8()
  }

  var bytes: [UInt8] { [isFatal ? 2 : 1, description] }
}
