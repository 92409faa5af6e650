/// What two descriptions agree upon: all that a session needs to know of them.
package struct NegotiatedSession: Equatable, Sendable {
  /// One for each media section, in their order.
  package var media: [NegotiatedMedia]
  /// The section whose transport is everybody's: the one that candidates by trickle must name.
  package var transportMid: String?
  package var remote: RemoteTransport
  package var dtlsRole: DTLSRole

  package enum DTLSRole: Equatable, Sendable {
    case client, server
  }

  /// The agreed video stream, if there is one.
  package var video: NegotiatedStream? { stream(of: .video) }
  /// The agreed audio stream, if there is one.
  package var audio: NegotiatedStream? { stream(of: .audio) }
  /// The agreed SCTP association, if there is one.
  package var dataChannel: NegotiatedDataChannel? {
    for section in media {
      if case .dataChannel(let dataChannel) = section.outcome { return dataChannel }
    }
    return nil
  }

  private func stream(of kind: MediaKind) -> NegotiatedStream? {
    for section in media where section.kind == kind {
      if case .stream(let stream) = section.outcome { return stream }
    }
    return nil
  }
}

/// What became of one media section.
package struct NegotiatedMedia: Equatable, Sendable {
  package var kind: MediaKind
  package var mid: String?
  package var outcome: Outcome

  package enum Outcome: Equatable, Sendable {
    case stream(NegotiatedStream)
    case dataChannel(NegotiatedDataChannel)
    case rejected(Rejection)
  }
}

/// Why a media section is not used.
package enum Rejection: Equatable, Sendable, CustomStringConvertible {
  case byPeer
  case unsupportedKind
  case unsupportedProtocol
  case noCommonCodec
  case anotherOfItsKind
  case outsideBundle
  case rtcpNotMultiplexed
  case payloadTypeTaken

  /// A clause that follows the section's name.
  package var description: String {
    switch self {
    case .byPeer: "is turned off by the peer"
    case .unsupportedKind: "is of a kind that this end does not have"
    case .unsupportedProtocol: "uses a transport protocol that is not supported"
    case .noCommonCodec: "offers no codec that this end supports"
    case .anotherOfItsKind: "is one too many of its kind"
    case .outsideBundle: "is not in the BUNDLE group, and there is one transport only"
    case .rtcpNotMultiplexed: "does not multiplex RTCP (a=rtcp-mux)"
    case .payloadTypeTaken: "uses a payload type that means another codec in the same bundle"
    }
  }
}

/// The peer's end of the transport.
package struct RemoteTransport: Equatable, Sendable {
  package var iceUfrag: String
  package var icePwd: String
  package var iceOptions: [String]
  package var isICELite: Bool
  /// At least one; the certificate that the handshake shows must match one of the strongest hash.
  package var fingerprints: [Fingerprint]
  /// Values of `a=candidate:` without that prefix.
  package var candidates: [String]
  package var endsCandidates: Bool
}

/// An agreed audio or video stream.
package struct NegotiatedStream: Equatable, Sendable {
  package var mid: String?
  /// Ours: `sendonly` means that we send.
  package var direction: Direction
  package var codec: NegotiatedCodec
  package var extensions: [NegotiatedExtension]
  package var allowsReducedSizeRTCP: Bool
  /// The peer sends receiver reference time reports and wants them answered.
  package var answersReceiverReferenceTime: Bool
  /// What the peer can take on this section, in bits per second.
  package var maximumBitrate: UInt64?
  package var remoteMsids: [MediaStreamIdentifier]
  package var remoteSources: [Source]
  package var remoteSourceGroups: [SourceGroup]

  /// The identifier under which we may write this extension; nil when it is not agreed upon for our direction.
  package func sendingID(of uri: ExtensionURI) -> UInt8? {
    extensions.first { $0.uri == uri && $0.direction.sends }?.id
  }

  /// The identifier under which the peer may write this extension.
  package func receivingID(of uri: ExtensionURI) -> UInt8? {
    extensions.first { $0.uri == uri && $0.direction.receives }?.id
  }

  /// The peer's first source that is not for retransmissions.
  package var remoteSSRC: UInt32? {
    let retransmissions = remoteSourceGroups.filter { $0.semantics == "FID" }.flatMap { $0.ssrcs.dropFirst() }
    return remoteSources.first { !retransmissions.contains($0.ssrc) }?.ssrc
  }

  /// The source of the retransmissions of ``remoteSSRC``.
  package var remoteRetransmissionSSRC: UInt32? {
    guard let remoteSSRC else { return nil }
    return remoteSourceGroups.first { $0.semantics == "FID" && $0.ssrcs.first == remoteSSRC }?.ssrcs.dropFirst().first
  }
}

/// An agreed codec.
package struct NegotiatedCodec: Equatable, Sendable {
  package var encoding: Encoding
  /// As the offerer numbers it; both ends use it.
  package var payloadType: UInt8
  package var retransmissionPayloadType: UInt8?
  package var feedback: [Feedback]
  /// What the peer asks of our encoder: `max-fs`, `stereo` …
  package var remoteParameters: FormatParameters
}

/// An agreed header extension.
package struct NegotiatedExtension: Equatable, Sendable {
  /// 1 to 14.
  package var id: UInt8
  package var uri: ExtensionURI
  /// Ours: which of us writes it.
  package var direction: Direction
}

/// An agreed SCTP association.
package struct NegotiatedDataChannel: Equatable, Sendable {
  package var mid: String?
  package var localPort: UInt16
  package var remotePort: UInt16
  /// The largest message that the peer takes, in bytes; `UInt64.max` when it sets no limit.
  package var remoteMaximumMessageSize: UInt64

  /// What a peer takes that does not say (RFC 8841 §6.1).
  package static let defaultMaximumMessageSize: UInt64 = 64 * 1024
  /// RFC 8841 §5.2 has no default; everybody uses this.
  package static let defaultPort: UInt16 = 5000
}
