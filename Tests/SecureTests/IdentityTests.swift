import Foundation
import NetSim
import Testing
import Wire

@testable import Secure

@Suite struct IdentityTests {
  @Test func survivesBeingStored() throws {
    let identity = try Identity(commonName: "perch-1", random: SystemRandomNumberGenerator())
    let read = try Identity(pem: identity.pem, random: SystemRandomNumberGenerator())
    #expect(read.certificate == identity.certificate)
    #expect(read.fingerprint == identity.fingerprint)
    #expect(read.pem == identity.pem)
    let text = String(decoding: identity.pem, as: UTF8.self)
    #expect(text.hasPrefix("-----BEGIN EC PRIVATE KEY-----\n"))
    #expect(text.hasSuffix("-----END CERTIFICATE-----\n"))
  }

  @Test func comesFromTheRandomSourceAlone() throws {
    let first = try Identity(commonName: "a", random: SeededGenerator(seed: 1))
    let same = try Identity(commonName: "a", random: SeededGenerator(seed: 1))
    let other = try Identity(commonName: "a", random: SeededGenerator(seed: 2))
    #expect(first.certificate == same.certificate)
    #expect(first.fingerprint != other.fingerprint)
  }

  /// mbedTLS 2.28 would write a NULL there, for which strict parsers refuse the whole certificate.
  @Test func namesItsSignatureAlgorithmWithoutParameters() throws {
    let identity = try Identity(commonName: "perch", random: SeededGenerator(seed: 7))
    let ecdsaWithSHA256: [UInt8] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02]
    let places = identity.certificate.ranges(of: ecdsaWithSHA256)
    #expect(places.count == 2, "RFC 5280 §4.1.1.2: in the signed part and beside the signature")
    for place in places {
      #expect(
        identity.certificate[..<place.lowerBound].suffix(2) == [0x30, 0x0A], "a sequence of this and nothing else")
    }
  }

  @Test(.enabled(if: access(openssl, X_OK) == 0))
  func hasACertificateThatOpenSSLVerifies() throws {
    // 300 letters end as the 64 that a name may have, which is also where the lengths in DER take a second byte.
    for (seed, name) in [(8, "p"), (9, "perch-kitchen.local"), (10, String(repeating: "x", count: 300))] {
      let identity = try Identity(commonName: name, random: SeededGenerator(seed: UInt64(seed)))
      let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).pem")
      try Data(identity.pem).write(to: file)
      defer { try? FileManager.default.removeItem(at: file) }
      let path = file.path(percentEncoded: false)
      #expect(try runOpenSSL("verify", "-check_ss_sig", "-x509_strict", "-CAfile", path, path) == "\(path): OK\n")
      #expect(
        try runOpenSSL("x509", "-in", path, "-noout", "-subject", "-issuer", "-dates") == """
          subject=CN = \(name.prefix(64))
          issuer=CN = \(name.prefix(64))
          notBefore=Jan  1 00:00:00 2000 GMT
          notAfter=Dec 31 23:59:59 9999 GMT

          """)
    }
  }

  @Test func takesNamesThatACertificateCouldNot() throws {
    for name in ["", "a,b=c", "Kamera im Garten ☀︎", String(repeating: "x", count: 300)] {
      _ = try Identity(commonName: name, random: SeededGenerator(seed: 3))
    }
  }

  @Test func refusesWhatIsNotAKeyWithItsCertificate() throws {
    let (key, certificate) = try Self.parts(Identities.client)
    let (_, otherCertificate) = try Self.parts(Identities.server)
    let broken = ["", "hello", key, certificate, key + otherCertificate, key + certificate.dropLast(40)]
    for text in broken {
      #expect(throws: IdentityError.self, "\(text)") {
        try Identity(pem: Array(text.utf8), random: SeededGenerator(seed: 4))
      }
    }
  }

  private static func parts(_ identity: Identity) throws -> (key: String, certificate: String) {
    let text = String(decoding: identity.pem, as: UTF8.self)
    let split = try #require(text.firstRange(of: "-----BEGIN CERTIFICATE")).lowerBound
    return (String(text[..<split]), String(text[split...]))
  }

  @Test func survivesFilesThatWereDamaged() {
    var random = SeededGenerator(seed: 5)
    let pem = Identities.client.pem
    for count in stride(from: 0, to: pem.count, by: 7) {
      _ = try? Identity(pem: Array(pem[..<count]), random: SeededGenerator(seed: 6))
    }
    for _ in 0..<300 {
      var damaged = pem
      damaged[Int.random(in: 0..<pem.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      _ = try? Identity(pem: damaged, random: SeededGenerator(seed: 6))
    }
  }
}

private let openssl = "/usr/bin/openssl"

private func runOpenSSL(_ arguments: String...) throws -> String {
  let process = Process()
  process.executableURL = URL(filePath: openssl)
  process.arguments = arguments
  let output = Pipe()
  process.standardOutput = output
  process.standardError = output
  try process.run()
  let text = try output.fileHandleForReading.readToEnd()
  process.waitUntilExit()
  return String(decoding: text ?? Data(), as: UTF8.self)
}

@Suite struct FingerprintTests {
  @Test func readsWhatItPrints() throws {
    let fingerprint = Identities.client.fingerprint
    let text = fingerprint.description
    #expect(text.hasPrefix("sha-256 "))
    #expect(text.utf8.count == 8 + 32 * 3 - 1)
    #expect(try Fingerprint(parsing: text) == fingerprint)
    #expect(try Fingerprint(parsing: text.lowercased()) == fingerprint)
    #expect(try Fingerprint(parsing: text.uppercased()) == fingerprint)
  }

  @Test func hashesAsFIPS180Does() throws {
    // FIPS 180-4 examples: "abc".
    let abc = Array("abc".utf8)
    for (function, start) in [
      (Fingerprint.HashFunction.sha1, "sha-1 A9:99:3E:36:"), (.sha256, "sha-256 BA:78:16:BF:"),
      (.sha384, "sha-384 CB:00:75:3F:"), (.sha512, "sha-512 DD:AF:35:A1:"),
    ] {
      let fingerprint = try #require(abc.withUnsafeBytes { Fingerprint(of: $0, by: function) })
      #expect(fingerprint.description.hasPrefix(start))
      #expect(try Fingerprint(parsing: fingerprint.description) == fingerprint)
    }
  }

  @Test func refusesWhatIsNone() {
    let text = Identities.client.fingerprint.description
    let broken = [
      "", "sha-256", "md5 " + text.dropFirst(8), text + ":00", String(text.dropLast(3)), String(text.dropLast()),
      text.replacing(":", with: "-"), "sha-1 " + text.dropFirst(8), "sha-256 " + String(repeating: "G", count: 95),
      text + " x", "sha-256 " + String(repeating: ":", count: 31),
    ]
    for text in broken {
      #expect(throws: ParseError.self, "\(text)") { try Fingerprint(parsing: text) }
    }
  }

  @Test func onlyTheStrongestOfSeveralHashFunctionsCounts() throws {
    try Identities.client.certificate.withUnsafeBytes { certificate in
      let weak = try #require(Fingerprint(of: certificate, by: .sha1))
      let strong = try #require(Fingerprint(of: certificate, by: .sha512))
      let other = Identities.server.fingerprint
      #expect(Fingerprint.accept(certificate, announced: [weak]))
      #expect(Fingerprint.accept(certificate, announced: [other, strong]))
      #expect(Fingerprint.accept(certificate, announced: [other, Identities.client.fingerprint]))
      #expect(!Fingerprint.accept(certificate, announced: [weak, other]))
      #expect(!Fingerprint.accept(certificate, announced: []))
    }
  }
}
