package import Wire

/// A STUN message (RFC 8489) in the datagram that it came in: parsed once, nothing copied.
///
/// ```
///  0                   1                   2                   3
/// |0 0|   message type (14)      |         message length         |
/// |                  magic cookie 0x2112A442                      |
/// |                    transaction ID (96 bits)                   |
/// |  attributes: type (16), length (16), value padded to 4 bytes …|
/// ```
///
/// Parsing proves the framing only. Believe the sender after ``hasValidIntegrity(key:)``, and not what stands behind
/// MESSAGE-INTEGRITY, which the parser skips (§14.5).
package struct STUNMessage: ~Escapable {
  package enum Class: UInt8, Sendable {
    case request = 0
    case indication = 1
    case success = 2
    case error = 3

    fileprivate init(bits: UInt16) {
      switch bits & 3 {
      case 0: self = .request
      case 1: self = .indication
      case 2: self = .success
      default: self = .error
      }
    }
  }

  package static let magicCookie: UInt32 = 0x2112_A442
  package static let headerSize = 20
  /// What IPv6's smallest MTU carries would do for ICE; TURN's data indications are larger.
  package static let maximumSize = 2048
  /// More unknown attributes than these are not named in the 420 response.
  private static let maximumUnknownAttributes = 8

  package let messageClass: Class
  /// 1 is Binding.
  package let method: UInt16
  package let transactionID: TransactionID
  package private(set) var mappedAddress: SocketAddress?
  package private(set) var xorMappedAddress: SocketAddress?
  package private(set) var priority: UInt32?
  package private(set) var useCandidate = false
  package private(set) var iceControlled: UInt64?
  package private(set) var iceControlling: UInt64?
  /// 300 to 699.
  package private(set) var errorCode: Int?
  /// Attributes that one must understand to answer (below 0x8000), but which we do not.
  package private(set) var unknownAttributes: [UInt16] = []

  private let bytes: RawSpan
  private var usernameRange: Range<Int>?
  private var realmRange: Range<Int>?
  private var nonceRange: Range<Int>?
  private var integrityOffset: Int?
  private var fingerprintOffset: Int?

  /// - Throws: ``ParseError`` for anything whose header, lengths or known attributes are not as the RFC has them.
  @_lifetime(copy bytes)
  package init(parsing bytes: RawSpan) throws(ParseError) {
    guard bytes.byteCount <= Self.maximumSize else { throw .malformed("STUN message too long") }
    self.bytes = bytes
    var reader = ByteReader(bytes)
    let type = try reader.readUInt16()
    let length = try reader.readUInt16()
    let cookie = try reader.readUInt32()
    transactionID = TransactionID(tag: try reader.readUInt32(), number: try reader.readUInt64())
    guard type & 0xC000 == 0, cookie == Self.magicCookie else { throw .malformed("not STUN") }
    guard Int(length) == reader.remaining, length & 3 == 0 else { throw .malformed("STUN length") }
    // RFC 8489 §5: the class is bits 4 and 8 of the type, the method the rest.
    messageClass = Class(bits: type >> 4 & 1 | type >> 7 & 2)
    method = type & 0xF | type >> 1 & 0x70 | type >> 2 & 0xF80
    while !reader.isAtEnd {
      let offset = reader.offset
      let attribute = try reader.readUInt16()
      let length = Int(try reader.readUInt16())
      var value = ByteReader(try reader.read(length))
      try reader.skip(-length & 3)
      guard fingerprintOffset == nil else { throw .malformed("attribute after FINGERPRINT") }
      if let known = STUNAttribute(rawValue: attribute) {
        if integrityOffset == nil || known == .fingerprint {
          try take(known, at: offset, length: length, &value)
        }
      } else if attribute < 0x8000, integrityOffset == nil, unknownAttributes.count < Self.maximumUnknownAttributes {
        unknownAttributes.append(attribute)
      }
    }
  }

  /// Of an attribute that comes twice the first counts (RFC 8489 §14).
  @_lifetime(self: copy self)
  private mutating func take(
    _ attribute: STUNAttribute, at offset: Int, length: Int, _ value: inout ByteReader
  ) throws(ParseError) {
    let range = (offset &+ 4)..<(offset &+ 4 &+ length)
    switch attribute {
    case .mappedAddress:
      let address = try Self.readAddress(&value)
      mappedAddress = mappedAddress ?? address
    case .xorMappedAddress:
      let address = try Self.readAddress(&value).xored(with: transactionID)
      xorMappedAddress = xorMappedAddress ?? address
    case .username:
      // RFC 8489 §14.3 allows 508; two ufrags of 256 with a colon are what RFC 8839 §5.4 allows.
      guard length <= 513 else { throw .malformed("USERNAME length") }
      usernameRange = usernameRange ?? range
    case .realm: realmRange = realmRange ?? range
    case .nonce: nonceRange = nonceRange ?? range
    case .priority:
      let number = try Self.readExactly(&value) { reader throws(ParseError) in try reader.readUInt32() }
      priority = priority ?? number
    case .useCandidate:
      guard length == 0 else { throw .malformed("USE-CANDIDATE length") }
      useCandidate = true
    case .iceControlled:
      let number = try Self.readExactly(&value) { reader throws(ParseError) in try reader.readUInt64() }
      iceControlled = iceControlled ?? number
    case .iceControlling:
      let number = try Self.readExactly(&value) { reader throws(ParseError) in try reader.readUInt64() }
      iceControlling = iceControlling ?? number
    case .errorCode:
      let word = try value.readUInt32()
      let hundreds = Int(word >> 8 & 7)
      let rest = Int(word & 0xFF)
      guard (3...6).contains(hundreds), rest < 100 else { throw .malformed("ERROR-CODE") }
      errorCode = errorCode ?? hundreds * 100 + rest
    case .messageIntegrity:
      guard length == 20 else { throw .malformed("MESSAGE-INTEGRITY length") }
      integrityOffset = offset
    case .fingerprint:
      guard length == 4 else { throw .malformed("FINGERPRINT length") }
      fingerprintOffset = offset
    case .unknownAttributes, .software: break
    }
  }

  private static func readExactly<Number>(
    _ value: inout ByteReader, _ read: (inout ByteReader) throws(ParseError) -> Number
  ) throws(ParseError) -> Number {
    let number = try read(&value)
    guard value.isAtEnd else { throw .malformed("attribute length") }
    return number
  }

  private static func readAddress(_ value: inout ByteReader) throws(ParseError) -> SocketAddress {
    try value.skip(1)
    let family = try value.readUInt8()
    let port = try value.readUInt16()
    let address: IPAddress
    switch family {
    case 1: address = IPAddress(v4: try value.readUInt32())
    case 2: address = IPAddress(v6High: try value.readUInt64(), low: try value.readUInt64())
    default: throw .malformed("address family")
    }
    guard value.isAtEnd else { throw .malformed("address length") }
    return SocketAddress(address, port: port)
  }
}

