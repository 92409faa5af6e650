/// An attribute that has no type of its own: `a=name` or `a=name:value`.
package struct Attribute: Equatable, Sendable {
  package var name: String
  package var value: String?

  package init(_ name: String, _ value: String? = nil) {
    self.name = name
    self.value = value
  }
}

/// What a media section carries.
package enum MediaKind: Hashable, Sendable, CustomStringConvertible {
  case audio
  case video
  case application
  case other(String)

  package init(_ name: some StringProtocol) {
    switch String(name) {
    case "audio": self = .audio
    case "video": self = .video
    case "application": self = .application
    case let name: self = .other(name)
    }
  }

  /// As in the `m=` line.
  package var description: String {
    switch self {
    case .audio: "audio"
    case .video: "video"
    case .application: "application"
    case .other(let name): name
    }
  }
}

/// Which way something flows, as seen by whoever says it (RFC 8866 §6.7).
package enum Direction: String, Sendable, CaseIterable {
  case sendrecv, sendonly, recvonly, inactive

  package init(sends: Bool, receives: Bool) {
    self = sends ? (receives ? .sendrecv : .sendonly) : (receives ? .recvonly : .inactive)
  }

  package var sends: Bool { self == .sendrecv || self == .sendonly }
  package var receives: Bool { self == .sendrecv || self == .recvonly }

  /// The same as seen from the other end.
  package var reversed: Direction { Direction(sends: receives, receives: sends) }

  /// What both allow, seen from the same end.
  package func limited(to other: Direction) -> Direction {
    Direction(sends: sends && other.sends, receives: receives && other.receives)
  }
}

/// Who starts the DTLS handshake (RFC 4145, RFC 8842).
package enum Setup: String, Sendable {
  case active, passive, actpass, holdconn
}

