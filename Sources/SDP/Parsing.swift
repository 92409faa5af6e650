extension SessionDescription {
  /// Reads a description. Lines may end in CR LF or LF, and unknown lines and attributes do no harm; what is known must be right.
  package init(parsing bytes: [UInt8]) throws(SDPError) {
    var lines = try Lines(bytes)
    try self.init(parsing: &lines)
  }

  /// Reads a description.
  package init(parsing text: String) throws(SDPError) {
    var lines = try Lines(text)
    try self.init(parsing: &lines)
  }

  private init(parsing lines: inout Lines) throws(SDPError) {
    guard let first = try lines.next(), first.type == "v", first.value == "0" else {
      throw .unacceptable("A session description starts with the line “v=0”.")
    }
    var origin: Origin?
    var session = SessionDescription(origin: Origin(sessionID: "0", sessionVersion: "0"))
    var section: MediaDescription?

    while let line = try lines.next() {
      switch line.type {
      case "m":
        if let section { session.media.append(section) }
        guard session.media.count < SDPLimits.mediaSections else {
          throw .tooMuch("The description has more than \(SDPLimits.mediaSections) media sections.")
        }
        section = try MediaDescription(parsing: line)
      case "o": origin = try Origin(parsing: line)
      case "s" where section == nil: session.name = String(line.value)
      case "c": section?.connection = String(line.value)
      case "b": section?.bandwidth.take(line)
      case "a":
        let attribute = try line.attribute()
        if section == nil {
          try session.take(attribute)
        } else {
          try section?.take(attribute)
        }
      default: continue
      }
    }

    if let section { session.media.append(section) }
    guard let origin else { throw .unacceptable("The description has no origin line (“o=”).") }
    session.origin = origin
    try session.checkMids()
    self = session
  }

  private mutating func take(_ attribute: ParsedAttribute) throws(SDPError) {
    switch attribute.name {
    case "group":
      guard groups.count < SDPLimits.groups else { throw attribute.malformed("there are too many.") }
      groups.append(try Group(parsing: attribute))
    case "msid-semantic": msidSemantic = String(attribute.value?.trimmed ?? Substring())
    case "ice-lite": isICELite = true
    case "extmap-allow-mixed": allowsMixedExtensions = true
    case "sendrecv", "sendonly", "recvonly", "inactive": direction = Direction(rawValue: attribute.name)
    default:
      if try !transport.take(attribute) { otherAttributes.append(attribute.unparsed) }
    }
  }

  /// A mid names one section only (RFC 5888 §4).
  private func checkMids() throws(SDPError) {
    var seen: Set<String> = []
    for mid in media.compactMap(\.mid) where !seen.insert(mid).inserted {
      throw .unacceptable("Two media sections have the mid \(quoted(mid)).")
    }
  }
}

extension SessionDescription.Origin {
  fileprivate init(parsing line: Line) throws(SDPError) {
    var fields = Fields(line.value)
    guard let username = fields.next(), let id = fields.next(), let version = fields.next(), !fields.isAtEnd else {
      throw line.malformed("an origin has a user name, a session id, a version and an address.")
    }
    self.init(
      username: String(username), sessionID: String(id), sessionVersion: String(version),
      address: String(fields.remainder()))
  }
}

extension SessionDescription.Group {
  init(parsing attribute: ParsedAttribute) throws(SDPError) {
    var fields = try attribute.fields()
    guard let semantics = fields.next(), semantics.isToken else { throw attribute.malformed("it has no semantics.") }
    let mids = fields.all()
    guard mids.count <= SDPLimits.mediaSections else { throw attribute.malformed("it lists too many sections.") }
    guard mids.allSatisfy(\.isToken) else { throw attribute.malformed("a mid in it is no token.") }
    self.init(semantics: String(semantics), mids: mids.map { String($0) })
  }
}

extension MediaDescription {
  /// Reads an `m=` line: kind, port (or port/count), protocol, formats.
  init(parsing line: Line) throws(SDPError) {
    var fields = Fields(line.value)
    guard let kind = fields.next(), kind.isToken, let portField = fields.next(), let proto = fields.next() else {
      throw line.malformed("a media section has a kind, a port, a protocol and formats.")
    }
    guard let port = portField.cut(at: UInt8(ascii: "/")).head.decimal(UInt16.self) else {
      throw line.malformed("\(quoted(portField)) is no port.")
    }
    self.init(kind: MediaKind(kind), port: port, proto: String(proto))
    let formats = fields.all()
    guard !formats.isEmpty else { throw line.malformed("the media section lists no format.") }
    guard isRTP else {
      self.formats = formats.map { String($0) }
      return
    }
    for format in formats {
      guard let payloadType = format.decimal(UInt8.self), payloadType <= 127 else {
        throw line.malformed("\(quoted(format)) is no RTP payload type (0 to 127).")
      }
      // Listed twice it still means one codec.
      guard !payloads.contains(where: { $0.payloadType == payloadType }) else { continue }
      payloads.append(PayloadFormat(payloadType: payloadType))
    }
  }

