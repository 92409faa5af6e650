import CMbedTLS
package import Wire

/// The hash of a certificate as `a=fingerprint` of an SDP carries it (RFC 8122 §5): `sha-256 4A:AD:B9:…`.
package struct Fingerprint: Hashable, Sendable, CustomStringConvertible {
  /// The hash functions that are known, weakest first. RFC 8122 §5 forbids MD2 and MD5.
  package enum HashFunction: String, CaseIterable, Comparable, Sendable {
    case sha1 = "sha-1"
    case sha256 = "sha-256"
    case sha384 = "sha-384"
    case sha512 = "sha-512"

    package static func < (left: HashFunction, right: HashFunction) -> Bool {
      left.digestLength < right.digestLength
    }

    /// In bytes.
    package var digestLength: Int {
      switch self {
      case .sha1: 20
      case .sha256: 32
      case .sha384: 48
      case .sha512: 64
      }
    }
  }

  package let hashFunction: HashFunction
  package let digest: [UInt8]

  /// Reads the value of `a=fingerprint`. Upper and lower case are the same, as some peers write it.
  ///
  /// - Throws: ``ParseError/malformed(_:)`` for hash functions that are not known, too: the caller skips such lines.
  package init(parsing text: some StringProtocol) throws(ParseError) {
    let parts = text.split(separator: " ")
    guard parts.count == 2, let hashFunction = HashFunction(rawValue: parts[0].lowercased()) else {
      throw .malformed("fingerprint hash function")
    }
    let pairs = Array(parts[1].utf8).split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard pairs.count == hashFunction.digestLength else { throw .malformed("fingerprint length") }
    var digest: [UInt8] = []
    digest.reserveCapacity(pairs.count)
    for pair in pairs {
      guard pair.count == 2, let high = pair.first.flatMap(Self.nibble), let low = pair.last.flatMap(Self.nibble) else {
        throw .malformed("fingerprint digit")
      }
      digest.append(high &<< 4 | low)
    }
    self.hashFunction = hashFunction
    self.digest = digest
  }

  /// The fingerprint of a certificate in DER; nil when the C library lacks the hash function.
  package init?(of certificate: UnsafeRawBufferPointer, by hashFunction: HashFunction) {
    let digest = [UInt8](unsafeUninitializedCapacity: Int(PERCH_MAXIMUM_DIGEST)) { buffer, count in
      count = perch_digest(hashFunction.code, certificate.baseAddress, certificate.count, buffer.baseAddress)
    }
    guard digest.count == hashFunction.digestLength else { return nil }
    self.hashFunction = hashFunction
    self.digest = digest
  }

  /// As SDP has it: `sha-256 4A:AD:B9:…`.
  package var description: String {
    let digits = Array("0123456789ABCDEF")
    let pairs = digest.map { String([digits[Int($0 &>> 4)], digits[Int($0 & 15)]]) }
    return "\(hashFunction.rawValue) \(pairs.joined(separator: ":"))"
  }

  /// Whether a certificate (DER) is one that the peer announced: it must match a fingerprint made with the strongest of the hash
  /// functions that were used (RFC 8122 §5). Nothing matches an empty list.
  package static func accept(_ certificate: UnsafeRawBufferPointer, announced: [Fingerprint]) -> Bool {
    guard let strongest = announced.map(\.hashFunction).max(),
      let presented = Fingerprint(of: certificate, by: strongest)
    else { return false }
    // No early exit, so that the time tells nothing about where the difference is.
    return announced.reduce(false) { $1.hashFunction == strongest && $1.isEqual(to: presented) || $0 }
  }

  private func isEqual(to other: Fingerprint) -> Bool {
    digest.count == other.digest.count && zip(digest, other.digest).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }

  private static func nibble(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit &- UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit &- UInt8(ascii: "A") &+ 10
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit &- UInt8(ascii: "a") &+ 10
    default: nil
    }
  }
}

extension Fingerprint.HashFunction {
  fileprivate var code: perch_hash {
    switch self {
    case .sha1: PERCH_SHA1
    case .sha256: PERCH_SHA256
    case .sha384: PERCH_SHA384
    case .sha512: PERCH_SHA512
    }
  }
}
