import CMbedTLS

/// Who we are towards peers: an ECDSA key on P-256 and the self-signed certificate for it, made once for a board and kept.
///
/// Peers know the certificate by its fingerprint in the SDP and by nothing else, so its name, serial number and dates say nothing.
/// A value of bytes: it may be copied and handed to any thread. The caller stores ``pem`` where others cannot read it.
package struct Identity: Sendable {
  /// The certificate in DER.
  package let certificate: [UInt8]
  /// The private key in DER (RFC 5915).
  let key: [UInt8]
  /// SHA-256, for `a=fingerprint`.
  package let fingerprint: Fingerprint

  /// Makes a new key and certificate. Takes some milliseconds.
  ///
  /// - Parameters:
  ///   - commonName: what people see in tools. Letters, digits, dots and hyphens are kept, others become hyphens.
  ///   - random: must be fit for making keys.
  package init(commonName: String, random: any RandomNumberGenerator) throws(IdentityError) {
    let source = RandomSource(random)
    let name = Self.printable(commonName)
    try self.init { perch_identity_make($0, name, RandomSource.fill, source.context) }
    withExtendedLifetime(source) {}
  }

  /// Reads what ``pem`` wrote: a key and a certificate in either order. Keys on other curves are accepted, RSA is not.
  ///
  /// - Parameter random: blinds the computations that check that the two belong together.
  package init(pem: [UInt8], random: any RandomNumberGenerator) throws(IdentityError) {
    let source = RandomSource(random)
    let text = pem + [0]
    try self.init { perch_identity_parse($0, text, text.count, RandomSource.fill, source.context) }
    withExtendedLifetime(source) {}
  }

  /// The private key and the certificate as PEM text.
  package var pem: [UInt8] {
    withIdentity { identity in
      [UInt8](unsafeUninitializedCapacity: Int(PERCH_MAXIMUM_PEM)) { buffer, count in
        buffer.withMemoryRebound(to: CChar.self) { text in
          // 4 KiB hold the base64 of the 2.25 KiB that the two are at most.
          let error = perch_identity_print(&identity, text.baseAddress)
          precondition(error == 0, "an identity that was made or parsed can be printed")
          count = text.firstIndex(of: 0) ?? 0
        }
      }
    }
  }

  private init(_ make: (UnsafeMutablePointer<perch_identity>) -> Int32) throws(IdentityError) {
    var identity = perch_identity()
    let error = make(&identity)
    defer { perch_identity_wipe(&identity) }
    guard error == 0 else { throw IdentityError(code: error) }
    try self.init(
      certificate: withUnsafeBytes(of: &identity.certificate) { Array($0.prefix(identity.certificate_length)) },
      key: withUnsafeBytes(of: &identity.key) { Array($0.prefix(identity.key_length)) })
  }

  /// Believes that the two belong together.
  init(certificate: [UInt8], key: [UInt8]) throws(IdentityError) {
    self.certificate = certificate
    self.key = key
    guard let fingerprint = certificate.withUnsafeBytes({ Fingerprint(of: $0, by: .sha256) }) else {
      throw IdentityError(code: 0)
    }
    self.fingerprint = fingerprint
  }

  private func withIdentity<Result>(_ body: (inout perch_identity) -> Result) -> Result {
    var identity = perch_identity()
    identity.key_length = key.count
    identity.certificate_length = certificate.count
    withUnsafeMutableBytes(of: &identity.key) { $0.copyBytes(from: key.prefix($0.count)) }
    withUnsafeMutableBytes(of: &identity.certificate) { $0.copyBytes(from: certificate.prefix($0.count)) }
    defer { perch_identity_wipe(&identity) }
    return body(&identity)
  }

  /// RFC 5280 appendix A.1 allows 64 characters.
  private static func printable(_ name: String) -> String {
    let kept = name.unicodeScalars.prefix(64).map { scalar -> Character in
      switch scalar {
      case "a"..."z", "A"..."Z", "0"..."9", ".", "-": Character(scalar)
      default: "-"
      }
    }
    return kept.isEmpty ? "perch" : String(kept)
  }
}

/// Why an identity could not be made or read.
package struct IdentityError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The code of mbedTLS.
  package let code: Int32

  package var description: String {
    "no usable key and certificate (mbedTLS error -0x\(String(code.magnitude, radix: 16, uppercase: true)))"
  }
}

/// Lends a generator to C for the time that this object lives.
final class RandomSource {
  private var generator: any RandomNumberGenerator

  init(_ generator: any RandomNumberGenerator) {
    self.generator = generator
  }

  /// What ``fill`` is to be called with.
  var context: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

  /// Fills memory with random bytes; the first argument is the ``context`` of a source that lives.
  static let fill: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt8>?, Int) -> Int32 = {
    context, bytes, count in
    guard let context, let bytes else { return -1 }
    let source = Unmanaged<RandomSource>.fromOpaque(context).takeUnretainedValue()
    source.fill(UnsafeMutableRawBufferPointer(start: bytes, count: count))
    return 0
  }

  private func fill(_ memory: UnsafeMutableRawBufferPointer) {
    var offset = 0
    while offset < memory.count {
      let count = min(8, memory.count - offset)
      withUnsafeBytes(of: generator.next() as UInt64) { random in
        UnsafeMutableRawBufferPointer(rebasing: memory[offset..<(offset + count)]).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: random[..<count]))
      }
      offset += count
    }
  }
}
