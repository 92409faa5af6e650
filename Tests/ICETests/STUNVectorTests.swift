import ICE
import Testing
import Wire

/// RFC 5769.
struct STUNVectorTests {
  private static let password = Array("VOkJxbRl1RmTxUk/WvJxBt".utf8)
  private static let transaction = TransactionID(tag: 0xB7E7_A701, number: 0xBC34_D686_FA87_DFAE)

  static let request: [UInt8] = bytes(
    """
    000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008932ff9b1
    51263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf
    """)
  static let responseV4: [UInt8] = bytes(
    """
    0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643000800142b91f599
    fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96
    """)
  static let responseV6: [UInt8] = bytes(
    """
    010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179bc25f4b5
    bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c
    """)
  static let longTermRequest: [UInt8] = bytes(
    """
    000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b900000015001c662f2f3439396b39
    353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f72670000080014f67024656dd64a3e02b8e0712e85c9a2
    8ca89666
    """)

  private static func bytes(_ text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }

  @Test func readsTheSampleRequest() throws {
    let message = try STUNMessage(parsing: Self.request.span.bytes)
    let (messageClass, method, transaction) = (message.messageClass, message.method, message.transactionID)
    #expect(messageClass == .request)
    #expect(method == 1)
    #expect(transaction == Self.transaction)
    let (username, priority, controlled) = (message.username, message.priority, message.iceControlled)
    #expect(username == "evtj:h6vY")
    #expect(priority == 0x6E00_01FF)
    #expect(controlled == 0x932F_F9B1_5126_3B36)
    let isFor = message.isAddressed(to: Array("evtj".utf8))
    let isForPrefix = message.isAddressed(to: Array("evt".utf8))
    #expect(isFor)
    #expect(!isForPrefix)
    let (valid, fingerprint) = (message.hasValidIntegrity(key: Self.password), message.hasPlausibleFingerprint)
    #expect(valid)
    #expect(fingerprint)
  }

  @Test func readsTheSampleResponses() throws {
    let v4 = try STUNMessage(parsing: Self.responseV4.span.bytes)
    let (class4, address4, valid4) = (v4.messageClass, v4.xorMappedAddress, v4.hasValidIntegrity(key: Self.password))
    #expect(class4 == .success)
    #expect(address4 == SocketAddress(IPAddress("192.0.2.1")!, port: 32853))
    #expect(valid4)
    let fingerprint4 = v4.hasPlausibleFingerprint
    #expect(fingerprint4)
    let v6 = try STUNMessage(parsing: Self.responseV6.span.bytes)
    let (address6, valid6) = (v6.xorMappedAddress, v6.hasValidIntegrity(key: Self.password))
    #expect(address6 == SocketAddress(IPAddress("2001:db8:1234:5678:11:2233:4455:6677")!, port: 32853))
    #expect(valid6)
    let fingerprint6 = v6.hasPlausibleFingerprint
    #expect(fingerprint6)
  }

  /// The key is MD5 of `マトリックス:example.org:TheMatrIX`, which TURN will compute.
  @Test func readsTheSampleRequestWithLongTermCredentials() throws {
    let message = try STUNMessage(parsing: Self.longTermRequest.span.bytes)
    let (username, realm, nonce) = (message.username, message.realm, message.nonce)
    #expect(username == "マトリックス")
    #expect(realm == "example.org")
    #expect(nonce == "f//499k954d6OL34oL9FSTvy64sA")
    let valid = message.hasValidIntegrity(key: Self.bytes("e8ca7ad59d5eb0518e312911d2dab2a9"))
    #expect(valid)
  }

  @Test func writesTheSampleResponse() {
    // The vector pads SOFTWARE with a blank, we with a zero: compare without it what both parse to.
    let address = SocketAddress(IPAddress("192.0.2.1")!, port: 32853)
    let written = ByteWriter.bytes(capacity: 200) { writer in
      writer.writeSTUN(.success, Self.transaction, integrityKey: Self.password) { writer in
        writer.writeSTUN(.software, Array("test vector ".utf8))
        writer.writeSTUN(xorMappedAddress: address, Self.transaction)
      }
    }
    #expect(written.count == Self.responseV4.count)
    #expect(written[24..<48] == Self.responseV4[24..<48])
  }

  @Test func refusesAnyOtherKeyAndAnyChangedByte() throws {
    let message = try STUNMessage(parsing: Self.request.span.bytes)
    let valid = message.hasValidIntegrity(key: Array("VOkJxbRl1RmTxUk/WvJxBu".utf8))
    #expect(!valid)
    // FINGERPRINT may be missing, so a change of its type (bytes 100 and 101) is one that does no harm.
    for index in Self.request.indices where index != 100 && index != 101 {
      var changed = Self.request
      changed[index] ^= 0x10
      guard let message = try? STUNMessage(parsing: changed.span.bytes) else { continue }
      let passes = message.hasValidIntegrity(key: Self.password) && message.hasPlausibleFingerprint
      #expect(!passes, "byte \(index)")
    }
  }
}
