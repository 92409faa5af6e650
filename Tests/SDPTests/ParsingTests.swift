import SDP
import Testing

@Suite struct ParsingTests {
  @Test func readsChromium() throws {
    let offer = try SessionDescription(parsing: Offers.chromiumMicrophone)
    #expect(offer.origin.sessionID == "216908304176349376")
    #expect(offer.bundle == ["0", "1", "2"])
    #expect(offer.allowsMixedExtensions)
    #expect(offer.msidSemantic == "WMS ab3ba84a-c6f1-43dc-9074-6cf4be8435de")
    try #require(offer.media.count == 3)
    let video = offer.media[0]
    #expect(video.kind == .video)
    #expect(video.port == 51026)
    #expect(video.connection == "IN IP4 10.9.9.9")
    #expect(video.payloads.count == 34)
    #expect(video.payloads[0].encoding == Encoding("VP8", clockRate: 90_000))
    #expect(video.payloads[0].feedback.map(\.text) == ["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"])
    #expect(video.payloads[1].parameters.associatedPayloadType == 96)
    #expect(video.extensions.count == 11)
    #expect(video.extensions[4] == HeaderExtension(id: 5, uri: .playoutDelay))
    #expect(video.extendedReports == ["rcvr-rtt=all"])
    #expect(video.transport.iceUfrag == "V4zz")
    #expect(video.transport.setup == .actpass)
    #expect(video.transport.iceOptions == ["trickle"])
    #expect(
      video.transport.candidates.first
        == "61669037 1 udp 2122260223 10.9.9.9 51026 typ host generation 0 network-id 1")
    #expect(video.otherAttribute(named: "rtcp")?.value == "9 IN IP4 0.0.0.0")
    let audio = offer.media[1]
    #expect(audio.direction == .sendrecv)
    #expect(audio.payloads[0].encoding == Encoding("opus", clockRate: 48_000, channels: 2))
    #expect(audio.payloads[1].parameters.text == "111/111")
    #expect(audio.sources.map(\.ssrc) == [858_198_260])
    #expect(audio.sources.first?.cname == "TktaBs4EHjYp5Dm2")
    #expect(audio.msids.first?.track == "208156f6-a3fe-4b58-bdda-3e5d8428f18a")
    #expect(offer.media[2].formats == ["webrtc-datachannel"])
    #expect(offer.media[2].sctpPort == 5000)
    #expect(offer.media[2].maximumMessageSize == 262_144)
  }

  @Test func readsFirefox() throws {
    let offer = try SessionDescription(parsing: Offers.firefoxMaxBundle)
    #expect(offer.direction == .sendrecv)
    #expect(offer.transport.fingerprints.first?.bytes.count == 32)
    #expect(offer.transport.iceOptions == ["trickle"])
    let video = offer.media[0]
    #expect(video.transport.fingerprints.isEmpty)
    #expect(offer.transport(of: video).fingerprints == offer.transport.fingerprints)
    #expect(offer.transport(of: video).iceUfrag == "d2c0a823")
    #expect(video.extensions.contains(HeaderExtension(id: 6, direction: .recvonly, uri: .playoutDelay)))
    #expect(video.payloads[0].parameters.maximumFrameSize == 12_288)
    #expect(video.payloads[0].parameters.maximumFrameRate == 60)
    #expect(video.transport.endsCandidates)
    #expect(offer.media[1].isBundleOnly)
    #expect(offer.media[1].port == 0)
    #expect(offer.media[1].payloads[0].parameters.prefersStereo)
    #expect(offer.media[1].payloads[0].parameters.maximumPlaybackRate == 48_000)
    #expect(offer.media[2].maximumMessageSize == 1_073_741_823)
  }

  @Test(arguments: Offers.all.map(\.name)) func printsWhatItRead(name: String) throws {
    let text = try #require(Offers.all.first { $0.name == name }?.text)
    let offer = try SessionDescription(parsing: text)
    #expect(try SessionDescription(parsing: offer.text) == offer)
    // Nothing is lost either: the same lines in another order.
    #expect(offer.text.lines.map(\.canonical).sorted() == text.lines.map(\.canonical).sorted())
  }

  @Test func lineFeedsAloneEndLines() throws {
    let text = Offers.firefoxRecvonly
    let feeds = text.replacing("\r\n", by: "\n")
    #expect(try SessionDescription(parsing: feeds) == SessionDescription(parsing: text))
    #expect(try SessionDescription(parsing: Array((feeds + "\n\n").utf8)) == SessionDescription(parsing: text))
  }

  @Test func keepsWhatItDoesNotKnow() throws {
    let text = plainOffer.replacing(
      "a=mid:v", by: "a=mid:v\r\na=rid:lo recv\r\na=simulcast:recv lo\r\na=x-own\r\nk=clear:x")
    let video = try SessionDescription(parsing: text).media[0]
    #expect(
      video.otherAttributes == [Attribute("rid", "lo recv"), Attribute("simulcast", "recv lo"), Attribute("x-own")])
  }

  @Test func readsBandwidthsAndFeedbackForAllPayloads() throws {
    let text = plainOffer.replacing(
      "a=mid:v",
      by: "b=AS:900\r\nb=TIAS:800000\r\nb=X-YZ:1\r\na=mid:v\r\na=rtcp-fb:* nack  pli\r\na=rtcp-fb:* nack pli")
    let video = try SessionDescription(parsing: text).media[0]
    #expect(video.bandwidth.kilobitsPerSecond == 900)
    #expect(video.bandwidth.bitsPerSecond == 800_000)
    #expect(video.feedbackForAll == [.pictureLossIndication])
  }

  @Test func aPayloadTypeListedTwiceIsOne() throws {
    let text = plainOffer.replacing("SAVPF 96 97", by: "SAVPF 96 97 96")
    #expect(try SessionDescription(parsing: text).media[0].payloads.map(\.payloadType) == [96, 97])
  }

  @Test(arguments: [
    ("a=setup:actpass", "a=setup:maybe", "Line 9: a=setup: “maybe” is none of active, passive, actpass and holdconn."),
    ("a=ice-ufrag:abcd", "a=ice-ufrag:abc", "Line 7: a=ice-ufrag: it is not 4 to 256 letters, digits, “+” and “/”."),
    (
      "a=fingerprint:sha-256 AB:", "a=fingerprint:sha-256 ",
      "Line 6: a=fingerprint: a sha-256 hash has 32 bytes, not 31."
    ),
    ("a=fingerprint:sha-256 AB:", "a=fingerprint:sha-256 +B:", "is not a hash in the form 0A:1B:…."),
    ("m=video 9", "m=video 65536", "Line 10: “65536” is no port."),
    ("SAVPF 96 97", "SAVPF 96 128", "Line 10: “128” is no RTP payload type (0 to 127)."),
    ("SAVPF 96 97", "SAVPF", "Line 10: the media section lists no format."),
    ("a=rtpmap:96 VP8/90000", "a=rtpmap:96 VP8", "a=rtpmap: “VP8” is not of the form name/rate."),
    ("a=rtpmap:96 VP8/90000", "a=rtpmap:96 VP8/+1", "a=rtpmap: “+1” is not a number from 0 to 4294967295."),
    ("a=mid:a", "a=mid:v", "Two media sections have the mid “v”."),
    ("a=mid:a", "a=mid:a b", "a=mid: “a b” is no token."),
    ("a=mid:a", "a=extmap:1/up urn:x", "a=extmap: “up” is no direction."),
    ("a=mid:a", "a=extmap:70000 urn:x", "a=extmap: “70000” is not a number from 0 to 65535."),
    ("a=mid:a", "a=ssrc:4294967296 cname:x", "a=ssrc: “4294967296” is not a number from 0 to 4294967295."),
    ("a=mid:a", "nonsense", "Line 18: “nonsense” is not of the form “x=value”."),
    ("a=mid:a", "a=mid\u{0}:a", "Line 18: it contains a NUL or a carriage return."),
    ("v=0", "v=1", "A session description starts with the line “v=0”."),
    ("o=- 1 1 IN IP4 127.0.0.1", "o=- 1", "an origin has a user name, a session id, a version and an address."),
    ("o=- 1 1 IN IP4 127.0.0.1\r\n", "", "The description has no origin line (“o=”)."),
  ]) func saysWhatIsWrong(part: String, other: String, message: String) {
    do throws(SDPError) {
      _ = try SessionDescription(parsing: plainOffer.replacing(part, by: other))
      Issue.record("accepted: \(other)")
    } catch {
      #expect(error.description.contains(message), "\(error)")
    }
  }
}

extension String {
  /// Chromium puts a space into `msid-semantic`, Firefox a superfluous number of channels into `rtpmap`.
  fileprivate var canonical: String {
    let compact = split(separator: ": ").joined(separator: ":")
    return compact.hasSuffix("/8000/1") ? String(compact.dropLast(2)) : compact
  }
}
