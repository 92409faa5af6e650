/// Finds what a description of the peer's, offer or answer, and we have in common.
///
/// Knows nothing of text and of who asked: ``LocalSession/answer(_:)`` and ``Offer/accept(_:)`` put the result into words.
struct Negotiation {
  let local: LocalSession
  let remote: SessionDescription
  /// "offer" or "answer", for messages.
  let name: String
  /// Ours, when `remote` answers it.
  let offer: SessionDescription?
  private(set) var media: [NegotiatedMedia]
  /// The accepted sections that share a transport, the one that describes it first.
  private(set) var bundledMids: [String] = []
  private var transportIndex = 0

  /// `webrtc-datachannel` (RFC 8841).
  static let dataChannelFormat = "webrtc-datachannel"
  /// RFC 3611 §5.1: the sender of the attribute asks for reports that let it know the round trip to any receiver.
  static let receiverReferenceTime = "rcvr-rtt=all"
  /// We write one-byte header extensions only, where 15 is reserved (RFC 8285 §4.2).
  static let highestExtensionID: UInt8 = 14
  /// What a one-byte header extension can carry (RFC 8285 §4.2).
  static let longestMidInPackets = 16

  init(
    local: LocalSession, remote: SessionDescription, name: String, offer: SessionDescription? = nil
  ) throws(SDPError) {
    self.local = local
    self.remote = remote
    self.name = name
    self.offer = offer
    media = []
    media = remote.media.indices.map { index in
      let section = remote.media[index]
      return NegotiatedMedia(kind: section.kind, mid: section.mid, outcome: outcome(of: section, at: index))
    }
    keepOneOfEachKind()
    keepOneTransport()
    keepIdentifiersUnique()
    try findTransport()
  }

  func isTransport(at index: Int) -> Bool { index == transportIndex }

  /// The attributes of the section whose transport is used. Under max-bundle the sections after the bundle's first leave theirs
  /// out, or at least the candidates. When we have rejected that first one it still speaks for them.
  var transportAttributes: TransportAttributes {
    let own = remote.transport(of: remote.media[transportIndex])
    guard let tag = remote.bundle?.first, let tagged = remote.media.first(where: { $0.mid == tag }) else { return own }
    let shared = remote.transport(of: tagged)
    return own.iceUfrag == nil || own.iceUfrag == shared.iceUfrag ? own.inheriting(from: shared) : own
  }

  func session(dtlsRole: NegotiatedSession.DTLSRole) throws(SDPError) -> NegotiatedSession {
    let attributes = transportAttributes
    guard let iceUfrag = attributes.iceUfrag, let icePwd = attributes.icePwd else {
      throw .unacceptable("The \(name) has no ICE user name and password (a=ice-ufrag, a=ice-pwd).")
    }
    guard !attributes.fingerprints.isEmpty else {
      throw .unacceptable("The \(name) has no certificate fingerprint (a=fingerprint), so it is not WebRTC.")
    }
    return NegotiatedSession(
      media: media, transportMid: remote.media[transportIndex].mid,
      remote: RemoteTransport(
        iceUfrag: iceUfrag, icePwd: icePwd, iceOptions: attributes.iceOptions, isICELite: remote.isICELite,
        fingerprints: attributes.fingerprints, candidates: attributes.candidates,
        endsCandidates: attributes.endsCandidates),
      dtlsRole: dtlsRole)
  }
}

// MARK: One section at a time

extension Negotiation {
  private func outcome(of section: MediaDescription, at index: Int) -> NegotiatedMedia.Outcome {
    let isBundled = section.mid.map { remote.bundle?.contains($0) ?? false } ?? false
    // Port zero means rejected, unless the section merely has no transport of its own (RFC 9143 §6).
    guard section.port != 0 || section.isBundleOnly && isBundled else { return .rejected(.byPeer) }
    let outcome =
      switch section.kind {
      case .application: dataChannel(section)
      case .audio, .video: stream(section, at: index)
      case .other: NegotiatedMedia.Outcome.rejected(.unsupportedKind)
      }
    if case .rejected = outcome { return outcome }
    return remote.bundle == nil || isBundled ? outcome : .rejected(.outsideBundle)
  }

