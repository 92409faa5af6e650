internal import ICE
internal import RTP
internal import SDP
internal import Secure
internal import Wire

/// This end of one session, as its SDP says it: credentials, candidates, synchronisation sources, codecs.
struct LocalEnd {
  let credentials: ICECredentials
  let candidates: [Candidate]
  let session: LocalSession

  private let videoSSRC: UInt32
  private let videoRetransmissionSSRC: UInt32
  private let audioSSRC: UInt32
  /// Who speaks in RTCP when nothing is sent.
  let reportingSSRC: UInt32

  init(_ settings: SessionSettings, using generator: inout some RandomNumberGenerator) {
    credentials = ICECredentials.make(using: &generator)
    candidates = settings.localAddresses.enumerated().map { index, address in
      Candidate.host(address, preference: UInt16(truncatingIfNeeded: 65_535 - index))
    }
    // Four neighbours, none of them 0: they cannot collide with each other.
    let first = UInt32.random(in: 1...(.max >> 2), using: &generator) << 2
    (videoSSRC, videoRetransmissionSSRC, audioSSRC, reportingSSRC) = (first, first + 1, first + 2, first + 3)
    let fingerprint = settings.identity.fingerprint
    var transport = LocalTransport(
      iceUfrag: credentials.ufrag, icePwd: credentials.password,
      fingerprints: [SDP.Fingerprint(algorithm: fingerprint.hashFunction.rawValue, bytes: fingerprint.digest)])
    transport.candidates = candidates.map(\.attributeValue)
    transport.endsCandidates = true
    session = LocalSession(
      // RFC 9429 §5.2.1: 63 random bits.
      id: .random(in: 0...UInt64(Int64.max), using: &generator), transport: transport, cname: settings.cname,
      video: settings.video.map { [videoSSRC, videoRetransmissionSSRC] in
        LocalMedia(
          direction: $0, trackID: "video", ssrc: videoSSRC, retransmissionSSRC: videoRetransmissionSSRC, codecs: [.vp8],
          extensions: [
            LocalExtension(.mid), LocalExtension(.transportWideSequenceNumber), LocalExtension(.absoluteSendTime),
            LocalExtension(.playoutDelay),
          ])
      },
      audio: settings.audio.map { [audioSSRC] in
        LocalMedia(
          direction: $0, trackID: "audio", ssrc: audioSSRC, codecs: [.opus],
          extensions: [
            LocalExtension(.mid), LocalExtension(.transportWideSequenceNumber), LocalExtension(.absoluteSendTime),
            LocalExtension(.playoutDelay), LocalExtension(.audioLevel),
          ])
      },
      dataChannel: settings.hasDataChannels ? LocalDataChannel() : nil)
  }

  /// The stream that sends video as negotiated; nil when the peer takes none.
  func videoSender(_ negotiated: NegotiatedSession, using generator: inout some RandomNumberGenerator) -> RTPSendStream?
  {
    guard let stream = negotiated.video, stream.direction.sends else { return nil }
    let retransmission: RTPSendStream.Retransmission
    if !stream.codec.feedback.contains(.nack) {
      retransmission = .none
    } else if let payloadType = stream.codec.retransmissionPayloadType {
      retransmission = .rtx(ssrc: videoRetransmissionSSRC, payloadType: payloadType)
    } else {
      retransmission = .plain
    }
    return RTPSendStream(
      .init(
        ssrc: videoSSRC, payloadType: stream.codec.payloadType, clock: .video, retransmission: retransmission,
        mid: stream.mid ?? "", extensions: ExtensionMap(sending: stream)),
      using: &generator)
  }

  /// The stream that sends audio as negotiated; nil when the peer takes none.
  func audioSender(_ negotiated: NegotiatedSession, using generator: inout some RandomNumberGenerator) -> RTPSendStream?
  {
    guard let stream = negotiated.audio, stream.direction.sends else { return nil }
    return RTPSendStream(
      .init(
        ssrc: audioSSRC, payloadType: stream.codec.payloadType, clock: .opus,
        retransmission: stream.codec.feedback.contains(.nack) ? .plain : .none, mid: stream.mid ?? "",
        extensions: ExtensionMap(sending: stream)),
      using: &generator)
  }
}

extension ExtensionMap {
  /// The ids under which we may send each extension.
  init(sending stream: NegotiatedStream) {
    self.init { stream.sendingID(of: $0) }
  }

  /// The ids under which the peer may send each extension.
  init(receiving stream: NegotiatedStream) {
    self.init { stream.receivingID(of: $0) }
  }

  private init(_ id: (ExtensionURI) -> UInt8?) {
    self.init()
    for kind in RTP.HeaderExtension.allCases {
      self[kind] = id(ExtensionURI(kind.uri)) ?? 0
    }
  }
}
