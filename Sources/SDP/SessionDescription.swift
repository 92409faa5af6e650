/// A session description (RFC 8866) as WebRTC uses it (JSEP, RFC 9429).
///
/// A plain value that says what the text says: what media sections inherit from the session level is worked out by
/// ``transport(of:)``, not copied. Unknown attributes are kept, unknown line types (`b=` other than AS and TIAS, `k=`, `i=` …) are not.
package struct SessionDescription: Equatable, Sendable {
  package var origin: Origin
  /// The `s=` line.
  package var name = "-"
  package var groups: [Group] = []
  /// The value of `a=msid-semantic`; nobody needs it, everybody sends it.
  package var msidSemantic: String?
  package var isICELite = false
  package var allowsMixedExtensions = false
  package var direction: Direction?
  /// Session-level ICE and DTLS attributes: Firefox has its fingerprint here only.
  package var transport = TransportAttributes()
  /// Attributes of the session level that are not understood.
  package var otherAttributes: [Attribute] = []
  package var media: [MediaDescription] = []

  package init(origin: Origin) {
    self.origin = origin
  }

  /// The `o=` line.
  package struct Origin: Equatable, Sendable {
    package var username: String
    /// Numbers by RFC 8866; Firefox's identifiers do not fit 63 bits, others' are not numbers, and nothing depends on either.
    package var sessionID: String
    package var sessionVersion: String
    /// Network type, address type and address.
    package var address: String

    package init(
      username: String = "-", sessionID: String, sessionVersion: String, address: String = "IN IP4 127.0.0.1"
    ) {
      self.username = username
      self.sessionID = sessionID
      self.sessionVersion = sessionVersion
      self.address = address
    }
  }

  /// Media sections that belong together (RFC 5888): `BUNDLE` or `LS`, and their mids.
  package struct Group: Equatable, Sendable {
    package var semantics: String
    package var mids: [String]

    package init(semantics: String, mids: [String]) {
      self.semantics = semantics
      self.mids = mids
    }
  }

  /// The sections that share one transport (RFC 9143), the one that describes it first; nil when nothing is bundled.
  /// We have one transport, so of several groups only the first counts.
  package var bundle: [String]? {
    groups.first { $0.semantics == "BUNDLE" }?.mids
  }

  /// The transport attributes that hold for `section`: its own, else the session's.
  package func transport(of section: MediaDescription) -> TransportAttributes {
    section.transport.inheriting(from: transport)
  }

  /// The direction that holds for `section`.
  package func direction(of section: MediaDescription) -> Direction {
    section.direction ?? direction ?? .sendrecv
  }
}

/// One media section: an `m=` line and all up to the next.
package struct MediaDescription: Equatable, Sendable {
  package var kind: MediaKind
  /// Zero for a rejected section, or for one whose transport is another's (``isBundleOnly``).
  package var port: UInt16
  package var proto: String
  /// What the `m=` line lists, with all that is said about each, when `proto` is an RTP profile.
  package var payloads: [PayloadFormat] = []
  /// What the `m=` line lists when `proto` is none: `webrtc-datachannel`.
  package var formats: [String] = []
  /// The `c=` line.
  package var connection: String?
  package var bandwidth = Bandwidth()
  package var mid: String?
  package var direction: Direction?
  package var msids: [MediaStreamIdentifier] = []
  package var isBundleOnly = false
  package var multiplexesRTCP = false
  package var allowsReducedSizeRTCP = false
  package var allowsMixedExtensions = false
  package var transport = TransportAttributes()
  package var extensions: [HeaderExtension] = []
  /// `a=rtcp-fb:*`, which is said of all payloads.
  package var feedbackForAll: [Feedback] = []
  /// What `a=rtcp-xr` lists (RFC 3611 §5.1): `rcvr-rtt=all` …
  package var extendedReports: [String] = []
  package var sources: [Source] = []
  package var sourceGroups: [SourceGroup] = []
  package var sctpPort: UInt16?
  /// Bytes; zero means that there is no limit (RFC 8841 §6.1).
  package var maximumMessageSize: UInt64?
  /// Attributes that are not understood: `rid`, `simulcast`, `rtcp`, `sctpmap` …
  package var otherAttributes: [Attribute] = []

  package init(kind: MediaKind, port: UInt16, proto: String) {
    self.kind = kind
    self.port = port
    self.proto = proto
  }

  /// The sender's or receiver's limits in `b=` lines.
  package struct Bandwidth: Equatable, Sendable {
    /// `b=TIAS`, in bits per second (RFC 3890).
    package var bitsPerSecond: UInt64?
    /// `b=AS`, in kilobits per second.
    package var kilobitsPerSecond: UInt64?

    package init() {}
  }

  /// An RTP profile, whatever carries it (JSEP, RFC 9429 §5.1.2).
  package var isRTP: Bool {
    switch proto {
    case "UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "TCP/TLS/RTP/SAVPF", "TCP/TLS/RTP/SAVP", "TCP/DTLS/RTP/SAVPF",
      "TCP/DTLS/RTP/SAVP", "RTP/SAVPF", "RTP/SAVP", "RTP/AVPF", "RTP/AVP":
      true
    default: false
    }
  }

  /// The first attribute of this name among those that are not understood.
  package func otherAttribute(named name: String) -> Attribute? {
    otherAttributes.first { $0.name == name }
  }
}