  fileprivate mutating func take(_ attribute: ParsedAttribute) throws(SDPError) {
    switch attribute.name {
    case "mid": mid = try attribute.token()
    case "sendrecv", "sendonly", "recvonly", "inactive": direction = Direction(rawValue: attribute.name)
    case "msid":
      guard msids.count < SDPLimits.sources else { throw attribute.malformed("there are too many.") }
      msids.append(try MediaStreamIdentifier(parsing: attribute))
    case "bundle-only": isBundleOnly = true
    case "rtcp-mux": multiplexesRTCP = true
    case "rtcp-rsize": allowsReducedSizeRTCP = true
    case "extmap-allow-mixed": allowsMixedExtensions = true
    case "extmap":
      guard extensions.count < SDPLimits.extensions else { throw attribute.malformed("there are too many.") }
      extensions.append(try HeaderExtension(parsing: attribute))
    case "rtpmap": try takeEncoding(attribute)
    case "fmtp": try takeParameters(attribute)
    case "rtcp-fb": try takeFeedback(attribute)
    // Without a value: extended reports are known, none is asked for (RFC 3611 §5.1).
    case "rtcp-xr": extendedReports += attribute.words()
    case "ssrc": try takeSource(attribute)
    case "ssrc-group": try takeSourceGroup(attribute)
    case "sctp-port": sctpPort = try attribute.number(attribute.text())
    case "max-message-size": maximumMessageSize = try attribute.number(attribute.text())
    default:
      if try !transport.take(attribute) { otherAttributes.append(attribute.unparsed) }
    }
  }

  private mutating func takeEncoding(_ attribute: ParsedAttribute) throws(SDPError) {
    var fields = try attribute.fields()
    let payloadType: UInt8 = try attribute.number(fields.next())
    let encoding = try Encoding(parsing: fields.remainder(), of: attribute)
    guard let index = index(of: payloadType) else { return }
    payloads[index].encoding = encoding
  }

  private mutating func takeParameters(_ attribute: ParsedAttribute) throws(SDPError) {
    // Without RTP it is somebody else's syntax.
    guard isRTP else { return otherAttributes.append(attribute.unparsed) }
    var fields = try attribute.fields()
    let payloadType: UInt8 = try attribute.number(fields.next())
    guard let index = index(of: payloadType) else { return }
    payloads[index].parameters.list += FormatParameters(parsing: fields.remainder()).list
  }

  private mutating func takeFeedback(_ attribute: ParsedAttribute) throws(SDPError) {
    var fields = try attribute.fields()
    let format = fields.next()
    let words = fields.all()
    guard !words.isEmpty else { throw attribute.malformed("it names no feedback.") }
    let feedback = Feedback(words.joined(separator: " "))
    if format == "*" {
      if !feedbackForAll.contains(feedback) { feedbackForAll.append(feedback) }
      return
    }
    let payloadType: UInt8 = try attribute.number(format)
    guard let index = index(of: payloadType), !payloads[index].feedback.contains(feedback) else { return }
    payloads[index].feedback.append(feedback)
  }

  private mutating func takeSource(_ attribute: ParsedAttribute) throws(SDPError) {
    var fields = try attribute.fields()
    let ssrc: UInt32 = try attribute.number(fields.next())
    let (name, value) = fields.remainder().cut(at: UInt8(ascii: ":"))
    guard name.isToken else { throw attribute.malformed("it says nothing about the source.") }
    let detail = Attribute(String(name), value.map { String($0) })
    if let index = sources.firstIndex(where: { $0.ssrc == ssrc }) {
      sources[index].attributes.append(detail)
    } else {
      guard sources.count < SDPLimits.sources else { throw attribute.malformed("there are too many sources.") }
      sources.append(Source(ssrc: ssrc, attributes: [detail]))
    }
  }

  private mutating func takeSourceGroup(_ attribute: ParsedAttribute) throws(SDPError) {
    var fields = try attribute.fields()
    guard let semantics = fields.next(), semantics.isToken else { throw attribute.malformed("it has no semantics.") }
    guard sourceGroups.count < SDPLimits.sources else { throw attribute.malformed("there are too many.") }
    var ssrcs: [UInt32] = []
    while let field = fields.next() { ssrcs.append(try attribute.number(field)) }
    sourceGroups.append(SourceGroup(semantics: String(semantics), ssrcs: ssrcs))
  }

  private func index(of payloadType: UInt8) -> Int? {
    payloads.firstIndex { $0.payloadType == payloadType }
  }
}

extension MediaDescription.Bandwidth {
  /// A modifier that is not understood, or an amount that is no number, limits nothing.
  fileprivate mutating func take(_ line: Line) {
    let (modifier, amount) = line.value.cut(at: UInt8(ascii: ":"))
    switch modifier {
    case "TIAS": bitsPerSecond = amount?.trimmed.decimal()
    case "AS": kilobitsPerSecond = amount?.trimmed.decimal()
    default: break
    }
  }
}