// MARK: - Whom it is from

extension STUNMessage {
  package var hasIntegrity: Bool { integrityOffset != nil }

  /// Whether MESSAGE-INTEGRITY is there and was made with `key`: the password for short-term credentials. The
  /// comparison takes the same time wherever the codes differ.
  package func hasValidIntegrity(key: [UInt8]) -> Bool {
    guard let offset = integrityOffset else { return false }
    // RFC 8489 §14.5: over the bytes before the attribute, with a length that ends with it.
    let length = UInt16(truncatingIfNeeded: offset &+ 24 &- Self.headerSize)
    return withUnsafeTemporaryAllocation(byteCount: offset, alignment: 1) { copy in
      bytes.extracting(first: offset).withUnsafeBytes { copy.copyMemory(from: $0) }
      copy.storeBytes(of: length.bigEndian, toByteOffset: 2, as: UInt16.self)
      let expected = MessageAuthenticationCode(of: copy.bytes, key: key)
      return expected.matches(bytes.extracting((offset &+ 4)..<(offset &+ 24)))
    }
  }

  /// False when FINGERPRINT is there and wrong. A message without one passes: its integrity decides.
  package var hasPlausibleFingerprint: Bool {
    guard let offset = fingerprintOffset else { return true }
    var reader = ByteReader(bytes.extracting((offset &+ 4)..<(offset &+ 8)))
    let value = try? reader.readUInt32()
    return value == bytes.extracting(first: offset).crc32 ^ Self.fingerprintMask
  }

  /// RFC 8489 §14.7: sets the fingerprint apart from CRCs that the application may use.
  static let fingerprintMask: UInt32 = 0x5354_554E

  /// As text, for tests and TURN; invalid UTF-8 is repaired.
  package var username: String? { usernameRange.map { text($0) } }
  package var realm: String? { realmRange.map { text($0) } }
  package var nonce: String? { nonceRange.map { text($0) } }

