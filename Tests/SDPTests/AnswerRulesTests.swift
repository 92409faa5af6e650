import SDP
import Testing

/// What offers may ask for, and what they get.
@Suite struct AnswerRulesTests {
  @Test(arguments: [
    ("a=setup:actpass", Setup.active, Setup.active, NegotiatedSession.DTLSRole.client),
    ("a=setup:actpass", .passive, .passive, .server),
    ("a=setup:active", .active, .passive, .server),
    ("a=setup:passive", .passive, .active, .client),
    ("a=x-nothing", .active, .active, .client),
  ]) func theDTLSRoleFollowsTheOffer(
    offered: String, preferred: Setup, answered: Setup, role: NegotiatedSession.DTLSRole
  ) throws {
    var board = LocalSession.board
    board.transport.setupInAnswers = preferred
    let answer = try board.answer(offer(replacing: "a=setup:actpass", by: offered))
    #expect(answer.description.media[0].transport.setup == answered)
    #expect(answer.session.dtlsRole == role)
  }

  @Test(arguments: [
    ("recvonly", Direction.sendonly), ("sendrecv", .sendonly), ("sendonly", .inactive), ("inactive", .inactive),
  ]) func theDirectionIsWhatBothCan(offered: String, answered: Direction) throws {
    let answer = try LocalSession.board.answer(offer(replacing: "a=recvonly", by: "a=\(offered)"))
    #expect(answer.description.media[0].direction == answered)
    #expect(answer.session.video?.direction == answered)
    #expect(answer.description.media[0].port == 9)
    #expect(answer.description.media[0].msids.isEmpty == !answered.sends)
    #expect(answer.description.media[0].sources.isEmpty == !answered.sends)
  }

  @Test func portZeroRejectsUnlessBundled() throws {
    let zero = try LocalSession.board.answer(offer(replacing: "m=audio 9", by: "m=audio 0"))
    #expect(zero.session.media[1].rejection == .byPeer)
    #expect(zero.description.media[1].port == 0)
    #expect(zero.description.bundle == ["v", "d"])
    let bundled = plainOffer.replacing("m=audio 9", by: "m=audio 0")
      .replacing("a=mid:a", by: "a=mid:a\r\na=bundle-only")
    #expect(try LocalSession.board.answer(SessionDescription(parsing: bundled)).session.media[1].rejection == nil)
    let outside = bundled.replacing("BUNDLE v a d", by: "BUNDLE v d")
    #expect(try LocalSession.board.answer(SessionDescription(parsing: outside)).session.media[1].rejection == .byPeer)
  }

  @Test func aRejectedSectionKeepsItsPlace() throws {
    let answer = try LocalSession.board.answer(offer(replacing: "VP8/90000", by: "H264/90000"))
    #expect(answer.session.media[0].rejection == .noCommonCodec)
    let text = answer.description.text
    #expect(text.contains("m=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:v\r\na=inactive\r\nm=audio 9 "))
    #expect(answer.description.bundle == ["a", "d"])
    #expect(answer.session.transportMid == "a")
    #expect(answer.description.media[1].transport.candidates.count == 1)
  }

  @Test func whenTheFirstSectionIsRejectedItsTransportStillCounts() throws {
    let text = Offers.firefoxMaxBundle.replacing("VP8/90000", by: "H266/90000")
    let session = try LocalSession.board.answer(SessionDescription(parsing: text)).session
    #expect(session.transportMid == "1")
    #expect(session.remote.iceUfrag == "d2c0a823")
    #expect(session.remote.candidates.count == 4)
  }

  @Test func aSecondVideoIsRejected() throws {
    let second = plainOffer.replacing("BUNDLE v a d", by: "BUNDLE v a d w") + videoSection(mid: "w")
    let answer = try LocalSession.board.answer(SessionDescription(parsing: second))
    #expect(answer.session.media.map(\.rejection) == [nil, nil, nil, .anotherOfItsKind])
  }

  @Test func theVideoThatFlowsIsPreferred() throws {
    let text =
      plainOffer.replacing("BUNDLE v a d", by: "BUNDLE v a d w")
      .replacing("a=mid:v\r\na=recvonly", by: "a=mid:v\r\na=sendonly") + videoSection(mid: "w")
    let answer = try LocalSession.board.answer(SessionDescription(parsing: text))
    #expect(answer.session.media.map(\.rejection) == [.anotherOfItsKind, nil, nil, nil])
    #expect(answer.session.video?.mid == "w")
  }

  @Test func sectionsOutsideOfTheBundleAreRejected() throws {
    let answer = try LocalSession.board.answer(offer(replacing: "BUNDLE v a d", by: "BUNDLE v d"))
    #expect(answer.session.media.map(\.rejection) == [nil, .outsideBundle, nil])
  }

