import ICE
import NetSim
import Testing
import Wire

/// When ICE gives up, and what it says.
struct ICEFailureTests {
  private let patience: Interval = .milliseconds(39_500)  // RFC 8863 §4

  @Test func waitsForThePeersChecksBeforeItMissesCandidates() {
    var peer = ScriptedPeer(role: .controlled)
    peer.advance(patience - .milliseconds(1))
    #expect(peer.events().isEmpty)
    peer.advance(.milliseconds(1))
    let failure = peer.events().first?.failure
    #expect(failure?.reason == .noRemoteCandidates)
    #expect(failure?.description == "the peer has named no usable address and none of its checks arrived")
    #expect(peer.agent.deadline == nil)
  }

  @Test func connectsAtTheLastMoment() {
    var peer = ScriptedPeer(role: .controlled)
    peer.advance(patience - .milliseconds(1))
    peer.check(useCandidate: true, controlling: 5)
    peer.advance(.seconds(1))
    #expect(peer.events().isEmpty)
    peer.answerAll()
    #expect(peer.agent.selectedPath == ScriptedPeer.path)
  }

  @Test func tellsThatAllAddressesWereHidden() throws {
    var peer = ScriptedPeer(role: .controlled)
    for line in CandidateAttributeTests.fromBrowsers.prefix(5) {
      peer.agent.addRemoteCandidate(try Candidate(parsing: line), now: peer.now)
    }
    peer.advance(patience)
    let failure = peer.events().first?.failure
    #expect(failure?.reason == .noRemoteCandidates)
    #expect(failure?.hiddenCandidates == 2)  // the two for UDP and RTP
  }

  @Test func tellsHowManyChecksWentUnanswered() {
    var peer = ScriptedPeer(role: .controlled)
    for port in 1...3 as ClosedRange<UInt16> {
      peer.agent.addRemoteCandidate(
        .host(SocketAddress(ScriptedPeer.remote.address, port: port), preference: port), now: peer.now)
    }
    peer.advance(.seconds(45))
    let failure = peer.events().first?.failure
    #expect(
      failure
        == ICEFailure(
          reason: .checksFailed, pairs: 3, requestsSent: 3, responsesReceived: 0, requestsReceived: 0,
          hiddenCandidates: 0))
    #expect(peer.agent.pairs.allSatisfy { $0.state == .failed })
  }

  @Test func tellsWhenRequestsArriveButAnswersDoNot() {
    var simulation = Simulation()
    simulation.signal()
    simulation.network.setUplink(of: Simulation.alice.address, .down)
    simulation.run(for: .seconds(100))
    let failures = simulation.peers.map { $0.events.last?.failure }
    #expect(failures.map { $0?.reason } == [.checksFailed, .checksFailed])
    #expect(failures[0]!.requestsReceived > 0)
    #expect(failures[1]!.requestsReceived == 1)  // the one that was under way already
    let idle = simulation.peers.allSatisfy { $0.agent.deadline == nil }
    #expect(idle)
  }

  @Test func doesNotWaitForeverForANomination() {
    var peer = ScriptedPeer(role: .controlled)
    peer.check(controlling: 5)
    peer.answerAll()
    peer.advance(patience * 2 - .milliseconds(1))
    #expect(peer.events() == [.usable(ScriptedPeer.path)])
    peer.advance(.milliseconds(1))
    #expect(peer.events().last?.failure?.reason == .notNominated)
  }

  @Test func triesAFailedPairAgainWhenThePeerChecksIt() {
    var peer = ScriptedPeer(role: .controlled)
    peer.agent.addRemoteCandidate(.host(ScriptedPeer.remote, preference: 9), now: peer.now)
    peer.answer(peer.received()[0], errorCode: 400)
    #expect(peer.agent.pairs[0].state == .failed)
    peer.advance(.milliseconds(50))
    peer.check(useCandidate: true, controlling: 5)
    peer.answerAll()
    #expect(peer.agent.selectedPath == ScriptedPeer.path)
  }

  @Test func restsUntilItKnowsThePeer() {
    var peer = ScriptedPeer(role: .controlled, isKnown: false)
    peer.agent.addRemoteCandidate(.host(ScriptedPeer.remote, preference: 9), now: peer.now)
    #expect(peer.agent.deadline == nil)
    #expect(peer.received().isEmpty)
  }

  @Test func answersNothingAfterTheEnd() {
    var peer = ScriptedPeer(role: .controlled)
    peer.advance(patience)
    let disposition = peer.check(useCandidate: true, controlling: 5)
    #expect(disposition == .ignored)
    #expect(peer.received().isEmpty)
    #expect(peer.agent.deadline == nil)
  }
}
