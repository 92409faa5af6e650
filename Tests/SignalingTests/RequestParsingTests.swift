import NetSim
import Testing

@testable import Signaling

@Suite struct RequestParsingTests {
  @Test func readsARequestWithABody() throws {
    let text = "POST /whep?x=1 HTTP/1.1\r\nHost: a\r\nContent-Type:  application/sdp \r\nContent-Length: 3\r\n\r\nabc"
    let request = try #require(try HTTPRequestParser.parse(Array(text.utf8)))
    #expect(request.method == "POST")
    #expect(request.path == "/whep")
    #expect(request["content-type"] == "application/sdp")
    #expect(request.body == Array("abc".utf8))
    #expect(request.keepsAlive)
  }

  @Test func readsTheSameRequestWhateverThePieces() throws {
    let bytes = Array(
      "\r\nPATCH /whep/1 HTTP/1.1\r\nHost: a\r\nIf-Match: \"x\"\r\nContent-Length: 4\r\n\r\nfragGET".utf8)
    let whole = try #require(try HTTPRequestParser.parse(bytes))
    for size in 1..<bytes.count {
      var parser = HTTPRequestParser()
      var found: HTTPRequest?
      for start in stride(from: 0, to: bytes.count, by: size) {
        bytes[start..<min(start + size, bytes.count)].withUnsafeBytes { parser.append($0) }
        if let request = try parser.next(maximumBody: 100) { found = request }
      }
      #expect(found == whole)
      #expect(parser.pendingCount == 3)
    }
  }

  @Test func keepsWhatTheClientSendsAhead() throws {
    var parser = HTTPRequestParser()
    parser.append("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n")
    #expect(try parser.next(maximumBody: 0)?.path == "/1")
    let second = try #require(try parser.next(maximumBody: 0))
    #expect(second.path == "/2")
    #expect(!second.keepsAlive)
    #expect(try parser.next(maximumBody: 0) == nil)
    #expect(!parser.isInsideRequest)
  }

  @Test func takesTheHostOfAnAbsoluteTarget() throws {
    let request = try #require(
      try HTTPRequestParser.parse(Array("GET http://b:80/x?y HTTP/1.1\r\nHost: a\r\n\r\n".utf8)))
    #expect(request.path == "/x")
    #expect(request["host"] == "b:80")
  }

  @Test func anHTTP10RequestNeedsNoHostAndEndsTheConnection() throws {
    let request = try #require(try HTTPRequestParser.parse(Array("GET / HTTP/1.0\r\n\r\n".utf8)))
    #expect(!request.keepsAlive)
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\n\r\n", 400),  // no Host
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    ("GET / HTTP/1.1\nHost: a\n\n\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\u{0}\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400),
    ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("GET /é HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("* * *\r\n\r\n", 400),
    ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("GET /\r\n\r\n", 400),
    ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x10\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n", 413),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 411),
    ("POST / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\nContent-Length: 5\r\n\r\n", 417),
  ])
  func refusesWhatTwoReadersCouldReadDifferently(text: String, status: Int) {
    let problem = #expect(throws: Problem.self) { _ = try HTTPRequestParser.parse(Array(text.utf8), maximumBody: 100) }
    #expect(problem?.kind.status == status)
  }

  @Test func refusesAHeadWithoutEnd() {
    let long = [UInt8](repeating: UInt8(ascii: "a"), count: HTTPRequestParser.maximumHead + 1)
    let first = #expect(throws: Problem.self) { _ = try HTTPRequestParser.parse(long) }
    #expect(first?.kind == .targetTooLong)
    let second = #expect(throws: Problem.self) {
      _ = try HTTPRequestParser.parse(Array("GET / HTTP/1.1\r\nX: ".utf8) + long)
    }
    #expect(second?.kind == .headTooLarge)
    let third = #expect(throws: Problem.self) {
      let fields = String(repeating: "X: y\r\n", count: HTTPRequestParser.maximumFields + 1)
      _ = try HTTPRequestParser.parse(Array("GET / HTTP/1.1\r\n\(fields)\r\n".utf8))
    }
    #expect(third?.kind == .headTooLarge)
  }

  @Test func asksForTheBodyOnlyWhenTheClientWaits() throws {
    var parser = HTTPRequestParser()
    parser.append("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    #expect(try parser.next(maximumBody: 10) == nil)
    #expect(parser.wantsContinue)
    parser.append("ab")
    #expect(try parser.next(maximumBody: 10)?.body.count == 2)
    #expect(!parser.wantsContinue)
  }

  @Test func neverTrapsOnTruncatedRequests() throws {
    for length in 0..<Self.sample.count {
      let request = try HTTPRequestParser.parse(Array(Self.sample[..<length]))
      #expect(request == nil)
    }
  }

  @Test(arguments: [UInt64(1), 2, 3, 4])
  func neverTrapsOnFlippedBits(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<5_000 {
      var bytes = Self.sample
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      }
      _ = try? HTTPRequestParser.parse(bytes)
    }
  }

  private static let sample = Array(
    "POST http://h/whep?q HTTP/1.1\r\nHost: h\r\nAccept: application/sdp;q=0.5, */*\r\nExpect: 100-continue\r\nContent-Length: 7\r\nIf-Match: W/\"x\", \"y\"\r\n\r\nv=0\r\no="
      .utf8)
}
