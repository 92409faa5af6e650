extension Offers {
  /// Firefox with `bundlePolicy: "max-bundle"`: ports of zero that reject nothing.
  static let firefoxMaxBundle = crlf(
    """
    v=0
    o=mozilla...THIS_IS_SDPARTA-99.0 6610935166468698688 0 IN IP4 0.0.0.0
    s=-
    t=0 0
    a=sendrecv
    a=fingerprint:sha-256 A0:58:A6:28:B0:21:A2:D0:22:E0:9D:B7:2A:F1:E2:EC:4C:66:B5:B6:7A:C4:88:7A:2C:44:FD:AB:33:D6:AB:7F
    a=group:BUNDLE 0 1 2
    a=ice-options:trickle
    a=msid-semantic:WMS *
    m=video 9 UDP/TLS/RTP/SAVPF 120 124 121 125 99 100 123 122 119
    c=IN IP4 0.0.0.0
    a=candidate:0 1 UDP 2122252543 682b0b61-a096-417d-845d-9da5a3b5f16d.local 52704 typ host
    a=candidate:1 1 TCP 2105524479 682b0b61-a096-417d-845d-9da5a3b5f16d.local 9 typ host tcptype active
    a=candidate:0 2 UDP 2122252542 682b0b61-a096-417d-845d-9da5a3b5f16d.local 37749 typ host
    a=candidate:1 2 TCP 2105524478 682b0b61-a096-417d-845d-9da5a3b5f16d.local 9 typ host tcptype active
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
    a=ice-pwd:16f4b23a1f553ca5469de4c2830224dd
    a=ice-ufrag:d2c0a823
    a=mid:0
    a=rtcp:37749 IN IP4 682b0b61-a096-417d-845d-9da5a3b5f16d.local
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
    a=ssrc:570158453 cname:{74fa0c29-5608-489e-8b4f-c1ba761de108}
    m=audio 0 UDP/TLS/RTP/SAVPF 109 9 0 8 101
    c=IN IP4 0.0.0.0
    a=bundle-only
    a=recvonly
    a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
    a=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level
    a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
    a=extmap:7 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
    a=extmap-allow-mixed
    a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1
    a=fmtp:101 0-15
    a=ice-pwd:16f4b23a1f553ca5469de4c2830224dd
    a=ice-ufrag:d2c0a823
    a=mid:1
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
    a=ssrc:426270751 cname:{74fa0c29-5608-489e-8b4f-c1ba761de108}
    m=application 0 UDP/DTLS/SCTP webrtc-datachannel
    c=IN IP4 0.0.0.0
    a=bundle-only
    a=sendrecv
    a=ice-pwd:16f4b23a1f553ca5469de4c2830224dd
    a=ice-ufrag:d2c0a823
    a=mid:2
    a=setup:actpass
    a=sctp-port:5000
    a=max-message-size:1073741823
    """)
}
