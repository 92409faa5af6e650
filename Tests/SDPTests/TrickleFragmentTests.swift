import SDP
import NetSim
import Testing

@Suite struct TrickleFragmentTests {
  private let text = Offers.crlf(
    """
    a=group:BUNDLE 0 1
    a=ice-ufrag:EsAw
    a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1
    m=audio 9 UDP/TLS/RTP/SAVPF 0
    a=candidate:1 1 udp 1 192.0.2.1 5000 typ host
    a=end-of-candidates
    a=mid:0
    m=video 9 RTP/AVP 0
    a=mid:1
    a=candidate:2 1 udp 1 192.0.2.1 5002 typ host
    """)

  @Test func readsCandidatesOfTheBundlesSection() throws {
    let fragment = try TrickleFragment(parsing: text)
    #expect(fragment.groups.first?.mids == ["0", "1"])
    #expect(fragment.sections.map(\.mid) == ["0", "1"])
    let transport = fragment.transport(bundledIn: "0")
    #expect(transport.iceUfrag == "EsAw")
    #expect(transport.icePwd == "P2uYro0UCOQ4zxjKXaWCBui1")
    #expect(transport.candidates == ["1 1 udp 1 192.0.2.1 5000 typ host"])
    #expect(transport.endsCandidates)
    #expect(fragment.transport(bundledIn: "1").candidates == ["2 1 udp 1 192.0.2.1 5002 typ host"])
    #expect(fragment.transport(bundledIn: "7").candidates.isEmpty)
  }

  @Test func aFragmentWithoutSectionsMeansTheOneThereIs() throws {
    let fragment = try TrickleFragment(parsing: "a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\n")
    #expect(fragment.transport(bundledIn: "0").candidates.count == 1)
    #expect(try TrickleFragment(parsing: "").transport(bundledIn: "0") == TransportAttributes())
  }

  @Test func printsWhatItRead() throws {
    let fragment = try TrickleFragment(parsing: text)
    #expect(try TrickleFragment(parsing: fragment.text) == fragment)
  }

  @Test func printsTheAnswerToARestart() {
    var fragment = TrickleFragment()
    fragment.transport.iceUfrag = "newu"
    fragment.transport.icePwd = "0123456789012345678901"
    var section = TrickleFragment.Section(kind: .video, mid: "0")
    section.transport.candidates = ["1 1 udp 1 192.0.2.1 5000 typ host"]
    section.transport.endsCandidates = true
    fragment.sections = [section]
    #expect(
      fragment.text.lines == [
        "a=ice-ufrag:newu", "a=ice-pwd:0123456789012345678901", "m=video 9 UDP/TLS/RTP/SAVPF 0", "a=mid:0",
        "a=candidate:1 1 udp 1 192.0.2.1 5000 typ host", "a=end-of-candidates",
      ])
  }

  @Test func everyTruncationIsReadOrRefused() throws {
    let bytes = Array(text.utf8)
    for length in 0..<bytes.count {
      guard let fragment = try? TrickleFragment(parsing: Array(bytes[..<length])) else { continue }
      #expect(try TrickleFragment(parsing: fragment.text) == fragment, "length \(length)")
    }
  }

  @Test func flippedBitsAreReadOrRefused() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    for _ in 0..<3000 {
      var bytes = Array(text.utf8)
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      }
      guard let fragment = try? TrickleFragment(parsing: bytes) else { continue }
      #expect(try TrickleFragment(parsing: fragment.text) == fragment, "seed \(seed)")
    }
  }

  @Test func aMidOutsideOfASectionIsRefused() {
    #expect(throws: SDPError.malformed(line: 1, "a=mid: it stands in no media section.")) {
      try TrickleFragment(parsing: "a=mid:0")
    }
  }
}
