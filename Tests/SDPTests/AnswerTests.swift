import SDP
import Testing

/// Answers to browsers, line by line.
@Suite struct AnswerTests {
  @Test func answersChromium() throws {
    let answer = try LocalSession.board.answer(SessionDescription(parsing: Offers.chromiumRecvonly))
    #expect(
      answer.description.text.lines
        == """
        v=0
        o=- 4242 1 IN IP4 127.0.0.1
        s=-
        t=0 0
        a=group:BUNDLE 0 1 2
        a=msid-semantic:WMS *
        m=video 9 UDP/TLS/RTP/SAVPF 96 97
        c=IN IP4 0.0.0.0
        a=candidate:1 1 udp 2130706431 192.0.2.7 40000 typ host
        a=end-of-candidates
        \(transport)
        a=mid:0
        a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid
        a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
        a=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
        a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay
        a=sendonly
        a=msid:perch video
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
        a=ssrc-group:FID 1001 1002
        a=ssrc:1001 cname:perch
        a=ssrc:1002 cname:perch
        m=audio 9 UDP/TLS/RTP/SAVPF 111
        c=IN IP4 0.0.0.0
        \(transport)
        a=mid:1
        a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid
        a=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
        a=extmap:14 urn:ietf:params:rtp-hdrext:ssrc-audio-level
        a=sendonly
        a=msid:perch audio
        a=rtcp-mux
        a=rtcp-rsize
        a=rtcp-xr:rcvr-rtt=all
        a=rtpmap:111 opus/48000/2
        a=rtcp-fb:111 transport-cc
        a=fmtp:111 minptime=10;useinbandfec=1
        a=ssrc:2001 cname:perch
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel
        c=IN IP4 0.0.0.0
        \(transport)
        a=mid:2
        a=sctp-port:5000
        a=max-message-size:262144
        """.split(separator: "\n").map { String($0) })
    let session = answer.session
    #expect(session.dtlsRole == .client)
    #expect(session.transportMid == "0")
    #expect(session.remote.fingerprints.first?.algorithm == "sha-256")
    #expect(session.remote.candidates.count == 1)
    #expect(!session.remote.endsCandidates)
    #expect(session.video?.codec.payloadType == 96)
    #expect(session.video?.codec.retransmissionPayloadType == 97)
    #expect(session.video?.sendingID(of: .transportWideSequenceNumber) == 4)
    #expect(session.video?.receivingID(of: .transportWideSequenceNumber) == nil)
    #expect(session.video?.direction == .sendonly)
    #expect(session.video?.allowsReducedSizeRTCP == true)
    #expect(session.audio?.codec.payloadType == 111)
    #expect(session.audio?.answersReceiverReferenceTime == true)
    #expect(session.dataChannel?.remotePort == 5000)
    #expect(session.dataChannel?.remoteMaximumMessageSize == 262_144)
  }

  @Test func answersFirefox() throws {
    let answer = try LocalSession.board.answer(SessionDescription(parsing: Offers.firefoxRecvonly))
    #expect(
      answer.description.text.lines.filter { !transport.contains($0) }
        == """
        v=0
        o=- 4242 1 IN IP4 127.0.0.1
        s=-
        t=0 0
        a=group:BUNDLE 0 1 2
        a=msid-semantic:WMS *
        m=video 9 UDP/TLS/RTP/SAVPF 120 124
        c=IN IP4 0.0.0.0
        a=candidate:1 1 udp 2130706431 192.0.2.7 40000 typ host
        a=end-of-candidates
        a=mid:0
        a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
        a=extmap:4 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
        a=extmap:7 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
        a=extmap:6/sendonly http://www.webrtc.org/experiments/rtp-hdrext/playout-delay
        a=sendonly
        a=msid:perch video
        a=rtcp-mux
        a=rtcp-rsize
        a=rtpmap:120 VP8/90000
        a=rtcp-fb:120 nack
        a=rtcp-fb:120 nack pli
        a=rtcp-fb:120 ccm fir
        a=rtcp-fb:120 transport-cc
        a=rtcp-fb:120 goog-remb
        a=rtpmap:124 rtx/90000
        a=fmtp:124 apt=120
        a=ssrc-group:FID 1001 1002
        a=ssrc:1001 cname:perch
        a=ssrc:1002 cname:perch
        m=audio 9 UDP/TLS/RTP/SAVPF 109
        c=IN IP4 0.0.0.0
        a=mid:1
        a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
        a=extmap:7 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
        a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
        a=sendonly
        a=msid:perch audio
        a=rtcp-mux
        a=rtpmap:109 opus/48000/2
        a=rtcp-fb:109 transport-cc
        a=fmtp:109 minptime=10;useinbandfec=1
        a=ssrc:2001 cname:perch
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel
        c=IN IP4 0.0.0.0
        a=mid:2
        a=sctp-port:5000
        a=max-message-size:262144
        """.split(separator: "\n").map { String($0) })
    let session = answer.session
    #expect(session.remote.iceUfrag == "77d3700e")
    #expect(session.remote.fingerprints.count == 1)
    #expect(session.remote.candidates.count == 4)
    #expect(session.remote.endsCandidates)
    #expect(session.video?.codec.remoteParameters.maximumFrameSize == 12_288)
    #expect(session.video?.allowsReducedSizeRTCP == true)
    #expect(session.audio?.allowsReducedSizeRTCP == false)
    #expect(session.audio?.codec.remoteParameters.prefersStereo == true)
    #expect(session.dataChannel?.remoteMaximumMessageSize == 1_073_741_823)
  }

  @Test(arguments: Offers.all.map(\.name)) func everyBrowserOfferIsAcceptedWhole(name: String) throws {
    let text = try #require(Offers.all.first { $0.name == name }?.text)
    let answer = try LocalSession.board.answer(SessionDescription(parsing: text))
    #expect(answer.session.media.map(\.rejection) == [nil, nil, nil])
    #expect(answer.description.media.map(\.port) == [9, 9, 9])
    #expect(answer.description.bundle == ["0", "1", "2"])
    #expect(answer.session.remote.candidates.count > 0)
    #expect(answer.description.media.allSatisfy { $0.transport.setup == .active })
    #expect(try SessionDescription(parsing: answer.description.text) == answer.description)
  }

  @Test func aMicrophoneIsNotTakenByWhoOnlySends() throws {
    let answer = try LocalSession.board.answer(SessionDescription(parsing: Offers.chromiumMicrophone))
    #expect(answer.session.audio?.direction == .sendonly)
    #expect(answer.description.media[1].direction == .sendonly)
  }

  @Test func aMicrophoneIsTakenByWhoListens() throws {
    var board = LocalSession.board
    board.audio?.direction = .sendrecv
    let answer = try board.answer(SessionDescription(parsing: Offers.chromiumMicrophone))
    #expect(answer.session.audio?.direction == .sendrecv)
    #expect(answer.session.audio?.remoteSSRC == 858_198_260)
    #expect(answer.session.audio?.receivingID(of: .audioLevel) == 14)
    #expect(answer.session.audio?.sendingID(of: .audioLevel) == 14)
  }

  private let transport = """
    a=ice-ufrag:perchufr
    a=ice-pwd:perchperchperchperchperch
    a=ice-options:trickle
    a=fingerprint:sha-256 \(LocalSession.board.transport.fingerprints[0].text.dropFirst(8))
    a=setup:active
    """
}
