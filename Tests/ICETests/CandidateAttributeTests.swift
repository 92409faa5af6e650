import ICE
import NetSim
import Testing
import Wire

struct CandidateAttributeTests {
  /// From offers of Chromium 156 and Firefox ESR 153.
  static let fromBrowsers = [
    "candidate:0 1 UDP 2122252543 5254b85e-9d00-439e-b928-cc3265e1b8d9.local 33738 typ host",
    "candidate:0 2 UDP 2122252542 5254b85e-9d00-439e-b928-cc3265e1b8d9.local 42170 typ host",
    "candidate:1 1 TCP 2105524479 682b0b61-a096-417d-845d-9da5a3b5f16d.local 9 typ host tcptype active",
    "candidate:1 2 TCP 2105524478 b154e415-0402-45ed-ba63-ae74eb8cae6e.local 9 typ host tcptype active",
    """
    candidate:1441102863 1 udp 2113937151 e84f5508-8c72-4a5f-b911-7cb3b222b5eb.local 48057 typ host generation 0 \
    network-cost 999
    """,
    "candidate:2100485024 1 tcp 1518280447 10.9.9.9 9 typ host tcptype active generation 0 network-id 1",
    "candidate:61669037 1 udp 2122260223 10.9.9.9 33346 typ host generation 0 network-id 1",
  ]

  private static let others = [
    "842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 192.168.1.5 rport 46154 generation 0 ufrag Ab+/",
    "3 1 udp 41885439 198.51.100.2 50000 typ relay raddr 203.0.113.7 rport 46154",
    "4 1 udp 2122194687 2001:db8::17 50001 typ host",
    "5 1 tcp 1518214911 192.0.2.9 443 typ host tcptype passive",
    "6 1 udp 1 192.0.2.9 443 typ srflx raddr host.local rport 9",
  ]

  @Test func readsWhatBrowsersSend() throws {
    let candidates = try Self.fromBrowsers.map { try Candidate(parsing: $0) }
    #expect(candidates.map(\.component) == [1, 2, 1, 2, 1, 1, 1])
    #expect(candidates.map { $0.socketAddress != nil } == [false, false, false, false, false, true, true])
    #expect(candidates.map { $0.transport == .udp } == [true, true, false, false, true, false, true])
    #expect(candidates[2].transport == .tcp(.active))
    #expect(candidates[4].address == .name("e84f5508-8c72-4a5f-b911-7cb3b222b5eb.local", port: 48057))
    #expect(candidates[6].socketAddress == SocketAddress(IPAddress("10.9.9.9")!, port: 33346))
    #expect(candidates[6].priority == 2_122_260_223)
    #expect(candidates[6].foundation == "61669037")
  }

  @Test func readsReflexiveAndRelayedOnes() throws {
    let candidate = try Candidate(parsing: Self.others[0])
    #expect(candidate.kind == .serverReflexive)
    #expect(candidate.relatedAddress == SocketAddress(IPAddress("192.168.1.5")!, port: 46154))
    #expect(try Candidate(parsing: Self.others[1]).kind == .relayed)
    #expect(try Candidate(parsing: Self.others[4]).relatedAddress == nil)
  }

  @Test(arguments: fromBrowsers + others)
  func printsWhatItReads(_ line: String) throws {
    let candidate = try Candidate(parsing: line)
    #expect(try Candidate(parsing: candidate.attributeValue) == candidate)
  }

  @Test func printsAHostCandidate() {
    let candidate = Candidate.host(SocketAddress(IPAddress("192.0.2.1")!, port: 5000), preference: 65535)
    #expect(candidate.attributeValue == "\(candidate.foundation) 1 udp 2130706431 192.0.2.1 5000 typ host")
    let other = Candidate.host(SocketAddress(IPAddress("192.0.2.1")!, port: 6000), preference: 1)
    #expect(other.foundation == candidate.foundation)
    let elsewhere = Candidate.host(SocketAddress(IPAddress("192.0.2.2")!, port: 5000), preference: 1)
    #expect(elsewhere.foundation != candidate.foundation)
  }

  @Test(arguments: [
    "", "candidate:", "1 1 udp 1 192.0.2.1 5000 typ", "1 1 udp 1 192.0.2.1 5000 type host",
    "1 0 udp 1 192.0.2.1 5000 typ host",
    "1 257 udp 1 192.0.2.1 5000 typ host", "1 1 sctp 1 192.0.2.1 5000 typ host", "1 1 udp -1 192.0.2.1 5000 typ host",
    "1 1 udp 4294967296 192.0.2.1 5000 typ host", "1 1 udp 1 192.0.2.1 65536 typ host",
    "1 1 udp 1 192.0.2.1 +5 typ host",
    "1 1 udp 1 192.0.2.1 5000 typ guest", "1 1 udp 1 <script> 5000 typ host", "1 1 tcp 1 192.0.2.1 9 typ host",
    "1 1 tcp 1 192.0.2.1 9 typ host tcptype lazy", "a,b 1 udp 1 192.0.2.1 5000 typ host",
    "123456789012345678901234567890123 1 udp 1 192.0.2.1 5000 typ host",
  ])
  func refuses(_ line: String) {
    #expect(throws: ParseError.self) { try Candidate(parsing: line) }
  }

  @Test func survivesTruncationAndNoise() {
    var generator = SeededGenerator(seed: 8839)
    for line in Self.fromBrowsers + Self.others {
      let bytes = Array(line.utf8)
      for count in 0...bytes.count { _ = try? Candidate(parsing: String(decoding: bytes[..<count], as: UTF8.self)) }
      for _ in 0..<500 {
        var noisy = bytes
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
          noisy[Int.random(in: 0..<noisy.count, using: &generator)] = .random(in: 0...255, using: &generator)
        }
        guard let candidate = try? Candidate(parsing: String(decoding: noisy, as: UTF8.self)) else { continue }
        #expect((try? Candidate(parsing: candidate.attributeValue)) == candidate)
      }
    }
  }
}
