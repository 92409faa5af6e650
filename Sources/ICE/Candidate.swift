package import Wire

/// An address where one side may be reached (RFC 8445 §5.1).
package struct Candidate: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case host
    case serverReflexive
    case peerReflexive
    case relayed

    /// RFC 8445 §5.1.2.2.
    package var typePreference: UInt32 {
      switch self {
      case .host: 126
      case .peerReflexive: 110
      case .serverReflexive: 100
      case .relayed: 0
      }
    }
  }

  package enum Transport: Hashable, Sendable {
    case udp
    case tcp(TCPType)
  }

  /// RFC 6544 §4.5.
  package enum TCPType: Hashable, Sendable {
    case active
    case passive
    case simultaneousOpen
  }

  package enum Address: Hashable, Sendable {
    case ip(SocketAddress)
    /// Mostly a `….local` name that hides an address (draft-ietf-mmusic-mdns-ice-candidates). Whoever can resolve it
    /// makes a candidate with the address.
    case name(String, port: UInt16)
  }

  package var kind: Kind
  package var transport: Transport
  /// 1 for RTP and all that is multiplexed with it; 2 for RTCP of its own, which nobody here uses.
  package var component: UInt16
  /// Equal for candidates of one kind, base address and server: 1 to 32 characters.
  package var foundation: String
  package var priority: UInt32
  package var address: Address
  /// The base of a reflexive candidate, the mapped address of a relayed one; for diagnosis.
  package var relatedAddress: SocketAddress?

  package init(
    kind: Kind, transport: Transport = .udp, component: UInt16 = 1, foundation: String, priority: UInt32,
    address: Address, relatedAddress: SocketAddress? = nil
  ) {
    self.kind = kind
    self.transport = transport
    self.component = component
    self.foundation = foundation
    self.priority = priority
    self.address = address
    self.relatedAddress = relatedAddress
  }

  /// An address of our own interfaces.
  /// - Parameter preference: among our addresses, larger is better; each address its own (RFC 8445 §5.1.2.1, RFC 8421).
  package static func host(_ address: SocketAddress, preference: UInt16) -> Candidate {
    Candidate(
      kind: .host, foundation: foundation(.host, address.address), priority: priority(.host, preference: preference),
      address: .ip(address))
  }

  /// RFC 8445 §5.1.2.1, for component 1.
  package static func priority(_ kind: Kind, preference: UInt16) -> UInt32 {
    kind.typePreference << 24 | UInt32(preference) << 8 | 255
  }

  /// RFC 8445 §5.1.1.3: what is equal for two candidates exactly when kind and base address are.
  static func foundation(_ kind: Kind, _ base: IPAddress) -> String {
    let bytes = ByteWriter.bytes(capacity: 24) { writer in
      writer.write(kind.typePreference)
      writer.write(UInt32(base.family.rawValue))
      writer.write(base.high)
      writer.write(base.low)
    }
    return String(bytes.span.bytes.crc32)
  }

  /// The local preference that the priority was made of.
  var preference: UInt16 { UInt16(truncatingIfNeeded: priority >> 8) }

  /// The address, when it is not a name.
  package var socketAddress: SocketAddress? {
    switch address {
    case .ip(let address): address
    case .name: nil
    }
  }
}

// MARK: - As an SDP attribute

extension Candidate {
  /// Longer attributes are refused: the longest that makes sense has a name of 255 characters.
  private static let maximumAttributeLength = 1024

