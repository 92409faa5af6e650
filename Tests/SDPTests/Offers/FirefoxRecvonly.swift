extension Offers {
  /// Firefox, receiving video and audio: fingerprint at the session level, extensions with directions.
  static let firefoxRecvonly = crlf(
    """
    v=0
    o=mozilla...THIS_IS_SDPARTA-99.0 1684568235801028281 0 IN IP4 0.0.0.0
    s=-
    t=0 0
    a=sendrecv
    a=fingerprint:sha-256 A9:18:EF:A8:3F:6F:16:A4:D8:80:4B:B4:FC:4D:94:1D:1D:CD:BC:B7:91:A4:98:E1:E0:C8:83:60:E1:EB:1A:1E
    a=group:BUNDLE 0 1 2
    a=ice-options:trickle
    a=msid-semantic:WMS *
    m=video 9 UDP/TLS/RTP/SAVPF 120 124 121 125 99 100 123 122 119
    c=IN IP4 0.0.0.0
    a=candidate:0 1 UDP 2122252543 b154e415-0402-45ed-ba63-ae74eb8cae6e.local 39573 typ host
    a=candidate:1 1 TCP 2105524479 b154e415-0402-45ed-ba63-ae74eb8cae6e.local 9 typ host tcptype active
    a=candidate:0 2 UDP 2122252542 b154e415-0402-45ed-ba63-ae74eb8cae6e.local 43029 typ host
    a=candidate:1 2 TCP 2105524478 b154e415-0402-45ed-ba63-ae74eb8cae6e.local 9 typ host tcptype active
    a=recvonly
    a=end-of-candidates
    a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
    a=extmap:4 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
    a=extmap:5 urn:ietf:params:rtp-hdrext:toffset
    a=extmap:6/recvonly http://www.webrtc.org/experiments/rtp-hdrext/playout-delay
    a=extmap:7 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
    a=extmap-allow-mixed
    a=fmtp:120 max-fs=12288;max-fr=60
    a=fmtp:124 apt=120
    a=fmtp:121 max-fs=12288;max-fr=60
    a=fmtp:125 apt=121
    a=fmtp:100 apt=99
    a=fmtp:119 apt=122
    a=ice-pwd:165f181c47c478510b64680664165549
    a=ice-ufrag:77d3700e
    a=mid:0
    a=rtcp:43029 IN IP4 b154e415-0402-45ed-ba63-ae74eb8cae6e.local
    a=rtcp-fb:120 nack
    a=rtcp-fb:120 nack pli
    a=rtcp-fb:120 ccm fir
    a=rtcp-fb:120 goog-remb
    a=rtcp-fb:120 transport-cc
    a=rtcp-fb:121 nack
    a=rtcp-fb:121 nack pli
    a=rtcp-fb:121 ccm fir
    a=rtcp-fb:121 goog-remb
    a=rtcp-fb:121 transport-cc
    a=rtcp-fb:99 nack
    a=rtcp-fb:99 nack pli
    a=rtcp-fb:99 ccm fir
    a=rtcp-fb:99 goog-remb
    a=rtcp-fb:99 transport-cc
    a=rtcp-fb:123 nack
    a=rtcp-fb:123 nack pli
    a=rtcp-fb:123 ccm fir
    a=rtcp-fb:123 goog-remb
    a=rtcp-fb:123 transport-cc
    a=rtcp-fb:122 nack
    a=rtcp-fb:122 nack pli
    a=rtcp-fb:122 ccm fir
    a=rtcp-fb:122 goog-remb
    a=rtcp-fb:122 transport-cc
    a=rtcp-mux
    a=rtcp-rsize
    a=rtpmap:120 VP8/90000
    a=rtpmap:124 rtx/90000
    a=rtpmap:121 VP9/90000
    a=rtpmap:125 rtx/90000
    a=rtpmap:99 AV1/90000
    a=rtpmap:100 rtx/90000
    a=rtpmap:123 ulpfec/90000
    a=rtpmap:122 red/90000
    a=rtpmap:119 rtx/90000
    a=setup:actpass
    a=ssrc:2015444755 cname:{e817b203-3d9d-4ed1-85b3-02ef2d6254f2}
    m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8 101
    c=IN IP4 0.0.0.0
    a=candidate:0 1 UDP 2122252543 b154e415-0402-45ed-ba63-ae74eb8cae6e.local 34343 typ host
    a=candidate:1 1 TCP 2105524479 b154e415-0402-45ed-ba63-ae74eb8cae6e.local 9 typ host tcptype active
    a=candidate:0 2 UDP 2122252542 b154e415-0402-45ed-ba63-ae74eb8cae6e.local 58239 typ host
    a=candidate:1 2 TCP 2105524478 b154e415-0402-45ed-ba63-ae74eb8cae6e.local 9 typ host tcptype active
    a=recvonly
    a=end-of-candidates
    a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
    a=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level
    a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
    a=extmap:7 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
    a=extmap-allow-mixed
    a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1
    a=fmtp:101 0-15
    a=ice-pwd:165f181c47c478510b64680664165549
    a=ice-ufrag:77d3700e
    a=mid:1
    a=rtcp:58239 IN IP4 b154e415-0402-45ed-ba63-ae74eb8cae6e.local
    a=rtcp-fb:109 transport-cc
    a=rtcp-fb:9 transport-cc
    a=rtcp-fb:0 transport-cc
    a=rtcp-fb:8 transport-cc
    a=rtcp-mux
    a=rtpmap:109 opus/48000/2
    a=rtpmap:9 G722/8000/1
    a=rtpmap:0 PCMU/8000
    a=rtpmap:8 PCMA/8000
    a=rtpmap:101 telephone-event/8000
    a=setup:actpass
    a=ssrc:289950945 cname:{e817b203-3d9d-4ed1-85b3-02ef2d6254f2}
    m=application 9 UDP/DTLS/SCTP webrtc-datachannel
    c=IN IP4 0.0.0.0
    a=candidate:0 1 UDP 2122252543 b154e415-0402-45ed-ba63-ae74eb8cae6e.local 59418 typ host
    a=candidate:1 1 TCP 2105524479 b154e415-0402-45ed-ba63-ae74eb8cae6e.local 9 typ host tcptype active
    a=sendrecv
    a=end-of-candidates
    a=ice-pwd:165f181c47c478510b64680664165549
    a=ice-ufrag:77d3700e
    a=mid:2
    a=setup:actpass
    a=sctp-port:5000
    a=max-message-size:1073741823
    """)
}
