import ICE
import NetSim
import Testing
import Wire

/// A peer that has the credentials and does whatever comes to its mind: no order of events may trap, run a queue over its bound, or
/// keep the loop busy.
struct ICEHostilePeerTests {
  @Test(arguments: 0..<10 as Range<UInt64>)
  func survivesAnyOrderOfEvents(_ block: UInt64) throws {
    for seed in (block * 2)..<(block * 2 + 2) {
      var generator = SeededGenerator(seed: seed)
      var peer = ScriptedPeer(
        role: Bool.random(using: &generator) ? .controlling : .controlled, isKnown: Bool.random(using: &generator))
      var unanswered: [ScriptedPeer.Received] = []
      for _ in 0..<150 {
        act(on: &peer, unanswered, using: &generator)
        unanswered += peer.received().filter { $0.messageClass == .request }
        unanswered = unanswered.suffix(50)
        #expect(peer.agent.pairs.count <= ICELimits.pairs, "seed \(seed)")
        #expect(peer.agent.localCandidates.count <= ICELimits.localCandidates, "seed \(seed)")
        let candidates = ICELimits.signalledCandidates + ICELimits.peerReflexiveCandidates
        #expect(peer.agent.remoteCandidates.count <= candidates, "seed \(seed)")
        let now = peer.now
        peer.agent.handleTimeout(now: now)
        #expect(peer.agent.deadline.map { $0 > now } ?? true, "seed \(seed)")
        if peer.events().contains(where: { $0.failure != nil }) {
          #expect(peer.agent.deadline == nil && peer.agent.usablePath == nil, "seed \(seed)")
        }
      }
    }
  }

  private func act(
    on peer: inout ScriptedPeer, _ unanswered: [ScriptedPeer.Received], using generator: inout SeededGenerator
  ) {
    let remote = SocketAddress(
      IPAddress(v4: 0xC633_6400 | .random(in: 1...30, using: &generator)), port: .random(in: 1...3, using: &generator))
    let local = SocketAddress(
      IPAddress(v4: 0xC000_0200 | .random(in: 1...40, using: &generator)),
      port: .random(in: 1000...1001, using: &generator))
    let tieBreaker = [0, 1000, UInt64.max, generator.next()].randomElement(using: &generator)!
    switch Int.random(in: 0..<12, using: &generator) {
    case 0...3:
      let claimsControl = generator.chance(0.5)
      peer.check(
        on: NetworkPath(local: generator.chance(0.8) ? ScriptedPeer.local : local, remote: remote),
        useCandidate: generator.chance(0.3), controlling: claimsControl ? tieBreaker : nil,
        controlled: claimsControl && generator.chance(0.9) ? nil : tieBreaker)
    case 4...6:
      guard let request = unanswered.randomElement(using: &generator) else { return }
      peer.answer(
        request, from: generator.chance(0.1) ? remote : nil, mapped: generator.chance(0.2) ? remote : nil,
        errorCode: generator.chance(0.3) ? [487, 400, 401, 500].randomElement(using: &generator) : nil)
    case 7:
      peer.agent.addRemoteCandidate(.host(remote, preference: .random(in: 0...65535, using: &generator)), now: peer.now)
    case 8:
      peer.agent.addLocalCandidate(.host(local, preference: .random(in: 0...65535, using: &generator)), now: peer.now)
    case 9:
      peer.agent.setRemoteCredentials(peer.credentials, isLite: generator.chance(0.2), now: peer.now)
    case 10: peer.advance(.milliseconds(.random(in: 0...200, using: &generator)))
    default: peer.advance(.milliseconds(.random(in: 0...8000, using: &generator)))
    }
  }
}