  /// Reads the value of an `a=candidate:` line (RFC 8839 §5.1), with or without `candidate:` before it. Extensions that
  /// are unknown are skipped.
  /// - Throws: ``ParseError/malformed(_:)``; drop the candidate then, there may be others.
  package init(parsing attribute: some StringProtocol) throws(ParseError) {
    guard attribute.utf8.count <= Self.maximumAttributeLength else { throw .malformed("candidate too long") }
    let prefix = "candidate:"
    let value = attribute.hasPrefix(prefix) ? attribute.dropFirst(prefix.count) : attribute[...]
    let words = value.split { $0 == " " || $0 == "\r" || $0 == "\n" }
    // foundation component transport priority address port typ kind
    guard words.count >= 8, words[6] == "typ" else { throw .malformed("candidate") }
    guard (1...32).contains(words[0].utf8.count), words[0].utf8.allSatisfy({ ICECredentials.isICECharacter($0) }) else {
      throw .malformed("foundation")
    }
    foundation = String(words[0])
    guard let component = Self.number(words[1], UInt16.self), (1...256).contains(component) else {
      throw .malformed("component")
    }
    self.component = component
    guard let priority = Self.number(words[3], UInt32.self) else { throw .malformed("priority") }
    self.priority = priority
    guard let port = Self.number(words[5], UInt16.self) else { throw .malformed("port") }
    if let ip = IPAddress(words[4]) {
      address = .ip(SocketAddress(ip, port: port))
    } else {
      guard Self.isName(words[4]) else { throw .malformed("connection-address") }
      address = .name(String(words[4]), port: port)
    }
    switch words[7] {
    case "host": kind = .host
    case "srflx": kind = .serverReflexive
    case "prflx": kind = .peerReflexive
    case "relay": kind = .relayed
    default: throw .malformed("candidate type")
    }
    var extensions: [Substring: Substring] = [:]
    var index = 8
    while index + 1 < words.count {
      let name = Substring(words[index])
      extensions[name] = extensions[name] ?? Substring(words[index + 1])
      index += 2
    }
    if let ip = extensions["raddr"].flatMap({ IPAddress($0) }),
      let port = extensions["rport"].flatMap({ Self.number($0, UInt16.self) })
    {
      relatedAddress = SocketAddress(ip, port: port)
    }
    switch words[2].lowercased() {
    case "udp": transport = .udp
    case "tcp":
      switch extensions["tcptype"] {
      case "active": transport = .tcp(.active)
      case "passive": transport = .tcp(.passive)
      case "so": transport = .tcp(.simultaneousOpen)
      default: throw .malformed("tcptype")
      }
    default: throw .malformed("candidate transport")
    }
  }

  /// The value of an `a=candidate:` line, without `candidate:`.
  package var attributeValue: String {
    let protocolName: String
    var end = ""
    switch transport {
    case .udp: protocolName = "udp"
    case .tcp(let type):
      protocolName = "tcp"
      end = " tcptype \(type.attributeValue)"
    }
    let place: String
    switch address {
    case .ip(let address): place = "\(address.address) \(address.port)"
    case .name(let name, let port): place = "\(name) \(port)"
    }
    let related = relatedAddress.map { " raddr \($0.address) rport \($0.port)" } ?? ""
    return "\(foundation) \(component) \(protocolName) \(priority) \(place) typ \(kind.attributeValue)\(related)\(end)"
  }

  /// Digits only: what `Int(_:)` takes besides them, such as a sign, is no number here.
  private static func number<Number: FixedWidthInteger>(_ text: some StringProtocol, _ type: Number.Type) -> Number? {
    guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
    return Number(text)
  }

  private static func isName(_ text: some StringProtocol) -> Bool {
    text.utf8.count <= 255
      && text.utf8.allSatisfy {
        ICECredentials.isICECharacter($0) && $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "/")
          || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_")
      }
  }
}

extension Candidate.Kind {
  fileprivate var attributeValue: String {
    switch self {
    case .host: "host"
    case .serverReflexive: "srflx"
    case .peerReflexive: "prflx"
    case .relayed: "relay"
    }
  }
}

extension Candidate.TCPType {
  fileprivate var attributeValue: String {
    switch self {
    case .active: "active"
    case .passive: "passive"
    case .simultaneousOpen: "so"
    }
  }
}
