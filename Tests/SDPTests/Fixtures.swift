import SDP

extension LocalSession {
  /// A board with a camera, a microphone and a data channel.
  static var board: LocalSession {
    var transport = LocalTransport(
      iceUfrag: "perchufr", icePwd: "perchperchperchperchperch",
      fingerprints: [Fingerprint(algorithm: "sha-256", bytes: Array(0..<32))],
      candidates: ["1 1 udp 2130706431 192.0.2.7 40000 typ host"])
    transport.endsCandidates = true
    return LocalSession(
      id: 4242, transport: transport,
      video: LocalMedia(
        direction: .sendonly, trackID: "video", ssrc: 1001, retransmissionSSRC: 1002, codecs: [.vp8],
        extensions: [
          LocalExtension(.mid), LocalExtension(.absoluteSendTime), LocalExtension(.transportWideSequenceNumber),
          LocalExtension(.playoutDelay),
        ]),
      audio: LocalMedia(
        direction: .sendonly, trackID: "audio", ssrc: 2001, codecs: [.opus],
        extensions: [LocalExtension(.mid), LocalExtension(.transportWideSequenceNumber), LocalExtension(.audioLevel)]),
      dataChannel: LocalDataChannel())
  }

  /// A receiver, as the load generator is one.
  static var receiver: LocalSession {
    var session = board
    session.id = 77
    session.transport.iceUfrag = "recvufrg"
    for media in [\LocalSession.video, \.audio] {
      session[keyPath: media]?.direction = .recvonly
      session[keyPath: media]?.ssrc = nil
      session[keyPath: media]?.retransmissionSSRC = nil
    }
    return session
  }
}

/// The smallest offer of one section of each kind, to be changed by tests.
let plainOffer = Offers.crlf(
  """
  v=0
  o=- 1 1 IN IP4 127.0.0.1
  s=-
  t=0 0
  a=group:BUNDLE v a d
  a=fingerprint:sha-256 \(Array(repeating: "AB", count: 32).joined(separator: ":"))
  a=ice-ufrag:abcd
  a=ice-pwd:0123456789abcdefghijkl
  a=setup:actpass
  m=video 9 UDP/TLS/RTP/SAVPF 96 97
  a=mid:v
  a=recvonly
  a=rtcp-mux
  a=rtpmap:96 VP8/90000
  a=rtpmap:97 rtx/90000
  a=fmtp:97 apt=96
  m=audio 9 UDP/TLS/RTP/SAVPF 111
  a=mid:a
  a=recvonly
  a=rtcp-mux
  a=rtpmap:111 opus/48000/2
  m=application 9 UDP/DTLS/SCTP webrtc-datachannel
  a=mid:d
  a=sctp-port:5000
  """)

extension String {
  /// This text with one part of it exchanged; the part must be there.
  func replacing(_ part: String, by other: String) -> String {
    precondition(contains(part), "nothing to replace: \(part)")
    return split(separator: part, omittingEmptySubsequences: false).joined(separator: other)
  }

  /// Without line ends, to compare with literals.
  var lines: [String] {
    split(separator: "\r\n").map { String($0) }
  }
}

extension NegotiatedMedia {
  var rejection: Rejection? {
    if case .rejected(let rejection) = outcome { rejection } else { nil }
  }
}
