/// An answer of ours, and what it comes to.
package struct Answer: Sendable {
  package var description: SessionDescription
  package var session: NegotiatedSession
}

extension LocalSession {
  /// Answers an offer with what we have (RFC 9429 §5.3.1): one video, one audio and one data section, one transport. All other
  /// sections are rejected in their place.
  ///
  /// - Throws: ``SDPError/unacceptable(_:)`` when nothing of the offer can be used, or it lacks what a transport needs.
  package func answer(_ offer: SessionDescription) throws(SDPError) -> Answer {
    let negotiation = try Negotiation(local: self, remote: offer, name: "offer")
    let setup = try setup(answering: negotiation.transportAttributes.setup)
    var description = emptyDescription()
    if offer.bundle != nil {
      description.groups = [SessionDescription.Group(semantics: "BUNDLE", mids: negotiation.bundledMids)]
    }
    for (offered, result) in zip(offer.media, negotiation.media) {
      description.media.append(section(answering: offered, with: result.outcome, setup: setup))
    }
    if let first = description.media.indices.first(where: { negotiation.isTransport(at: $0) }) {
      description.media[first].transport.candidates = transport.candidates
      description.media[first].transport.endsCandidates = transport.endsCandidates
    }
    return Answer(
      description: description, session: try negotiation.session(dtlsRole: setup == .active ? .client : .server))
  }

  /// RFC 8842 §5.3. An offer without the attribute is taken for one that lets us choose.
  private func setup(answering offered: Setup?) throws(SDPError) -> Setup {
    switch offered {
    case .actpass, nil: transport.setupInAnswers == .passive ? .passive : .active
    case .active: .passive
    case .passive: .active
    case .holdconn: throw .unacceptable("The offer says a=setup:holdconn: it wants no connection for now.")
    }
  }

  private func section(
    answering offered: MediaDescription, with outcome: NegotiatedMedia.Outcome, setup: Setup
  ) -> MediaDescription {
    var section = MediaDescription(kind: offered.kind, port: 9, proto: offered.proto)
    section.connection = "IN IP4 0.0.0.0"
    section.mid = offered.mid
    switch outcome {
    case .rejected:
      // Formats mean nothing now, but there must be one (RFC 3264 §6).
      section.port = 0
      section.formats = Array(offered.formats.prefix(1))
      section.payloads = offered.payloads.prefix(1).map { PayloadFormat(payloadType: $0.payloadType) }
      if offered.isRTP { section.direction = .inactive }
      return section
    case .dataChannel(let dataChannel):
      describe(dataChannel, like: offered, in: &section)
    case .stream(let stream):
      guard let media = media(of: offered.kind) else { return section }
      describe(stream, of: media, in: &section)
      section.extensions = stream.extensions.compactMap { agreed in
        offered.extensions.first { $0.uri == agreed.uri && $0.id == agreed.id }
          .map { answer($0, with: agreed, of: media, sectionDirection: stream.direction) }
      }
    }
    section.transport = transport.attributes(setup: setup)
    return section
  }

  /// RFC 8285 §6: the answer mirrors the direction. Where the section's own direction says it all, nothing is added.
  private func answer(
    _ offered: HeaderExtension, with agreed: NegotiatedExtension, of media: LocalMedia, sectionDirection: Direction
  ) -> HeaderExtension {
    let isImplied = offered.direction == nil && agreed.direction == sectionDirection
    return HeaderExtension(id: offered.id, direction: isImplied ? nil : agreed.direction, uri: offered.uri)
  }

  /// What offers and answers say alike about a stream, but for its extensions.
  fileprivate func describe(_ stream: NegotiatedStream, of media: LocalMedia, in section: inout MediaDescription) {
    section.direction = stream.direction
    section.multiplexesRTCP = true
    section.allowsReducedSizeRTCP = stream.allowsReducedSizeRTCP
    if stream.answersReceiverReferenceTime { section.extendedReports = [Negotiation.receiverReferenceTime] }
    let parameters = media.codecs.first { $0.encoding.matches(stream.codec.encoding) }?.parameters
    section.payloads = [
      PayloadFormat(
        payloadType: stream.codec.payloadType, encoding: stream.codec.encoding,
        parameters: parameters ?? FormatParameters(), feedback: stream.codec.feedback)
    ]
    if let retransmission = stream.codec.retransmissionPayloadType {
      section.payloads.append(
        .retransmission(retransmission, of: stream.codec.payloadType, clockRate: stream.codec.encoding.clockRate))
    }
    let retransmits = stream.codec.retransmissionPayloadType != nil
    describeSources(of: media, sends: stream.direction.sends, retransmits: retransmits, in: &section)
  }