  @Test func withoutABundleOneSectionIsServed() throws {
    let answer = try LocalSession.board.answer(offer(replacing: "a=group:BUNDLE v a d\r\n", by: ""))
    #expect(answer.session.media.map(\.rejection) == [nil, .outsideBundle, .outsideBundle])
    #expect(answer.description.groups.isEmpty)
  }

  @Test func sectionsWithoutAMidAreAnsweredWithoutOne() throws {
    let text = plainOffer.replacing("a=group:BUNDLE v a d\r\n", by: "").replacing("a=mid:v\r\n", by: "")
    let answer = try LocalSession.board.answer(SessionDescription(parsing: text))
    #expect(answer.session.video != nil)
    #expect(answer.description.media[0].mid == nil)
  }

  @Test func whatTheBoardLacksIsRejected() throws {
    var board = LocalSession.board
    board.audio = nil
    board.dataChannel = nil
    let answer = try board.answer(SessionDescription(parsing: plainOffer))
    #expect(answer.session.media.map(\.rejection) == [nil, .unsupportedKind, .unsupportedKind])
    #expect(answer.session.dataChannel == nil)
  }

  @Test(arguments: ["m=audio", "m=application"]) func whatIsNotOfferedIsNotAnswered(end: String) throws {
    let sections = try #require(plainOffer.split(separator: end).first)
    let session = try LocalSession.board.answer(SessionDescription(parsing: String(sections))).session
    #expect(session.video?.codec.payloadType == 96)
    #expect((session.audio == nil) == (end == "m=audio"))
    #expect(session.dataChannel == nil)
  }

  @Test(arguments: [
    ("m=video 9 UDP/TLS/RTP/SAVPF", "m=text 9 UDP/TLS/RTP/SAVPF", Rejection.unsupportedKind),
    ("m=video 9 UDP/TLS/RTP/SAVPF", "m=video 9 UDP/QUIC", .unsupportedProtocol),
    ("a=mid:v\r\na=recvonly\r\na=rtcp-mux", "a=mid:v\r\na=recvonly", .rtcpNotMultiplexed),
    ("96 VP8/90000", "96 VP8/48000", .noCommonCodec),
  ]) func saysWhyItRejects(part: String, other: String, rejection: Rejection) throws {
    let answer = try LocalSession.board.answer(offer(replacing: part, by: other))
    #expect(answer.session.media[0].rejection == rejection)
    #expect(answer.description.media[0].port == 0)
  }

  @Test func aPayloadTypeMeansOneCodecInABundle() throws {
    let text = plainOffer.replacing("SAVPF 111", by: "SAVPF 97").replacing("rtpmap:111", by: "rtpmap:97")
    let answer = try LocalSession.board.answer(SessionDescription(parsing: text))
    #expect(answer.session.media.map(\.rejection) == [nil, .payloadTypeTaken, nil])
  }

  @Test func retransmissionMustBelongToTheCodec() throws {
    let answer = try LocalSession.board.answer(offer(replacing: "apt=96", by: "apt=98"))
    #expect(answer.session.video?.codec.retransmissionPayloadType == nil)
    #expect(answer.description.media[0].payloads.map(\.payloadType) == [96])
    #expect(answer.description.media[0].sourceGroups.isEmpty)
    #expect(answer.description.media[0].sources.map(\.ssrc) == [1001])
  }

  @Test func codecNamesDifferInCase() throws {
    let answer = try LocalSession.board.answer(offer(replacing: "opus/48000/2", by: "OPUS/48000/2"))
    #expect(answer.session.audio?.codec.encoding.name == "OPUS")
    #expect(answer.description.text.contains("a=fmtp:111 minptime=10;useinbandfec=1"))
  }

  @Test(arguments: [
    ("1", Direction.sendonly as Direction?, "1"), ("1/recvonly", .sendonly, "1/sendonly"), ("1/sendonly", nil, ""),
    ("1/inactive", nil, ""), ("1/sendrecv", .sendonly, "1/sendonly"), ("0", nil, ""), ("15", nil, ""),
    ("14", .sendonly, "14"),
    ("4096", nil, ""),
  ]) func extensionsAreAgreedUponByDirection(offered: String, agreed: Direction?, answered: String) throws {
    let uri = ExtensionURI.playoutDelay
    let answer = try LocalSession.board.answer(
      offer(replacing: "a=mid:v", by: "a=mid:v\r\na=extmap:\(offered) \(uri.text)"))
    #expect(answer.session.video?.extensions.map(\.direction) == (agreed.map { [$0] } ?? []))
    #expect(answer.description.text.contains("a=extmap:\(answered) \(uri.text)") == (agreed != nil))
  }

