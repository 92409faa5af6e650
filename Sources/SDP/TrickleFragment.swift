/// An `application/trickle-ice-sdpfrag` (RFC 8840 §9): candidates that were found after the offer or answer, or the credentials of
/// an ICE restart, as WHEP and WHIP carry them in a PATCH and its answer.
package struct TrickleFragment: Equatable, Sendable {
  package var groups: [SessionDescription.Group] = []
  package var isICELite = false
  /// What stands before the first media section: usually user name and password.
  package var transport = TransportAttributes()
  package var sections: [Section] = []

  package init() {}

  /// What belongs to one media section of the description.
  package struct Section: Equatable, Sendable {
    package var kind: MediaKind
    package var mid: String?
    package var transport = TransportAttributes()

    package init(kind: MediaKind, mid: String?) {
      self.kind = kind
      self.mid = mid
    }
  }

  /// The user name, password and candidates that are meant, whichever level they stand at, for a session with a single transport.
  /// `mid` is the section that describes the transport (``NegotiatedSession/transportMid``): candidates of other sections belong to
  /// transports that do not exist. A section without a mid means that one.
  package func transport(bundledIn mid: String?) -> TransportAttributes {
    let section = sections.first { $0.mid == mid } ?? sections.first { $0.mid == nil || mid == nil }
    return section?.transport.inheriting(from: transport) ?? transport
  }

  /// Reads a fragment, within the same bounds as a whole description.
  package init(parsing bytes: [UInt8]) throws(SDPError) {
    var lines = try Lines(bytes)
    try self.init(parsing: &lines)
  }

  /// Reads a fragment.
  package init(parsing text: String) throws(SDPError) {
    var lines = try Lines(text)
    try self.init(parsing: &lines)
  }

  private init(parsing lines: inout Lines) throws(SDPError) {
    while let line = try lines.next() {
      switch line.type {
      case "m":
        guard sections.count < SDPLimits.mediaSections else {
          throw .tooMuch("The fragment has more than \(SDPLimits.mediaSections) media sections.")
        }
        sections.append(Section(kind: try MediaDescription(parsing: line).kind, mid: nil))
      case "a": try take(try line.attribute())
      default: continue
      }
    }
  }

  private mutating func take(_ attribute: ParsedAttribute) throws(SDPError) {
    let last = sections.indices.last
    switch attribute.name {
    case "mid":
      guard let last else { throw attribute.malformed("it stands in no media section.") }
      sections[last].mid = try attribute.token()
    case "group" where last == nil:
      guard groups.count < SDPLimits.groups else { throw attribute.malformed("there are too many.") }
      groups.append(try SessionDescription.Group(parsing: attribute))
    case "ice-lite" where last == nil: isICELite = true
    default:
      if let last {
        _ = try sections[last].transport.take(attribute)
      } else {
        _ = try transport.take(attribute)
      }
    }
  }

  /// The fragment as text, its lines ending in CR LF.
  package var text: String {
    var printer = Printer()
    for group in groups { printer.attribute("group", ([group.semantics] + group.mids).joined(separator: " ")) }
    printer.flag("ice-lite", if: isICELite)
    printer.transport(transport)
    for section in sections {
      // The media line only separates: RFC 8840 §9 gives its port and format no meaning.
      let isData = section.kind == .application
      printer.line("m", "\(section.kind) 9 " + (isData ? "UDP/DTLS/SCTP webrtc-datachannel" : "UDP/TLS/RTP/SAVPF 0"))
      printer.attribute("mid", section.mid)
      printer.transport(section.transport)
    }
    return printer.text
  }
}