/// The hash of a certificate that the DTLS handshake must show (RFC 8122).
package struct Fingerprint: Hashable, Sendable {
  /// In lower case: `sha-256`.
  package var algorithm: String
  package var bytes: [UInt8]

  package init(algorithm: String, bytes: [UInt8]) {
    self.algorithm = algorithm
    self.bytes = bytes
  }

  /// The value of the attribute: `sha-256 0A:1B:…`.
  package var text: String {
    let digits = Array("0123456789ABCDEF".utf8)
    var text = Array(algorithm.utf8)
    for (index, byte) in bytes.enumerated() {
      text.append(index == 0 ? UInt8(ascii: " ") : UInt8(ascii: ":"))
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}

/// ICE and DTLS attributes. They stand at the session level, in a media section, or in a trickle fragment.
package struct TransportAttributes: Equatable, Sendable {
  package var iceUfrag: String?
  package var icePwd: String?
  /// `trickle`, `ice2`, `renomination` …
  package var iceOptions: [String] = []
  package var fingerprints: [Fingerprint] = []
  package var setup: Setup?
  /// The values of `a=candidate:`, without that prefix, as they came; the ICE agent reads them.
  package var candidates: [String] = []
  package var endsCandidates = false

  package init() {}

  /// These attributes, and `outer`'s for those that are not given here. User name and password go together.
  package func inheriting(from outer: TransportAttributes) -> TransportAttributes {
    var result = self
    if iceUfrag == nil && icePwd == nil {
      result.iceUfrag = outer.iceUfrag
      result.icePwd = outer.icePwd
    }
    if iceOptions.isEmpty { result.iceOptions = outer.iceOptions }
    if fingerprints.isEmpty { result.fingerprints = outer.fingerprints }
    result.setup = setup ?? outer.setup
    if candidates.isEmpty { result.candidates = outer.candidates }
    result.endsCandidates = endsCandidates || outer.endsCandidates
    return result
  }
}

/// A payload type of an RTP section and all that is said about it.
package struct PayloadFormat: Equatable, Sendable {
  /// 0 to 127.
  package var payloadType: UInt8
  /// Nil for static payload types that need no `a=rtpmap`.
  package var encoding: Encoding?
  package var parameters = FormatParameters()
  package var feedback: [Feedback] = []

  package init(
    payloadType: UInt8, encoding: Encoding? = nil, parameters: FormatParameters = FormatParameters(),
    feedback: [Feedback] = []
  ) {
    self.payloadType = payloadType
    self.encoding = encoding
    self.parameters = parameters
    self.feedback = feedback
  }
}

/// What an `a=rtpmap` says.
package struct Encoding: Hashable, Sendable {
  package var name: String
  /// In hertz.
  package var clockRate: UInt32
  package var channels: UInt8

  package init(_ name: String, clockRate: UInt32, channels: UInt8 = 1) {
    self.name = name
    self.clockRate = clockRate
    self.channels = channels
  }

  /// Whether both mean the same codec: names differ in case between implementations.
  package func matches(_ other: Encoding) -> Bool {
    clockRate == other.clockRate && channels == other.channels && name.equalsIgnoringCase(other.name)
  }

  /// The value of the attribute after the payload type: `opus/48000/2`.
  package var text: String {
    channels == 1 ? "\(name)/\(clockRate)" : "\(name)/\(clockRate)/\(channels)"
  }
}

/// What an `a=fmtp` says: `key=value` pairs in their order, or words without a value.
package struct FormatParameters: Equatable, Sendable, ExpressibleByDictionaryLiteral {
  package struct Parameter: Equatable, Sendable {
    package var key: String
    package var value: String?

    package init(_ key: String, _ value: String?) {
      self.key = key
      self.value = value
    }
  }

  package var list: [Parameter] = []

  package init(_ list: [Parameter] = []) {
    self.list = list
  }

  package init(dictionaryLiteral elements: (String, String)...) {
    list = elements.map { Parameter($0, $1) }
  }

  package var isEmpty: Bool { list.isEmpty }

  /// The value of a key, whose case does not matter (RFC 4855 §3).
  package subscript(key: String) -> String? {
    list.first { $0.key.equalsIgnoringCase(key) }?.value
  }

  /// The value of a key when it is a number.
  package func number(_ key: String) -> UInt32? {
    self[key].flatMap { Substring($0).decimal() }
  }

  /// VP8 (RFC 7741 §6.1): the largest frame that the peer decodes, in macroblocks of 16 by 16 pixels.
  package var maximumFrameSize: UInt32? { number("max-fs") }
  /// VP8 (RFC 7741 §6.1): the highest frame rate that the peer decodes.
  package var maximumFrameRate: UInt32? { number("max-fr") }
  /// RTX (RFC 4588 §8.6): the payload type whose packets are sent again.
  package var associatedPayloadType: UInt8? { self["apt"].flatMap { Substring($0).decimal() } }
  /// Opus (RFC 7587 §6.1): the peer prefers to receive two channels.
  package var prefersStereo: Bool { self["stereo"] == "1" }
  /// Opus: the peer makes use of in-band error correction.
  package var usesInBandFEC: Bool { self["useinbandfec"] == "1" }
  /// Opus: the highest sampling rate that the peer can play, in hertz.
  package var maximumPlaybackRate: UInt32? { number("maxplaybackrate") }

  /// The value of the attribute after the payload type.
  package var text: String {
    list.map { parameter in parameter.value.map { "\(parameter.key)=\($0)" } ?? parameter.key }.joined(separator: ";")
  }
}

/// A kind of RTCP feedback (RFC 4585 §4.2): `nack`, `nack pli` …
package struct Feedback: Hashable, Sendable, ExpressibleByStringLiteral {
  package var text: String

  package init(_ text: String) {
    self.text = text
  }

  package init(stringLiteral value: String) {
    text = value
  }

  package static let nack: Feedback = "nack"
  package static let pictureLossIndication: Feedback = "nack pli"
  package static let fullIntraRequest: Feedback = "ccm fir"
  package static let transportWide: Feedback = "transport-cc"
  package static let receiverEstimatedMaximumBitrate: Feedback = "goog-remb"
}

/// An `a=extmap` (RFC 8285 §5).
package struct HeaderExtension: Equatable, Sendable {
  package var id: UInt16
  /// Which way it is used; nil where the section's own direction is meant.
  package var direction: Direction?
  package var uri: ExtensionURI
  /// What follows the URI.
  package var attributes: String?

  package init(id: UInt16, direction: Direction? = nil, uri: ExtensionURI, attributes: String? = nil) {
    self.id = id
    self.direction = direction
    self.uri = uri
    self.attributes = attributes
  }
}

/// The name of an RTP header extension.
package struct ExtensionURI: Hashable, Sendable, ExpressibleByStringLiteral {
  package var text: String

  package init(_ text: String) {
    self.text = text
  }

  package init(stringLiteral value: String) {
    text = value
  }

  package static let mid: ExtensionURI = "urn:ietf:params:rtp-hdrext:sdes:mid"
  package static let transportWideSequenceNumber: ExtensionURI =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
  package static let absoluteSendTime: ExtensionURI = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
  package static let playoutDelay: ExtensionURI = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
  package static let audioLevel: ExtensionURI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
}

/// An `a=msid` (RFC 8830): the stream and the track that a section's media belong to in a browser.
package struct MediaStreamIdentifier: Hashable, Sendable {
  /// `-` for no stream.
  package var stream: String
  package var track: String?

  package init(stream: String, track: String?) {
    self.stream = stream
    self.track = track
  }
}

/// All `a=ssrc` lines of one source (RFC 5576).
package struct Source: Equatable, Sendable {
  package var ssrc: UInt32
  package var attributes: [Attribute]

  package init(ssrc: UInt32, attributes: [Attribute] = []) {
    self.ssrc = ssrc
    self.attributes = attributes
  }

  package var cname: String? { attributes.first { $0.name == "cname" }?.value }
}

/// An `a=ssrc-group` (RFC 5576): with semantics `FID`, a source and the one of its retransmissions.
package struct SourceGroup: Equatable, Sendable {
  package var semantics: String
  package var ssrcs: [UInt32]

  package init(semantics: String, ssrcs: [UInt32]) {
    self.semantics = semantics
    self.ssrcs = ssrcs
  }
}