  fileprivate func describeSources(
    of media: LocalMedia, sends: Bool, retransmits: Bool, in section: inout MediaDescription
  ) {
    guard sends else { return }
    section.msids = [MediaStreamIdentifier(stream: streamID, track: media.trackID)]
    guard let ssrc = media.ssrc else { return }
    var ssrcs = [ssrc]
    if retransmits, let retransmission = media.retransmissionSSRC {
      ssrcs.append(retransmission)
      section.sourceGroups = [SourceGroup(semantics: "FID", ssrcs: ssrcs)]
    }
    section.sources = ssrcs.map { Source(ssrc: $0, attributes: [Attribute("cname", cname)]) }
  }

  private func describe(
    _ dataChannel: NegotiatedDataChannel, like offered: MediaDescription, in section: inout MediaDescription
  ) {
    if offered.formats.first == Negotiation.dataChannelFormat {
      section.formats = [Negotiation.dataChannelFormat]
      section.sctpPort = dataChannel.localPort
    } else {
      // As it was before RFC 8841: the port is the format.
      section.formats = [String(dataChannel.localPort)]
      section.otherAttributes = [
        Attribute("sctpmap", "\(dataChannel.localPort) \(Negotiation.dataChannelFormat) 65535")
      ]
    }
    section.maximumMessageSize = self.dataChannel?.maximumMessageSize
  }

  fileprivate func emptyDescription() -> SessionDescription {
    var description = SessionDescription(
      origin: SessionDescription.Origin(sessionID: String(id), sessionVersion: String(version)))
    description.msidSemantic = "WMS *"
    description.isICELite = transport.isICELite
    return description
  }

  func media(of kind: MediaKind) -> LocalMedia? {
    switch kind {
    case .video: video
    case .audio: audio
    case .application, .other: nil
    }
  }
}

extension LocalTransport {
  /// What each section repeats. RFC 9143 asks for the first of a bundle only, but every browser repeats it and some peers look.
  fileprivate func attributes(setup: Setup) -> TransportAttributes {
    var attributes = TransportAttributes()
    attributes.iceUfrag = iceUfrag
    attributes.icePwd = icePwd
    attributes.iceOptions = iceOptions
    attributes.fingerprints = fingerprints
    attributes.setup = setup
    return attributes
  }
}

extension PayloadFormat {
  fileprivate static func retransmission(
    _ payloadType: UInt8, of associated: UInt8, clockRate: UInt32
  ) -> PayloadFormat {
    PayloadFormat(
      payloadType: payloadType, encoding: Encoding("rtx", clockRate: clockRate), parameters: ["apt": String(associated)]
    )
  }
}

/// An offer of ours that waits for its answer.
package struct Offer: Sendable {
  package let description: SessionDescription
  private let local: LocalSession

  /// What the answer makes of the offer (RFC 9429 §5.11).
  ///
  /// - Throws: ``SDPError/unacceptable(_:)`` when it does not answer this offer, or leaves nothing to do.
  package func accept(_ answer: SessionDescription) throws(SDPError) -> NegotiatedSession {
    guard answer.media.count == description.media.count else {
      throw .unacceptable(
        "The answer has \(answer.media.count) media sections where the offer has \(description.media.count).")
    }
    for (offered, answered) in zip(description.media, answer.media) {
      guard answered.kind == offered.kind, answered.mid == nil || answered.mid == offered.mid else {
        throw .unacceptable("The answer's media sections are not in the order of the offer's.")
      }
    }
    let negotiation = try Negotiation(local: local, remote: answer, name: "answer", offer: description)
    return try negotiation.session(dtlsRole: role(answeredWith: negotiation.transportAttributes.setup))
  }

  private func role(answeredWith setup: Setup?) throws(SDPError) -> NegotiatedSession.DTLSRole {
    switch (local.transport.setupInOffers, setup) {
    case (.active, .passive), (.active, nil): .client
    case (.passive, .active), (.passive, nil): .server
    // Who was free to choose should have been active (RFC 8842 §5.3).
    case (.actpass, .active), (.actpass, nil): .server
    case (.actpass, .passive): .client
    case (let offered, let answered):
      throw .unacceptable(
        "The answer says a=setup:\(answered?.rawValue ?? "") to an offer of a=setup:\(offered.rawValue).")
    }
  }

  fileprivate init(description: SessionDescription, local: LocalSession) {
    self.description = description
    self.local = local
  }
}

