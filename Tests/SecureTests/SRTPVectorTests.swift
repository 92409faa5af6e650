import Testing

@testable import Secure

/// The ciphers that libsrtp2 is given, and whole packets, against published values and against RFC 3711 computed step by step.
@Suite struct SRTPVectorTests {
  /// RFC 3711 B.3.
  private static let master = SRTPKeys.Master(
    key: hex("E1F97A0D3E018BE0D64FA32C06DE4139"), salt: hex("0EC675AD498AFEEBB6960B3AABE6"))
  /// The session keys that RFC 3711 B.3 derives from it, by label 0, 1 and 2.
  private static let cipherKey = hex("C61E7A93744F39EE10734AFE3FF7A087")
  private static let cipherSalt = hex("30CBBC08863D8C85D49DB34A9AE1")
  private static let authenticationKey = hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")

  @Test func derivesTheKeysOfRFC3711() {
    #expect(Self.derive(label: 0, 16) == Self.cipherKey)
    #expect(Self.derive(label: 2, 14) == Self.cipherSalt)
    #expect(Self.derive(label: 1, 20) == Self.authenticationKey)
  }

  @Test func aPacketIsWhatRFC3711SaysStepByStep() throws {
    var sender = try SRTPSender(SRTPKeys(profile: .aes128HMACSHA1Tag80, local: Self.master, remote: Self.master))
    for size in [1, 16, 100, 1_100] {
      let packet = RTP.packet(sequence: UInt16(size), size: size, ssrc: 0xCAFE_BABE)
      let protected = try #require(RTP.protect(packet, by: &sender))
      // RFC 3711 §4.1.1: (salt · 2^16) ⊕ (SSRC · 2^64) ⊕ (index · 2^16), the rollover counter being zero.
      var counter = Self.cipherSalt + [0, 0]
      for (offset, byte) in zip(4..., packet[8..<12]) { counter[offset] ^= byte }
      for (offset, byte) in zip(12..., packet[2..<4]) { counter[offset] ^= byte }
      let body = xor(Array(packet[12...]), keyStream(Self.cipherKey, counter, packet.count - 12))
      let encrypted = packet[..<12] + body
      let tag = hmacSHA1(Self.authenticationKey, encrypted + [0, 0, 0, 0]).prefix(10)
      #expect(protected == Array(encrypted + tag), "\(size) bytes")
    }
  }

  @Test func anRTCPPacketIsWhatRFC3711SaysStepByStep() throws {
    var sender = try SRTPSender(SRTPKeys(profile: .aes128HMACSHA1Tag32, local: Self.master, remote: Self.master))
    let (key, authentication, salt) = (
      Self.derive(label: 3, 16), Self.derive(label: 4, 20), Self.derive(label: 5, 14)
    )
    for index in 1...3 as ClosedRange<UInt8> {
      let packet = RTCP.packet()
      let protected = try #require(RTCP.protect(packet, by: &sender))
      var counter = salt + [0, 0]
      for (offset, byte) in zip(4..., packet[4..<8]) { counter[offset] ^= byte }
      counter[13] ^= index
      let body = xor(Array(packet[8...]), keyStream(key, counter, packet.count - 8))
      let encrypted = packet[..<8] + body + [0x80, 0, 0, index]
      let tag = hmacSHA1(authentication, Array(encrypted)).prefix(10)
      #expect(protected == Array(encrypted + tag), "index \(index)")
    }
  }

  @Test func theComputationsOfThisTestAreRight() {
    // FIPS 197 C.1 and RFC 2202 §3, test cases 1 to 3.
    let zeros = keyStream(hex("000102030405060708090A0B0C0D0E0F"), hex("00112233445566778899AABBCCDDEEFF"), 16)
    #expect(zeros == hex("69C4E0D86A7B0430D8CDB78070B4C55A"))
    #expect(
      hmacSHA1([UInt8](repeating: 0x0B, count: 20), Array("Hi There".utf8))
        == hex("B617318655057264E28BC0B6FB378C8EF146BE00"))
    #expect(
      hmacSHA1(Array("Jefe".utf8), Array("what do ya want for nothing?".utf8))
        == hex("EFFCDF6AE5EB2FA2D27416D5F184DF9C259A7C79"))
    #expect(
      hmacSHA1([UInt8](repeating: 0xAA, count: 20), [UInt8](repeating: 0xDD, count: 50))
        == hex("125D7342B9AC11CD91A39AF48AA17B4F63F175D3"))
  }

  /// RFC 3711 §4.3.1, with a key derivation rate of zero.
  private static func derive(label: UInt8, _ count: Int) -> [UInt8] {
    var counter = master.salt + [0, 0]
    counter[7] ^= label
    return keyStream(master.key, counter, count)
  }
}

private func hex(_ text: String) -> [UInt8] {
  var bytes: [UInt8] = []
  var digits = text.utf8.makeIterator()
  while let high = digits.next(), let low = digits.next() {
    bytes.append(UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16) ?? 0)
  }
  return bytes
}

private func xor(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
  zip(left, right).map { $0 ^ $1 }
}
