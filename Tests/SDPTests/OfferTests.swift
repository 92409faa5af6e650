import SDP
import Testing

/// Offers of ours and the answers to them.
@Suite struct OfferTests {
  @Test func aReceiverOffersLineByLine() {
    let offer = LocalSession.receiver.makeOffer()
    #expect(
      offer.description.text.lines.filter { !$0.hasPrefix("a=fingerprint") }
        == """
        v=0
        o=- 77 1 IN IP4 127.0.0.1
        s=-
        t=0 0
        a=group:BUNDLE 0 1 2
        a=msid-semantic:WMS *
        m=video 9 UDP/TLS/RTP/SAVPF 96 97
        c=IN IP4 0.0.0.0
        a=candidate:1 1 udp 2130706431 192.0.2.7 40000 typ host
        a=end-of-candidates
        a=ice-ufrag:recvufrg
        a=ice-pwd:perchperchperchperchperch
        a=ice-options:trickle
        a=setup:active
        a=mid:0
        a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid
        a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
        a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
        a=extmap:4 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay
        a=recvonly
        a=rtcp-mux
        a=rtcp-rsize
        a=rtcp-xr:rcvr-rtt=all
        a=rtpmap:96 VP8/90000
        a=rtcp-fb:96 nack
        a=rtcp-fb:96 nack pli
        a=rtcp-fb:96 ccm fir
        a=rtcp-fb:96 transport-cc
        a=rtcp-fb:96 goog-remb
        a=rtpmap:97 rtx/90000
        a=fmtp:97 apt=96
        m=audio 9 UDP/TLS/RTP/SAVPF 111
        c=IN IP4 0.0.0.0
        a=ice-ufrag:recvufrg
        a=ice-pwd:perchperchperchperchperch
        a=ice-options:trickle
        a=setup:active
        a=mid:1
        a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid
        a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
        a=extmap:5 urn:ietf:params:rtp-hdrext:ssrc-audio-level
        a=recvonly
        a=rtcp-mux
        a=rtcp-rsize
        a=rtcp-xr:rcvr-rtt=all
        a=rtpmap:111 opus/48000/2
        a=rtcp-fb:111 transport-cc
        a=fmtp:111 minptime=10;useinbandfec=1
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel
        c=IN IP4 0.0.0.0
        a=ice-ufrag:recvufrg
        a=ice-pwd:perchperchperchperchperch
        a=ice-options:trickle
        a=setup:active
        a=mid:2
        a=sctp-port:5000
        a=max-message-size:262144
        """.split(separator: "\n").map { String($0) })
  }

  @Test(arguments: [Setup.active, .actpass, .passive]) func bothEndsAgree(setup: Setup) throws {
    var receiver = LocalSession.receiver
    receiver.transport.setupInOffers = setup
    let offer = receiver.makeOffer()
    let answer = try LocalSession.board.answer(SessionDescription(parsing: offer.description.text))
    let theirs = answer.session
    let ours = try offer.accept(SessionDescription(parsing: answer.description.text))
    #expect(ours.dtlsRole != theirs.dtlsRole)
    #expect(ours.dtlsRole == (setup == .active ? .client : .server))
    #expect(ours.transportMid == theirs.transportMid)
    #expect(ours.remote.iceUfrag == "perchufr")
    #expect(theirs.remote.iceUfrag == "recvufrg")
    #expect(ours.remote.candidates == LocalSession.board.transport.candidates)
    #expect(ours.video?.direction == .recvonly)
    #expect(ours.video?.codec.payloadType == theirs.video?.codec.payloadType)
    #expect(ours.video?.codec.retransmissionPayloadType == 97)
    #expect(ours.video?.codec.feedback == theirs.video?.codec.feedback)
    #expect(ours.video?.extensions.map(\.id) == theirs.video?.extensions.map(\.id))
    #expect(ours.video?.extensions.map(\.direction) == theirs.video?.extensions.map(\.direction.reversed))
    #expect(ours.video?.remoteSSRC == 1001)
    #expect(ours.video?.remoteRetransmissionSSRC == 1002)
    #expect(ours.video?.remoteMsids == [MediaStreamIdentifier(stream: "perch", track: "video")])
    #expect(ours.audio?.remoteSSRC == 2001)
    #expect(ours.audio?.allowsReducedSizeRTCP == true)
    #expect(ours.dataChannel?.mid == "2")
    #expect(ours.dataChannel?.remotePort == 5000)
    #expect(ours.dataChannel?.remoteMaximumMessageSize == 262_144)
  }

  @Test func aBoardOffersWhatItSends() throws {
    let offer = LocalSession.board.makeOffer()
    #expect(offer.description.media.map(\.direction) == [.sendonly, .sendonly, nil])
    #expect(offer.description.media[0].sourceGroups == [SourceGroup(semantics: "FID", ssrcs: [1001, 1002])])
    let answer = try LocalSession.receiver.answer(offer.description)
    let session = try offer.accept(answer.description)
    #expect(session.video?.direction == .sendonly)
    #expect(session.audio?.sendingID(of: .audioLevel) == 5)
    #expect(answer.session.video?.remoteRetransmissionSSRC == 1002)
  }

  @Test func whatTheAnswerRejectsIsRejected() throws {
    let offer = LocalSession.receiver.makeOffer()
    var board = LocalSession.board
    board.audio = nil
    let session = try offer.accept(board.answer(offer.description).description)
    #expect(session.media.map(\.rejection) == [nil, .byPeer, nil])
    #expect(session.audio == nil)
  }

  @Test func whatWasNotOfferedIsNotAccepted() throws {
    let offer = LocalSession.receiver.makeOffer()
    var answer = try LocalSession.board.answer(offer.description).description
    answer.media[0].extensions = [HeaderExtension(id: 9, uri: .playoutDelay), HeaderExtension(id: 1, uri: .mid)]
    answer.media[1].payloads[0].payloadType = 112
    let session = try offer.accept(answer)
    #expect(session.video?.extensions.map(\.uri) == [.mid])
    #expect(session.video?.codec.feedback.contains(.transportWide) == false)
    #expect(session.media[1].rejection == .noCommonCodec)
  }

  @Test func answersToOtherOffersAreRefused() throws {
    let offer = LocalSession.receiver.makeOffer()
    let answer = try LocalSession.board.answer(offer.description).description
    var short = answer
    short.media.removeLast()
    #expect(throws: SDPError.unacceptable("The answer has 2 media sections where the offer has 3.")) {
      try offer.accept(short)
    }
    var swapped = answer
    swapped.media.swapAt(0, 1)
    #expect(throws: SDPError.unacceptable("The answer's media sections are not in the order of the offer's.")) {
      try offer.accept(swapped)
    }
    var unanswered = answer
    for index in unanswered.media.indices { unanswered.media[index].transport.setup = .actpass }
    #expect(throws: SDPError.unacceptable("The answer says a=setup:actpass to an offer of a=setup:active.")) {
      try offer.accept(unanswered)
    }
  }

  @Test func identifiersOfExtensionsRunOut() {
    var receiver = LocalSession.receiver
    receiver.video?.extensions = (0..<20).map { LocalExtension(ExtensionURI("urn:x:\($0)")) }
    let ids = receiver.makeOffer().description.media[0].extensions.map(\.id)
    #expect(ids == Array(1...14))
  }
}
