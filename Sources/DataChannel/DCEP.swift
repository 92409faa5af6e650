import Wire

/// How hard a channel tries to deliver a message (RFC 8832 §5.1).
package enum Reliability: Hashable, Sendable {
  /// Until it has arrived or the association is lost.
  case reliable
  /// Gives up after this many retransmissions.
  case maximumRetransmits(UInt16)
  /// Gives up this many milliseconds after the message was handed over.
  case maximumLifetime(milliseconds: UInt16)
}

/// The payload protocol identifiers of data channels (RFC 8831 §8).
enum PayloadProtocol {
  static let control: UInt32 = 50
  static let text: UInt32 = 51
  static let partialBinary: UInt32 = 52  // deprecated: read, never sent
  static let binary: UInt32 = 53
  static let partialText: UInt32 = 54  // deprecated: read, never sent
  static let emptyText: UInt32 = 56
  static let emptyBinary: UInt32 = 57
}

/// A message of the data channel establishment protocol (RFC 8832).
enum ControlMessage: Equatable {
  case open(ChannelOpening)
  case acknowledge

  /// The most that an OPEN of ours, or one that we take, can have: the fixed part and two names.
  static let maximumSize = 12 + 2 * DataChannelLimits.maximumNameBytes

  init(parsing bytes: RawSpan) throws(ParseError) {
    var reader = ByteReader(bytes)
    switch try reader.readUInt8() {
    case 0x02:
      self = .acknowledge
    case 0x03:
      self = .open(try ChannelOpening(parsing: &reader))
    default:
      throw .malformed("DCEP message type")
    }
  }

  var bytes: [UInt8] {
    switch self {
    case .acknowledge: [0x02]
    case .open(let opening): ByteWriter.bytes(capacity: Self.maximumSize) { opening.write(to: &$0) }
    }
  }
}

/// What DATA_CHANNEL_OPEN says of the channel (RFC 8832 §5.1). Its priority is written as 256, "normal", and not looked at: we
/// have one queue for all.
struct ChannelOpening: Equatable {
  var label: String
  var subprotocol: String
  var isOrdered: Bool
  var reliability: Reliability

  private static let unorderedBit: UInt8 = 0x80

  init(label: String, subprotocol: String, isOrdered: Bool, reliability: Reliability) {
    self.label = label
    self.subprotocol = subprotocol
    self.isOrdered = isOrdered
    self.reliability = reliability
  }

  init(parsing reader: inout ByteReader) throws(ParseError) {
    let type = try reader.readUInt8()
    _ = try reader.readUInt16()  // priority
    let parameter = try reader.readUInt32()
    let labelLength = Int(try reader.readUInt16())
    let subprotocolLength = Int(try reader.readUInt16())
    guard labelLength <= DataChannelLimits.maximumNameBytes, subprotocolLength <= DataChannelLimits.maximumNameBytes
    else {
      throw .malformed("DCEP name length")
    }
    label = try Self.text(reader.read(labelLength))
    subprotocol = try Self.text(reader.read(subprotocolLength))
    isOrdered = type & Self.unorderedBit == 0
    // The parameter has 32 bits, the API of browsers 16: a longer promise than the API can name is kept as the longest.
    switch type & ~Self.unorderedBit {
    case 0x00: reliability = .reliable
    case 0x01: reliability = .maximumRetransmits(UInt16(clamping: parameter))
    case 0x02: reliability = .maximumLifetime(milliseconds: UInt16(clamping: parameter))
    default: throw .malformed("DCEP channel type")
    }
  }

  func write(to writer: inout ByteWriter) {
    let (type, parameter): (UInt8, UInt32) =
      switch reliability {
      case .reliable: (0x00, 0)
      case .maximumRetransmits(let count): (0x01, UInt32(count))
      case .maximumLifetime(let milliseconds): (0x02, UInt32(milliseconds))
      }
    writer.write(UInt8(0x03))
    writer.write(isOrdered ? type : type | Self.unorderedBit)
    writer.write(UInt16(256))
    writer.write(parameter)
    writer.write(UInt16(clamping: label.utf8.count))
    writer.write(UInt16(clamping: subprotocol.utf8.count))
    writer.write(label)
    writer.write(subprotocol)
  }

  /// RFC 8832 §5.1: UTF-8. What is not is refused with the message that carries it.
  private static func text(_ bytes: RawSpan) throws(ParseError) -> String {
    guard let text = String(validating: bytes.copied(), as: UTF8.self) else { throw .malformed("DCEP name") }
    return text
  }
}