  private func dataChannel(_ section: MediaDescription) -> NegotiatedMedia.Outcome {
    guard let dataChannel = local.dataChannel else { return .rejected(.unsupportedKind) }
    guard ["UDP/DTLS/SCTP", "TCP/DTLS/SCTP", "DTLS/SCTP"].contains(section.proto), let format = section.formats.first
    else { return .rejected(.unsupportedProtocol) }
    let remotePort: UInt16
    if format == Self.dataChannelFormat {
      remotePort = section.sctpPort ?? NegotiatedDataChannel.defaultPort
    } else if let port = Substring(format).decimal(UInt16.self) {
      remotePort = port  // as it was before RFC 8841
    } else {
      return .rejected(.unsupportedProtocol)
    }
    // RFC 8841 §5.1: port zero closes the association.
    guard remotePort != 0 else { return .rejected(.byPeer) }
    let size = section.maximumMessageSize ?? NegotiatedDataChannel.defaultMaximumMessageSize
    return .dataChannel(
      NegotiatedDataChannel(
        mid: section.mid, localPort: dataChannel.sctpPort, remotePort: remotePort,
        remoteMaximumMessageSize: size == 0 ? .max : size))
  }

  private func stream(_ section: MediaDescription, at index: Int) -> NegotiatedMedia.Outcome {
    guard let media = local.media(of: section.kind) else { return .rejected(.unsupportedKind) }
    guard section.isRTP else { return .rejected(.unsupportedProtocol) }
    guard section.multiplexesRTCP else { return .rejected(.rtcpNotMultiplexed) }
    guard var codec = codec(of: section, from: media.codecs, offered: offer?.media[index].payloads) else {
      return .rejected(.noCommonCodec)
    }
    let direction = media.direction.limited(to: remote.direction(of: section).reversed)
    let extensions = extensions(
      of: section, from: media.extensions, direction: direction, offered: offer?.media[index].extensions)
    if !extensions.contains(where: { $0.uri == .transportWideSequenceNumber }) {
      // Nothing to feed back on.
      codec.feedback.removeAll { $0 == .transportWide }
    }
    let kilobits = section.bandwidth.kilobitsPerSecond.map { $0.multipliedReportingOverflow(by: 1000) }
    return .stream(
      NegotiatedStream(
        mid: section.mid, direction: direction, codec: codec, extensions: extensions,
        allowsReducedSizeRTCP: media.allowsReducedSizeRTCP && section.allowsReducedSizeRTCP,
        answersReceiverReferenceTime: media.answersReceiverReferenceTime
          && section.extendedReports.contains { $0.hasPrefix("rcvr-rtt") },
        maximumBitrate: section.bandwidth.bitsPerSecond ?? kilobits.flatMap { $0.overflow ? nil : $0.partialValue },
        remoteMsids: section.msids, remoteSources: section.sources, remoteSourceGroups: section.sourceGroups))
  }

  /// Our first codec that the peer knows too. In an answer to ours it must have kept its number.
  private func codec(
    of section: MediaDescription, from codecs: [LocalCodec], offered: [PayloadFormat]?
  ) -> NegotiatedCodec? {
    for codec in codecs {
      for payload in section.payloads {
        guard let encoding = payload.encoding, encoding.matches(codec.encoding),
          offered == nil || payload.payloadType == codec.payloadType
        else { continue }
        let feedback = payload.feedback + section.feedbackForAll
        return NegotiatedCodec(
          // In the peer's spelling: nobody can fail to recognise that.
          encoding: encoding, payloadType: payload.payloadType,
          retransmissionPayloadType: codec.retransmissionPayloadType.flatMap { own in
            retransmission(of: payload, in: section.payloads).flatMap { offered == nil || $0 == own ? $0 : nil }
          },
          feedback: codec.feedback.filter { feedback.contains($0) }, remoteParameters: payload.parameters)
      }
    }
    return nil
  }

  private func retransmission(of payload: PayloadFormat, in payloads: [PayloadFormat]) -> UInt8? {
    payloads.first { other in
      other.payloadType != payload.payloadType
        && other.encoding.map { $0.name.equalsIgnoringCase("rtx") && $0.clockRate == payload.encoding?.clockRate }
          == true
        && other.parameters.associatedPayloadType == payload.payloadType
    }?.payloadType
  }

