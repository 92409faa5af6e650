/// What this end is and can do: what offers and answers are made from.
package struct LocalSession: Sendable {
  /// The `o=` line's session id; random and below 2⁶³ (RFC 9429 §5.2.1).
  package var id: UInt64
  /// Goes up by one with each further description of the same session.
  package var version: UInt64
  package var transport: LocalTransport
  /// The browser's `MediaStream.id`, and what RTCP calls us.
  package var streamID: String
  package var cname: String
  package var video: LocalMedia?
  package var audio: LocalMedia?
  package var dataChannel: LocalDataChannel?

  package init(
    id: UInt64, version: UInt64 = 1, transport: LocalTransport, streamID: String = "perch", cname: String = "perch",
    video: LocalMedia? = nil, audio: LocalMedia? = nil, dataChannel: LocalDataChannel? = nil
  ) {
    self.id = id
    self.version = version
    self.transport = transport
    self.streamID = streamID
    self.cname = cname
    self.video = video
    self.audio = audio
    self.dataChannel = dataChannel
  }
}

/// The transport that all media share.
package struct LocalTransport: Sendable {
  package var iceUfrag: String
  package var icePwd: String
  package var iceOptions: [String] = ["trickle"]
  package var isICELite = false
  package var fingerprints: [Fingerprint]
  /// Values of `a=candidate:` without that prefix.
  package var candidates: [String]
  /// No more candidates will follow by trickle.
  package var endsCandidates: Bool
  /// What an offer of ours says. Browsers take `active` and `actpass`; the first makes us the DTLS client, which suits mbedTLS.
  package var setupInOffers = Setup.active
  /// What our answer to an `actpass` offer says: `active` or `passive`.
  package var setupInAnswers = Setup.active

  package init(
    iceUfrag: String, icePwd: String, fingerprints: [Fingerprint], candidates: [String] = [],
    endsCandidates: Bool = true
  ) {
    self.iceUfrag = iceUfrag
    self.icePwd = icePwd
    self.fingerprints = fingerprints
    self.candidates = candidates
    self.endsCandidates = endsCandidates
  }
}

/// What we can do with one audio or one video section.
package struct LocalMedia: Sendable {
  /// What we could do at most.
  package var direction: Direction
  /// The browser's `MediaStreamTrack.id`.
  package var trackID: String
  /// What we send from; needed when `direction` sends.
  package var ssrc: UInt32?
  /// Where retransmissions go out, when they are agreed upon.
  package var retransmissionSSRC: UInt32?
  /// In order of preference: the first that the peer knows is used, alone.
  package var codecs: [LocalCodec]
  /// In order of preference, should identifiers run out.
  package var extensions: [LocalExtension]
  /// RFC 5506.
  package var allowsReducedSizeRTCP = true
  /// We answer receiver reference time reports (RFC 3611 §4.4 and §4.5), so that a mere receiver learns the round trip.
  package var answersReceiverReferenceTime = true

  package init(
    direction: Direction, trackID: String, ssrc: UInt32? = nil, retransmissionSSRC: UInt32? = nil, codecs: [LocalCodec],
    extensions: [LocalExtension]
  ) {
    self.direction = direction
    self.trackID = trackID
    self.ssrc = ssrc
    self.retransmissionSSRC = retransmissionSSRC
    self.codecs = codecs
    self.extensions = extensions
  }
}

/// A codec of ours.
package struct LocalCodec: Sendable {
  package var encoding: Encoding
  /// What we ask of the peer's encoder.
  package var parameters: FormatParameters
  package var feedback: [Feedback]
  /// The payload types in our own offers; an answer uses the offerer's. Unique in a session.
  package var payloadType: UInt8
  /// For retransmissions (RFC 4588); nil when this codec has none.
  package var retransmissionPayloadType: UInt8?

  package init(
    encoding: Encoding, parameters: FormatParameters = [:], feedback: [Feedback], payloadType: UInt8,
    retransmissionPayloadType: UInt8? = nil
  ) {
    self.encoding = encoding
    self.parameters = parameters
    self.feedback = feedback
    self.payloadType = payloadType
    self.retransmissionPayloadType = retransmissionPayloadType
  }

  /// VP8 with all the feedback that browsers know.
  package static let vp8 = LocalCodec(
    encoding: Encoding("VP8", clockRate: 90_000),
    feedback: [
      .nack, .pictureLossIndication, .fullIntraRequest, .transportWide, .receiverEstimatedMaximumBitrate,
    ], payloadType: 96, retransmissionPayloadType: 97)

  /// Opus, always 48000/2 in SDP whatever is sent (RFC 7587 §7).
  package static let opus = LocalCodec(
    encoding: Encoding("opus", clockRate: 48_000, channels: 2), parameters: ["minptime": "10", "useinbandfec": "1"],
    feedback: [.transportWide], payloadType: 111)
}

/// A header extension that we can write, read, or both.
package struct LocalExtension: Sendable {
  package var uri: ExtensionURI
  package var direction: Direction

  package init(_ uri: ExtensionURI, _ direction: Direction = .sendrecv) {
    self.uri = uri
    self.direction = direction
  }
}

/// What we do with a data channel section.
package struct LocalDataChannel: Sendable {
  package var sctpPort: UInt16
  /// The largest message that we take, in bytes.
  package var maximumMessageSize: UInt64

  package init(sctpPort: UInt16 = 5000, maximumMessageSize: UInt64 = 262_144) {
    self.sctpPort = sctpPort
    self.maximumMessageSize = maximumMessageSize
  }
}
