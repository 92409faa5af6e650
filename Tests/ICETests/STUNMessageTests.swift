import ICE
import NetSim
import Testing
import Wire

struct STUNMessageTests {
  private let id = TransactionID(tag: 0x0102_0304, number: 0x0506_0708_090A_0B0C)
  private let key = Array("a password of enough length".utf8)

  private func message(
    _ messageClass: STUNMessage.Class = .request, method: UInt16 = 1,
    _ attributes: (inout ByteWriter) -> Void = { _ in }
  ) -> [UInt8] {
    ByteWriter.bytes(capacity: 1500) { writer in
      writer.writeSTUN(messageClass, method: method, id, integrityKey: key, attributes: attributes)
    }
  }

  @Test(arguments: [STUNMessage.Class.request, .indication, .success, .error], [UInt16(1), 3, 4, 0x123, 0xFFF])
  func keepsClassAndMethod(_ messageClass: STUNMessage.Class, _ method: UInt16) throws {
    let bytes = message(messageClass, method: method)
    let parsed = try STUNMessage(parsing: bytes.span.bytes)
    let (parsedClass, parsedMethod) = (parsed.messageClass, parsed.method)
    #expect(parsedClass == messageClass)
    #expect(parsedMethod == method)
  }

  @Test func readsWhatItWrites() throws {
    let bytes = message { writer in
      writer.writeSTUN(.username, Array("theirUfr:ours".utf8))
      writer.writeSTUN(.priority, UInt32(77))
      writer.writeSTUN(.iceControlling, UInt64(88))
      writer.writeSTUN(.useCandidate)
      writer.writeSTUN(errorCode: 487, reason: "Role Conflict")
      writer.writeSTUN(unknownAttributes: [1, 2, 3])
    }
    let parsed = try STUNMessage(parsing: bytes.span.bytes)
    let (username, priority, tieBreaker) = (parsed.username, parsed.priority, parsed.iceControlling)
    #expect(username == "theirUfr:ours")
    #expect(priority == 77)
    #expect(tieBreaker == 88)
    let (useCandidate, code, valid) = (parsed.useCandidate, parsed.errorCode, parsed.hasValidIntegrity(key: key))
    #expect(useCandidate)
    #expect(code == 487)
    #expect(valid)
  }

  @Test func namesUnknownAttributesThatMustBeUnderstood() throws {
    let bytes = message { writer in
      for type in [0x7FFF, 0x8FFF] as [UInt16] {  // the second may be ignored
        writer.write(type)
        writer.write(UInt16(4))
        writer.write(UInt32(0))
      }
    }
    let parsed = try STUNMessage(parsing: bytes.span.bytes)
    let unknown = parsed.unknownAttributes
    #expect(unknown == [0x7FFF])
  }

  @Test func ignoresWhatFollowsMessageIntegrity() throws {
    var bytes = message()
    bytes.removeLast(8)  // FINGERPRINT
    bytes += [0, 0x25, 0, 0]
    bytes[3] = UInt8(bytes.count - 20)
    let parsed = try STUNMessage(parsing: bytes.span.bytes)
    let (valid, useCandidate) = (parsed.hasValidIntegrity(key: key), parsed.useCandidate)
    #expect(valid)
    #expect(!useCandidate)
  }

  @Test func findsTheSessionOfARequestAndTheAgentOfAResponse() throws {
    var generator = SeededGenerator(seed: 1)
    let credentials = ICECredentials.make(using: &generator)
    let request = message {
      $0.writeSTUN(.priority, UInt32(1))
      $0.writeSTUN(.username, Array("\(credentials.ufrag):peer".utf8))
    }
    #expect(routingKey(request) == credentials.routingKey)
    #expect(transactionTag(request) == nil)
    let response = message(.success)
    #expect(routingKey(response) == nil)
    #expect(transactionTag(response) == id.tag)
    let shorter = message { $0.writeSTUN(.username, Array("1234567:peer".utf8)) }
    #expect(routingKey(shorter) == nil)
  }

  @Test func knowsSTUNFromWhatSharesThePort() {
    #expect(isSTUN(STUNVectorTests.request))
    for first in [4, 20, 63, 64, 128, 191, 255] as [UInt8] {  // ZRTP, DTLS, TURN channels, RTP
      var other = STUNVectorTests.request
      other[0] = first
      #expect(!isSTUN(other))
    }
    #expect(!isSTUN([UInt8](repeating: 0, count: 100)))
  }

  @Test func refusesEveryTruncation() {
    let vectors = [
      STUNVectorTests.request, STUNVectorTests.responseV4, STUNVectorTests.responseV6, STUNVectorTests.longTermRequest,
    ]
    for vector in vectors {
      for count in 0..<vector.count {
        let bytes = Array(vector[..<count])
        #expect(throws: ParseError.self) { _ = try STUNMessage(parsing: bytes.span.bytes).method }
        _ = routingKey(bytes)
        // Also with a length that claims to be right, so that the attributes are cut.
        guard count >= 20 else { continue }
        var shorter = bytes
        shorter[2] = UInt8(truncatingIfNeeded: (count - 20) >> 8)
        shorter[3] = UInt8(truncatingIfNeeded: count - 20)
        exercise(shorter)
      }
    }
  }

  @Test func survivesBitFlipsAndNoise() {
    let seed = UInt64(5769)
    var generator = SeededGenerator(seed: seed)
    let vectors = [
      STUNVectorTests.request, STUNVectorTests.responseV4, STUNVectorTests.responseV6, STUNVectorTests.longTermRequest,
    ]
    for _ in 0..<20_000 {
      var bytes = vectors.randomElement(using: &generator)!
      for _ in 0..<Int.random(in: 1...8, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      }
      exercise(bytes)
    }
  }

  private func exercise(_ bytes: [UInt8]) {
    _ = isSTUN(bytes)
    _ = routingKey(bytes)
    _ = transactionTag(bytes)
    guard let message = try? STUNMessage(parsing: bytes.span.bytes) else { return }
    _ = message.username
    _ = message.isAddressed(to: Array("evtj".utf8))
    _ = message.hasPlausibleFingerprint
    _ = message.hasValidIntegrity(key: key)
  }

  private func isSTUN(_ bytes: [UInt8]) -> Bool { STUNMessage.isSTUN(bytes.span.bytes) }
  private func routingKey(_ bytes: [UInt8]) -> UInt64? { STUNMessage.routingKey(ofRequest: bytes.span.bytes) }
  private func transactionTag(_ bytes: [UInt8]) -> UInt32? { STUNMessage.transactionTag(ofResponse: bytes.span.bytes) }
}
