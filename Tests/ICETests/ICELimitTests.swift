import ICE
import NetSim
import Testing
import Wire

/// What a hostile peer, or a stranger, can make an agent do.
struct ICELimitTests {
  @Test func answersNothingToStrangers() {
    var peer = ScriptedPeer(role: .controlled)
    let dispositions = [
      peer.check(controlling: 5, ufrag: "stranger"),
      peer.check(controlling: 5, password: "not the password of this session"),
      peer.check(controlling: 5, ufrag: String(peer.agent.localCredentials.ufrag.dropLast())),
    ]
    #expect(dispositions == [.ignored, .ignored, .ignored])
    #expect(peer.received().isEmpty)
    #expect(peer.agent.remoteCandidates.isEmpty)
    #expect(peer.agent.drops.unknownUfrag == 2)
    #expect(peer.agent.drops.unauthenticated == 1)
  }

  @Test func survivesNoiseWithoutAWord() {
    var peer = ScriptedPeer(role: .controlled)
    var generator = SeededGenerator(seed: 9)
    for vector in [STUNVectorTests.request, STUNVectorTests.responseV4] {
      for _ in 0..<2000 {
        var bytes = vector
        for _ in 0..<4 {
          bytes[.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
        }
        peer.agent.handle(bytes.span.bytes, on: ScriptedPeer.path, now: peer.now)
      }
    }
    #expect(peer.received().isEmpty)
  }

  @Test func namesAttributesThatItMustUnderstandButDoesNot() {
    var peer = ScriptedPeer(role: .controlled)
    peer.check(controlling: 5) { writer in
      writer.write(UInt16(0x7ABC))
      writer.write(UInt16(0))
    }
    let sent = peer.received()
    #expect(sent.map(\.errorCode) == [420])
    #expect(peer.agent.pairs.isEmpty)
  }

  /// A viewer names a victim's address, on as many ports as it may.
  @Test func floodsNoStrangerWhoseAddressThePeerNames() {
    var peer = ScriptedPeer(role: .controlled)
    for index in 2...10 as ClosedRange<UInt32> {
      let address = SocketAddress(IPAddress(v4: 0xC000_0200 | index), port: 1000)
      peer.agent.addLocalCandidate(.host(address, preference: UInt16(index)), now: peer.now)
    }
    for port in 1...1000 as ClosedRange<UInt16> {
      peer.agent.addRemoteCandidate(
        .host(SocketAddress(ScriptedPeer.remote.address, port: port), preference: 9), now: peer.now)
    }
    #expect(peer.agent.pairs.count == ICELimits.pairs)
    #expect(peer.agent.remoteCandidates.count == ICELimits.signalledCandidates)
    var sent = 0
    while let deadline = peer.agent.deadline {
      sent += peer.received().count
      peer.advance(deadline - peer.now)
    }
    #expect(sent <= ICELimits.unansweredRequests)
    #expect(peer.agent.drops.suppressedChecks > 0)
    #expect(peer.events().last?.failure?.reason == .checksFailed)
  }

  /// A viewer sends authenticated requests with forged sources.
  @Test func checksFewForgedSources() {
    var peer = ScriptedPeer(role: .controlled)
    var checks = 0
    for index in 0..<6000 {
      let source = SocketAddress(IPAddress(v4: 0xCB00_7100 | UInt32(index & 255)), port: UInt16(1000 + index))
      peer.check(on: NetworkPath(local: ScriptedPeer.local, remote: source), useCandidate: true, controlling: 5)
      checks += peer.received().count { $0.messageClass == .request }
      peer.advance(.milliseconds(5))
    }
    // 16 candidates at a time, each for 30 s at least, seven sends each.
    #expect(checks <= 2 * ICELimits.peerReflexiveCandidates * 7)
    #expect(peer.agent.remoteCandidates.count <= ICELimits.peerReflexiveCandidates)
    #expect(peer.agent.pairs.count <= ICELimits.pairs)
  }

  @Test func answersOnlySoManyRequestsASecond() {
    var peer = ScriptedPeer(role: .controlled)
    var answers = 0
    for _ in 0..<1000 {
      peer.check(controlling: 5)
      answers += peer.received().count { $0.messageClass == .success }
    }
    #expect(answers == ICELimits.answersPerSecond)
    #expect(peer.agent.drops.overRate == 1000 - answers)
    peer.advance(.seconds(1))
    peer.check(controlling: 5)
    #expect(peer.received().contains { $0.messageClass == .success })
  }

  /// A phone that changes its port every minute for a day.
  @Test func followsAPeerWhosePortChangesForADay() {
    var peer = ScriptedPeer(role: .controlled)
    for minute in 0..<1440 {
      let path = NetworkPath(
        local: ScriptedPeer.local, remote: SocketAddress(ScriptedPeer.remote.address, port: UInt16(2000 + minute)))
      for _ in 0..<3 {
        peer.check(on: path, useCandidate: true, controlling: 5)
        peer.answerAll()
      }
      #expect(peer.agent.selectedPath == path, "minute \(minute)")
      for _ in 0..<12 {
        peer.advance(.seconds(5))
        peer.answerAll()
      }
    }
    #expect(peer.agent.pairs.count <= ICELimits.peerReflexiveCandidates)
  }

  @Test func makesRoomForABetterPair() {
    var peer = ScriptedPeer(role: .controlled)
    for index in 2...4 as ClosedRange<UInt32> {
      peer.agent.addLocalCandidate(
        .host(SocketAddress(IPAddress(v4: 0xC000_0200 | index), port: 1), preference: 9), now: peer.now)
    }
    for port in 1...39 as ClosedRange<UInt16> {
      peer.agent.addRemoteCandidate(
        .host(SocketAddress(ScriptedPeer.remote.address, port: port), preference: 5), now: peer.now)
    }
    let best = SocketAddress(ScriptedPeer.remote.address, port: 8000)
    peer.agent.addRemoteCandidate(.host(best, preference: 65535), now: peer.now)
    #expect(peer.agent.pairs.count == ICELimits.pairs)
    #expect(peer.agent.pairs.count { $0.path.remote == best } > 0)
    _ = peer.received()
    peer.check(useCandidate: true, controlling: 5)  // from where nobody named
    peer.advance(.milliseconds(5))
    peer.answerAll()
    #expect(peer.agent.usablePath == ScriptedPeer.path)
  }
}