extension TransportAttributes {
  /// Takes what is an attribute of the transport; false for any other.
  mutating func take(_ attribute: ParsedAttribute) throws(SDPError) -> Bool {
    switch attribute.name {
    case "ice-ufrag": iceUfrag = try attribute.iceText(lengths: 4...256)
    case "ice-pwd": icePwd = try attribute.iceText(lengths: 22...256)
    case "ice-options": iceOptions = attribute.words()
    case "fingerprint":
      guard fingerprints.count < SDPLimits.fingerprints else { throw attribute.malformed("there are too many.") }
      fingerprints.append(try Fingerprint(parsing: attribute))
    case "setup":
      let text = try attribute.text()
      guard let setup = Setup(rawValue: String(text)) else {
        throw attribute.malformed("\(quoted(text)) is none of active, passive, actpass and holdconn.")
      }
      self.setup = setup
    case "candidate":
      guard candidates.count < SDPLimits.candidates else {
        throw .tooMuch("A media section has more than \(SDPLimits.candidates) candidates.")
      }
      candidates.append(String(try attribute.text()))
    case "end-of-candidates": endsCandidates = true
    default: return false
    }
    return true
  }
}

extension ParsedAttribute {
  /// A user name or password (RFC 8839 §5.4). The lengths matter: both end up in STUN messages.
  fileprivate func iceText(lengths: ClosedRange<Int>) throws(SDPError) -> String {
    let text = try text()
    guard lengths.contains(text.utf8.count), text.isICEText else {
      throw malformed("it is not \(lengths.lowerBound) to \(lengths.upperBound) letters, digits, “+” and “/”.")
    }
    return String(text)
  }
}

extension Fingerprint {
  private static let lengths = ["sha-1": 20, "sha-224": 28, "sha-256": 32, "sha-384": 48, "sha-512": 64]
  private static let longest = 64

  fileprivate init(parsing attribute: ParsedAttribute) throws(SDPError) {
    var fields = try attribute.fields()
    guard let name = fields.next(), name.isToken, let digest = fields.next(), fields.isAtEnd else {
      throw attribute.malformed("it is not a hash function and a hash.")
    }
    var bytes: [UInt8] = []
    for octet in digest.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false) {
      guard octet.count == 2, octet.allSatisfy(\.isHexDigit), let byte = UInt8(Substring(octet), radix: 16),
        bytes.count < Self.longest
      else {
        throw attribute.malformed("\(quoted(digest)) is not a hash in the form 0A:1B:….")
      }
      bytes.append(byte)
    }
    let algorithm = name.lowercased()
    if let length = Self.lengths[algorithm], length != bytes.count {
      throw attribute.malformed("a \(algorithm) hash has \(length) bytes, not \(bytes.count).")
    }
    self.init(algorithm: algorithm, bytes: bytes)
  }
}

extension UInt8 {
  fileprivate var isHexDigit: Bool {
    (0x30...0x39).contains(self) || (0x41...0x46).contains(self) || (0x61...0x66).contains(self)
  }
}

extension Encoding {
  /// Reads `name/clock rate` or `name/clock rate/channels`.
  fileprivate init(parsing text: Substring, of attribute: ParsedAttribute) throws(SDPError) {
    let (name, rest) = text.cut(at: UInt8(ascii: "/"))
    guard name.isToken, let rest else { throw attribute.malformed("\(quoted(text)) is not of the form name/rate.") }
    let (rate, channels) = rest.cut(at: UInt8(ascii: "/"))
    self.init(
      String(name), clockRate: try attribute.number(rate),
      channels: try channels.map { text throws(SDPError) in try attribute.number(text) } ?? 1)
  }
}

extension FormatParameters {
  /// Reads `key=value;key=value`. There is no malformed one: every format has its own syntax (`0-15`, `111/111`).
  fileprivate init(parsing text: Substring) {
    for part in text.utf8.split(separator: UInt8(ascii: ";")) {
      let (key, value) = Substring(part).trimmed.cut(at: UInt8(ascii: "="))
      guard !key.utf8.isEmpty else { continue }
      list.append(Parameter(String(key.trimmed), value.map { String($0.trimmed) }))
    }
  }
}

extension HeaderExtension {
  /// Reads `id[/direction] uri [attributes]`.
  fileprivate init(parsing attribute: ParsedAttribute) throws(SDPError) {
    var fields = try attribute.fields()
    let (id, suffix) = (fields.next() ?? Substring()).cut(at: UInt8(ascii: "/"))
    guard let uri = fields.next() else { throw attribute.malformed("it names no extension.") }
    var direction: Direction?
    if let suffix {
      direction = Direction(rawValue: String(suffix))
      guard direction != nil else { throw attribute.malformed("\(quoted(suffix)) is no direction.") }
    }
    let attributes = fields.remainder()
    self.init(
      id: try attribute.number(id), direction: direction, uri: ExtensionURI(String(uri)),
      attributes: attributes.utf8.isEmpty ? nil : String(attributes))
  }
}

extension MediaStreamIdentifier {
  fileprivate init(parsing attribute: ParsedAttribute) throws(SDPError) {
    var fields = try attribute.fields()
    guard let stream = fields.next() else { throw attribute.malformed("it names no stream.") }
    self.init(stream: String(stream), track: fields.next().map { String($0) })
  }
}
