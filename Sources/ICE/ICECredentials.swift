/// The user name fragment and password of one side (RFC 8839 §5.4).
package struct ICECredentials: Hashable, Sendable {
  package let ufrag: String
  package let password: String

  /// Credentials from the peer's description. Nil when they are not as RFC 8839 §5.4 wants them: 4 to 256 and 22 to 256
  /// characters, letters, digits, `+` and `/`.
  package init?(ufrag: String, password: String) {
    guard (4...256).contains(ufrag.utf8.count), (22...256).contains(password.utf8.count),
      (ufrag + password).utf8.allSatisfy({ Self.isICECharacter($0) })
    else { return nil }
    self.ufrag = ufrag
    self.password = password
  }

  private init(madeUfrag ufrag: String, password: String) {
    self.ufrag = ufrag
    self.password = password
  }

  /// Fresh credentials of our own: 48 bits of ufrag and 144 of password, where RFC 8445 §5.3 wants 24 and 128.
  package static func make(using generator: inout some RandomNumberGenerator) -> ICECredentials {
    ICECredentials(madeUfrag: text(8, using: &generator), password: text(24, using: &generator))
  }

  /// The ufrag as a number, for a table from ufrags to sessions: see ``STUNMessage/routingKey(ofRequest:)``. Ufrags
  /// that ``make(using:)`` made have one; nil for lengths other than theirs.
  package var routingKey: UInt64? {
    guard ufrag.utf8.count == 8 else { return nil }
    return ufrag.utf8.reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static let alphabet = [UInt8]("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  private static func text(_ count: Int, using generator: inout some RandomNumberGenerator) -> String {
    // 64 characters: six bits of each number, none more likely than another.
    String(decoding: (0..<count).map { _ in alphabet[Int(generator.next() & 63)] }, as: UTF8.self)
  }

  static func isICECharacter(_ character: UInt8) -> Bool {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
      true
    default: false
    }
  }
}