  /// Whether the USERNAME of a check is `ufrag:…` (RFC 8445 §7.2.2: the receiver's ufrag comes first).
  package func isAddressed(to ufrag: [UInt8]) -> Bool {
    guard let range = usernameRange, range.count > ufrag.count else { return false }
    for (index, character) in ufrag.enumerated() where bytes.byte(at: range.lowerBound &+ index) != character {
      return false
    }
    return bytes.byte(at: range.lowerBound &+ ufrag.count) == UInt8(ascii: ":")
  }

  private func text(_ range: Range<Int>) -> String {
    String(decoding: bytes.extracting(range).copied(), as: UTF8.self)
  }
}

// MARK: - Routing, before anything is verified

extension STUNMessage {
  /// Whether a datagram is STUN, by its first byte (RFC 7983 §7) and the magic cookie. A few loads, no parsing.
  package static func isSTUN(_ datagram: RawSpan) -> Bool {
    guard datagram.byteCount >= headerSize, let first = datagram.byte(at: 0), first < 4 else { return false }
    var reader = ByteReader(datagram)
    guard (try? reader.skip(4)) != nil, let cookie = try? reader.readUInt32() else { return false }
    return cookie == magicCookie
  }

  /// The ``ICECredentials/routingKey`` that a Binding request is addressed to; nil for other datagrams, and for ufrags
  /// of a length that is not ours. Anybody can write it: it finds the session, which then verifies.
  package static func routingKey(ofRequest datagram: RawSpan) -> UInt64? {
    guard isSTUN(datagram) else { return nil }
    var reader = ByteReader(datagram)
    guard let type = try? reader.readUInt16(), type == 0x0001, (try? reader.skip(headerSize &- 2)) != nil else {
      return nil
    }
    while let attribute = try? reader.readUInt16(), let length = try? reader.readUInt16() {
      if attribute == STUNAttribute.username.rawValue {
        guard length > 8, let key = try? reader.readUInt64(), let colon = try? reader.readUInt8() else { return nil }
        return colon == UInt8(ascii: ":") ? key : nil
      }
      guard (try? reader.skip((Int(length) &+ 3) & ~3)) != nil else { return nil }
    }
    return nil
  }

  /// The ``ICEAgent/transactionTag`` of the agent that a Binding response answers; nil for other datagrams.
  package static func transactionTag(ofResponse datagram: RawSpan) -> UInt32? {
    guard isSTUN(datagram) else { return nil }
    var reader = ByteReader(datagram)
    guard let type = try? reader.readUInt16(), type == 0x0101 || type == 0x0111, (try? reader.skip(6)) != nil else {
      return nil
    }
    return try? reader.readUInt32()
  }
}

/// The 96 bits that tie a response to its request.
///
/// Ours start with 32 bits that all requests of one agent share, so that a response finds its agent among many behind
/// one socket; the other 64 are drawn anew for each request, and responses are authenticated besides.
package struct TransactionID: Hashable, Sendable {
  package var tag: UInt32
  package var number: UInt64

  package init(tag: UInt32, number: UInt64) {
    self.tag = tag
    self.number = number
  }
}

/// The attributes that we know (RFC 8489 §18.3, RFC 8445 §16).
package enum STUNAttribute: UInt16, Sendable {
  case mappedAddress = 0x0001
  case username = 0x0006
  case messageIntegrity = 0x0008
  case errorCode = 0x0009
  case unknownAttributes = 0x000A
  case realm = 0x0014
  case nonce = 0x0015
  case xorMappedAddress = 0x0020
  case priority = 0x0024
  case useCandidate = 0x0025
  case software = 0x8022
  case fingerprint = 0x8028
  case iceControlled = 0x8029
  case iceControlling = 0x802A
}

extension SocketAddress {
  /// RFC 8489 §14.2: hides addresses from NATs that rewrite what looks like one. Its own inverse.
  func xored(with transaction: TransactionID) -> SocketAddress {
    let cookie = STUNMessage.magicCookie
    let port = port ^ UInt16(truncatingIfNeeded: cookie >> 16)
    switch address.family {
    case .v4:
      return SocketAddress(IPAddress(v4: UInt32(truncatingIfNeeded: address.low) ^ cookie), port: port)
    case .v6:
      let high = address.high ^ (UInt64(cookie) << 32 | UInt64(transaction.tag))
      return SocketAddress(IPAddress(v6High: high, low: address.low ^ transaction.number), port: port)
    }
  }
}