extension LocalSession {
  /// Offers all that we have, in the order video, audio, data, as one bundle.
  package func makeOffer() -> Offer {
    var description = emptyDescription()
    var ids = ExtensionNumbering()
    for (kind, media) in [(MediaKind.video, video), (.audio, audio)] {
      guard let media else { continue }
      description.media.append(section(offering: media, as: kind, numberedBy: &ids))
    }
    if let dataChannel {
      var section = MediaDescription(kind: .application, port: 9, proto: "UDP/DTLS/SCTP")
      section.formats = [Negotiation.dataChannelFormat]
      section.sctpPort = dataChannel.sctpPort
      section.maximumMessageSize = dataChannel.maximumMessageSize
      description.media.append(section)
    }
    for index in description.media.indices {
      description.media[index].mid = String(index)
      description.media[index].connection = "IN IP4 0.0.0.0"
      description.media[index].transport = transport.attributes(setup: transport.setupInOffers)
    }
    if !description.media.isEmpty {
      description.media[0].transport.candidates = transport.candidates
      description.media[0].transport.endsCandidates = transport.endsCandidates
    }
    description.groups = [SessionDescription.Group(semantics: "BUNDLE", mids: description.media.compactMap(\.mid))]
    return Offer(description: description, local: self)
  }

  private func section(
    offering media: LocalMedia, as kind: MediaKind, numberedBy ids: inout ExtensionNumbering
  ) -> MediaDescription {
    var section = MediaDescription(kind: kind, port: 9, proto: "UDP/TLS/RTP/SAVPF")
    section.direction = media.direction
    section.multiplexesRTCP = true
    section.allowsReducedSizeRTCP = media.allowsReducedSizeRTCP
    if media.answersReceiverReferenceTime { section.extendedReports = [Negotiation.receiverReferenceTime] }
    for codec in media.codecs {
      section.payloads.append(
        PayloadFormat(
          payloadType: codec.payloadType, encoding: codec.encoding, parameters: codec.parameters,
          feedback: codec.feedback))
      if let payloadType = codec.retransmissionPayloadType {
        section.payloads.append(
          .retransmission(payloadType, of: codec.payloadType, clockRate: codec.encoding.clockRate))
      }
    }
    for supported in media.extensions {
      guard let id = ids.id(of: supported.uri) else { continue }
      let direction = supported.direction.limited(to: media.direction)
      guard direction != .inactive else { continue }
      section.extensions.append(
        HeaderExtension(id: id, direction: direction == media.direction ? nil : direction, uri: supported.uri))
    }
    let retransmits = media.codecs.contains { $0.retransmissionPayloadType != nil }
    describeSources(of: media, sends: media.direction.sends, retransmits: retransmits, in: &section)
    return section
  }
}

/// In a bundle an extension has one identifier, whatever the section (RFC 9143 §9.2).
private struct ExtensionNumbering {
  private var uris: [ExtensionURI] = []

  mutating func id(of uri: ExtensionURI) -> UInt16? {
    if let index = uris.firstIndex(of: uri) { return UInt16(index + 1) }
    guard uris.count < Int(Negotiation.highestExtensionID) else { return nil }
    uris.append(uri)
    return UInt16(uris.count)
  }
}