  private func extensions(
    of section: MediaDescription, from supported: [LocalExtension], direction: Direction, offered: [HeaderExtension]?
  ) -> [NegotiatedExtension] {
    var result: [NegotiatedExtension] = []
    for candidate in supported {
      if candidate.uri == .mid, (section.mid?.utf8.count ?? 0) > Self.longestMidInPackets { continue }
      let found = section.extensions.first {
        $0.uri == candidate.uri && (1...UInt16(Self.highestExtensionID)).contains($0.id)
      }
      guard let found, let id = UInt8(exactly: found.id), !result.contains(where: { $0.id == id }) else { continue }
      if let offered, !offered.contains(where: { $0.uri == found.uri && $0.id == found.id }) { continue }
      let agreed = candidate.direction.limited(to: (found.direction ?? .sendrecv).reversed).limited(to: direction)
      guard agreed != .inactive else { continue }
      result.append(NegotiatedExtension(id: id, uri: candidate.uri, direction: agreed))
    }
    return result
  }
}

// MARK: All sections together

extension Negotiation {
  /// We have one camera, one microphone and one SCTP association. A section in which something flows is worth more than one
  /// that comes first.
  private mutating func keepOneOfEachKind() {
    for kind in [MediaKind.video, .audio, .application] {
      let accepted = media.indices.filter { media[$0].kind == kind && media[$0].isAccepted }
      let chosen = accepted.first { media[$0].isFlowing } ?? accepted.first
      for index in accepted where index != chosen { media[index].outcome = .rejected(.anotherOfItsKind) }
    }
  }

  /// Without a BUNDLE group every section has a transport of its own: we can serve one.
  private mutating func keepOneTransport() {
    guard remote.bundle == nil else { return }
    for index in media.indices.filter({ media[$0].isAccepted }).dropFirst() {
      media[index].outcome = .rejected(.outsideBundle)
    }
  }

  /// In a bundle a payload type means one codec, and an extension identifier one extension (RFC 9143 §9.1 and §9.2).
  private mutating func keepIdentifiersUnique() {
    var payloadTypes: Set<UInt8> = []
    var extensions: [UInt8: ExtensionURI] = [:]
    for index in media.indices {
      guard case .stream(var stream) = media[index].outcome else { continue }
      let own = [stream.codec.payloadType, stream.codec.retransmissionPayloadType].compactMap { $0 }
      guard payloadTypes.isDisjoint(with: own) else {
        media[index].outcome = .rejected(.payloadTypeTaken)
        continue
      }
      payloadTypes.formUnion(own)
      stream.extensions.removeAll { extensions[$0.id] ?? $0.uri != $0.uri }
      for agreed in stream.extensions { extensions[agreed.id] = agreed.uri }
      media[index].outcome = .stream(stream)
    }
  }

  /// RFC 9143 §7.3.2: the first section of the group that is accepted.
  private mutating func findTransport() throws(SDPError) {
    let accepted = media.indices.filter { media[$0].isAccepted }
    let mids = Set(accepted.compactMap { media[$0].mid })
    bundledMids = []
    for mid in remote.bundle ?? [] where mids.contains(mid) && !bundledMids.contains(mid) { bundledMids.append(mid) }
    guard let first = accepted.first(where: { media[$0].mid == bundledMids.first }) ?? accepted.first else {
      throw .unacceptable(refusal)
    }
    transportIndex = first
  }

  private var refusal: String {
    guard !media.isEmpty else { return "The \(name) has no media section." }
    let reasons = media.prefix(4).enumerated().map { index, section in
      guard case .rejected(let rejection) = section.outcome else { return "" }
      return "section \(index + 1), \(quoted(section.kind.description)), \(rejection)"
    }
    return "Nothing in the \(name) can be used: \(reasons.joined(separator: "; "))."
  }
}

extension NegotiatedMedia {
  var isAccepted: Bool {
    switch outcome {
    case .stream, .dataChannel: true
    case .rejected: false
    }
  }

  var isFlowing: Bool {
    switch outcome {
    case .stream(let stream): stream.direction != .inactive
    case .dataChannel: true
    case .rejected: false
    }
  }
}