  @Test func anIdentifierMeansOneExtensionInABundle() throws {
    let text =
      plainOffer.replacing("a=mid:v", by: "a=mid:v\r\na=extmap:3 \(ExtensionURI.playoutDelay.text)")
      .replacing("a=mid:a", by: "a=mid:a\r\na=extmap:3 \(ExtensionURI.audioLevel.text)")
    let session = try LocalSession.board.answer(SessionDescription(parsing: text)).session
    #expect(session.video?.extensions.count == 1)
    #expect(session.audio?.extensions.isEmpty == true)
  }

  @Test func aMidThatFitsNoPacketIsNotSentInPackets() throws {
    let mid = String(repeating: "m", count: 17)
    let text = plainOffer.replacing("BUNDLE v", by: "BUNDLE \(mid)")
      .replacing("a=mid:v", by: "a=mid:\(mid)\r\na=extmap:1 \(ExtensionURI.mid.text)")
    #expect(try LocalSession.board.answer(SessionDescription(parsing: text)).session.video?.extensions == [])
  }

  @Test func feedbackForAllPayloadsCounts() throws {
    let answer = try LocalSession.board.answer(
      offer(
        replacing: "a=mid:v", by: "a=mid:v\r\na=rtcp-fb:* nack\r\na=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 transport-cc"))
    // Without its extension, transport-wide feedback has nothing to report.
    #expect(answer.session.video?.codec.feedback == [.nack, .fullIntraRequest])
  }

  @Test func bandwidthsLimitUs() throws {
    let kilobits = try LocalSession.board.answer(offer(replacing: "a=mid:v", by: "b=AS:300\r\na=mid:v"))
    #expect(kilobits.session.video?.maximumBitrate == 300_000)
    let both = try LocalSession.board.answer(offer(replacing: "a=mid:v", by: "b=AS:300\r\nb=TIAS:250000\r\na=mid:v"))
    #expect(both.session.video?.maximumBitrate == 250_000)
    let huge = try LocalSession.board.answer(offer(replacing: "a=mid:v", by: "b=AS:\(UInt64.max)\r\na=mid:v"))
    #expect(huge.session.video?.maximumBitrate == nil)
  }

  @Test(arguments: [
    ("a=sctp-port:5000", "a=x-none", UInt64(65_536)),
    ("a=sctp-port:5000", "a=sctp-port:5000\r\na=max-message-size:0", .max),
    ("a=sctp-port:5000", "a=max-message-size:100", 100),
  ]) func messageSizesHaveDefaults(part: String, other: String, size: UInt64) throws {
    let channel = try LocalSession.board.answer(offer(replacing: part, by: other)).session.dataChannel
    #expect(channel?.remotePort == 5000)
    #expect(channel?.remoteMaximumMessageSize == size)
  }

  @Test func theOldFormOfDataChannelsIsUnderstood() throws {
    let text = plainOffer.replacing(
      "UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\na=sctp-port:5000",
      by: "DTLS/SCTP 5001\r\na=mid:d\r\na=sctpmap:5001 webrtc-datachannel 1024")
    let answer = try LocalSession.board.answer(SessionDescription(parsing: text))
    #expect(answer.session.dataChannel?.remotePort == 5001)
    #expect(answer.description.text.contains("m=application 9 DTLS/SCTP 5000\r\n"))
    #expect(answer.description.text.contains("a=sctpmap:5000 webrtc-datachannel 65535\r\n"))
  }

  @Test(arguments: [
    ("a=ice-ufrag:abcd\r\n", "", "The offer has no ICE user name and password (a=ice-ufrag, a=ice-pwd)."),
    ("a=fingerprint:", "a=x:", "The offer has no certificate fingerprint (a=fingerprint), so it is not WebRTC."),
    ("a=setup:actpass", "a=setup:holdconn", "The offer says a=setup:holdconn: it wants no connection for now."),
    (
      " 9 ", " 0 ",
      "Nothing in the offer can be used: section 1, “video”, is turned off by the peer; "
        + "section 2, “audio”, is turned off by the peer; section 3, “application”, is turned off by the peer."
    ),
  ]) func offersThatCannotBeAnsweredSayWhy(part: String, other: String, message: String) throws {
    let offer = try offer(replacing: part, by: other)
    #expect(throws: SDPError.unacceptable(message)) { try LocalSession.board.answer(offer) }
  }

  @Test func anOfferOfNothingIsRefused() throws {
    let offer = SessionDescription(origin: .init(sessionID: "1", sessionVersion: "1"))
    #expect(throws: SDPError.unacceptable("The offer has no media section.")) { try LocalSession.board.answer(offer) }
  }

  private func offer(replacing part: String, by other: String) throws -> SessionDescription {
    try SessionDescription(parsing: plainOffer.replacing(part, by: other))
  }

  private func videoSection(mid: String) -> String {
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:\(mid)\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n"
  }
}
