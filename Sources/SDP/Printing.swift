extension SessionDescription {
  /// The description as text, its lines ending in CR LF.
  package var text: String {
    var printer = Printer()
    printer.line("v", "0")
    printer.line("o", "\(origin.username) \(origin.sessionID) \(origin.sessionVersion) \(origin.address)")
    printer.line("s", name)
    printer.line("t", "0 0")
    for group in groups { printer.attribute("group", ([group.semantics] + group.mids).joined(separator: " ")) }
    printer.flag("extmap-allow-mixed", if: allowsMixedExtensions)
    printer.attribute("msid-semantic", msidSemantic)
    printer.flag("ice-lite", if: isICELite)
    if let direction { printer.flag(direction.rawValue) }
    printer.transport(transport)
    printer.attributes(otherAttributes)
    for section in media { printer.section(section) }
    return printer.text
  }
}

/// Writes lines. Nothing that it is given contains a line end: our own values have none, and those that came from a peer were
/// lines before.
struct Printer {
  private(set) var text = ""

  init() {
    text.reserveCapacity(4096)
  }

  mutating func line(_ type: Character, _ value: String) {
    text.append(type)
    text += "="
    text += value
    text += "\r\n"
  }

  mutating func flag(_ name: String, if condition: Bool = true) {
    if condition { line("a", name) }
  }

  mutating func attribute(_ name: String, _ value: String?) {
    guard let value else { return }
    text += "a="
    text += name
    text += ":"
    text += value
    text += "\r\n"
  }

  mutating func attributes(_ attributes: [Attribute]) {
    for attribute in attributes {
      if attribute.value == nil { flag(attribute.name) } else { self.attribute(attribute.name, attribute.value) }
    }
  }

  mutating func transport(_ transport: TransportAttributes) {
    for candidate in transport.candidates { attribute("candidate", candidate) }
    flag("end-of-candidates", if: transport.endsCandidates)
    attribute("ice-ufrag", transport.iceUfrag)
    attribute("ice-pwd", transport.icePwd)
    if !transport.iceOptions.isEmpty { attribute("ice-options", transport.iceOptions.joined(separator: " ")) }
    for fingerprint in transport.fingerprints { attribute("fingerprint", fingerprint.text) }
    attribute("setup", transport.setup?.rawValue)
  }

  mutating func section(_ section: MediaDescription) {
    let formats = section.formats + section.payloads.map { String($0.payloadType) }
    line("m", "\(section.kind) \(section.port) \(section.proto) \(formats.joined(separator: " "))")
    if let connection = section.connection { line("c", connection) }
    if let bitrate = section.bandwidth.bitsPerSecond { line("b", "TIAS:\(bitrate)") }
    if let bitrate = section.bandwidth.kilobitsPerSecond { line("b", "AS:\(bitrate)") }
    transport(section.transport)
    attribute("mid", section.mid)
    flag("bundle-only", if: section.isBundleOnly)
    flag("extmap-allow-mixed", if: section.allowsMixedExtensions)
    for headerExtension in section.extensions { attribute("extmap", headerExtension.text) }
    if let direction = section.direction { flag(direction.rawValue) }
    for msid in section.msids { attribute("msid", msid.text) }
    flag("rtcp-mux", if: section.multiplexesRTCP)
    flag("rtcp-rsize", if: section.allowsReducedSizeRTCP)
    if !section.extendedReports.isEmpty { attribute("rtcp-xr", section.extendedReports.joined(separator: " ")) }
    for feedback in section.feedbackForAll { attribute("rtcp-fb", "* \(feedback.text)") }
    for payload in section.payloads { self.payload(payload) }
    for group in section.sourceGroups {
      attribute("ssrc-group", ([group.semantics] + group.ssrcs.map { String($0) }).joined(separator: " "))
    }
    for source in section.sources { self.source(source) }
    attribute("sctp-port", section.sctpPort.map { String($0) })
    attribute("max-message-size", section.maximumMessageSize.map { String($0) })
    attributes(section.otherAttributes)
  }

  private mutating func payload(_ payload: PayloadFormat) {
    attribute("rtpmap", payload.encoding.map { "\(payload.payloadType) \($0.text)" })
    for feedback in payload.feedback { attribute("rtcp-fb", "\(payload.payloadType) \(feedback.text)") }
    if !payload.parameters.isEmpty { attribute("fmtp", "\(payload.payloadType) \(payload.parameters.text)") }
  }

  private mutating func source(_ source: Source) {
    for detail in source.attributes {
      attribute("ssrc", "\(source.ssrc) \(detail.name)" + (detail.value.map { ":" + $0 } ?? ""))
    }
  }
}

extension HeaderExtension {
  fileprivate var text: String {
    let suffix = direction.map { "/" + $0.rawValue } ?? ""
    return "\(id)\(suffix) \(uri.text)" + (attributes.map { " " + $0 } ?? "")
  }
}

extension MediaStreamIdentifier {
  fileprivate var text: String {
    track.map { "\(stream) \($0)" } ?? stream
  }
}
