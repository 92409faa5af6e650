/// What a DTLS handshake agreed on for SRTP (RFC 5764): how to protect, and the master keys of both directions.
package struct SRTPKeys: Equatable, Sendable {
  /// RFC 5764 §4.1.2. mbedTLS knows no newer ones.
  package enum Profile: UInt16, Sendable {
    /// AES-128 in counter mode; authentication tags of 80 bits.
    case aes128HMACSHA1Tag80 = 1
    /// The same with tags of 32 bits on RTP (RTCP keeps 80).
    case aes128HMACSHA1Tag32 = 2
  }

  /// A master key (16 bytes) and its salt (14 bytes), RFC 3711 §3.2.1.
  package struct Master: Equatable, Sendable {
    package let key: [UInt8]
    package let salt: [UInt8]

    package init(key: [UInt8], salt: [UInt8]) {
      precondition(
        key.count == 16 && salt.count == 14, "both profiles have these lengths, and we derive or write the keys")
      self.key = key
      self.salt = salt
    }
  }

  package let profile: Profile
  /// Protects what we send.
  package let local: Master
  /// Protects what we receive.
  package let remote: Master

  package init(profile: Profile, local: Master, remote: Master) {
    self.profile = profile
    self.local = local
    self.remote = remote
  }
}
