import SDP
import NetSim
import Testing

/// No bytes may do more than throw.
@Suite struct HostileTests {
  @Test(arguments: Offers.all.map(\.name)) func everyTruncationIsReadOrRefused(name: String) throws {
    let bytes = Array(Offers.distinctLines(of: try #require(Offers.all.first { $0.name == name }?.text)).utf8)
    let local = LocalSession.board
    var answered = 0
    for length in 0..<bytes.count {
      guard let offer = try? SessionDescription(parsing: Array(bytes[..<length])) else { continue }
      guard let answer = try? local.answer(offer) else { continue }
      answered += 1
      #expect(answer.description.media.count == offer.media.count, "length \(length)")
    }
    #expect(answered > 0)
  }

  @Test func flippedBitsAreReadOrRefused() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let local = LocalSession.board
    for (_, text) in Offers.all {
      let original = Array(Offers.distinctLines(of: text).utf8)
      for _ in 0..<400 {
        var bytes = original
        for _ in 0..<Int.random(in: 1...8, using: &random) {
          bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        }
        guard let offer = try? SessionDescription(parsing: bytes) else { continue }
        guard let answer = try? local.answer(offer) else { continue }
        #expect(answer.description.media.count == offer.media.count, "seed \(seed)")
        #expect(try SessionDescription(parsing: answer.description.text) == answer.description, "seed \(seed)")
      }
    }
  }

  @Test func shuffledLinesAreReadOrRefused() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let local = LocalSession.board
    for (_, text) in Offers.all {
      for _ in 0..<20 {
        let lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0"] + text.lines.dropFirst(2).shuffled(using: &random)
        guard let offer = try? SessionDescription(parsing: Offers.crlf(lines.joined(separator: "\n"))) else { continue }
        guard let answer = try? local.answer(offer) else { continue }
        #expect(try SessionDescription(parsing: answer.description.text) == answer.description, "seed \(seed)")
      }
    }
  }

  @Test func tenThousandMediaSectionsAreTooMany() {
    let section = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
    refuses(plainOffer + String(repeating: section, count: 40), "The description has more than 32 media sections.")
    refuses(plainOffer + String(repeating: section, count: 10_000), "The description is longer than 65536 bytes.")
    refuses("v=0\n" + String(repeating: "a=\n", count: 10_000), "is no name for an attribute")
    refuses("v=0\n" + String(repeating: "a=x\n", count: 10_000), "The description has more than 4096 lines.")
    refuses("v=0\no=" + String(repeating: "1 ", count: 3000), "it is longer than 4096 bytes.")
    refuses(
      plainOffer + String(repeating: "a=candidate:1 1 udp 1 192.0.2.1 1 typ host\n", count: 101),
      "A media section has more than 100 candidates.")
    refuses(plainOffer + (0..<70).map { "a=ssrc:\($0) cname:x\n" }.joined(), "there are too many sources.")
  }

  @Test func hugeNumbersAreRefused() {
    let huge = String(repeating: "9", count: 400)
    for line in ["sctp-port:", "max-message-size:", "ssrc:", "extmap:", "rtpmap:96 VP8/", "rtpmap:", "rtcp-fb:"] {
      refuses(plainOffer + "a=\(line)\(huge) x y\r\n", "is not a number")
    }
    refuses(plainOffer.replacing("m=audio 9", by: "m=audio \(huge)"), "is no port.")
  }

  @Test func whatIsNoTextIsRefused() {
    #expect(throws: SDPError.unacceptable("The description is not text in UTF-8.")) {
      try SessionDescription(parsing: Array(plainOffer.utf8) + [0xC3, 0x28])
    }
    refuses("", "starts with the line “v=0”")
    refuses("\u{0}", "contains a NUL")
    refuses("v=0\ro=x", "contains a NUL or a carriage return")
  }

  @Test func messagesQuoteLittleAndNothingUnprintable() {
    let line = "a=setup:\u{1B}[31m" + String(repeating: "x", count: 1000)
    do throws(SDPError) {
      _ = try SessionDescription(parsing: plainOffer + line)
    } catch {
      #expect(error.description.unicodeScalars.allSatisfy { $0.value >= 0x20 })
      #expect(error.description.utf8.count < 200)
    }
  }

  private func refuses(_ text: String, _ message: String, sourceLocation: SourceLocation = #_sourceLocation) {
    do throws(SDPError) {
      _ = try SessionDescription(parsing: text)
      Issue.record("accepted", sourceLocation: sourceLocation)
    } catch {
      #expect(error.description.contains(message), "\(error)", sourceLocation: sourceLocation)
    }
  }
}

extension Offers {
  /// An offer with one line of each form: what twenty descriptions of H.264 add to a test is its duration.
  fileprivate static func distinctLines(of text: String) -> String {
    var seen: Set<String> = []
    var section = 0
    return crlf(
      text.lines.filter { line in
        if line.hasPrefix("m=") { section += 1 }
        let digits: Set<Character> = Set("0123456789")
        return line.hasPrefix("m=") || line.hasPrefix("a=mid")
          || seen.insert("\(section > 2) \(line.filter { !digits.contains($0) })").inserted
      }.joined(separator: "\n"))
  }
}
