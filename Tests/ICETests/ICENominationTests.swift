import ICE
import NetSim
import Testing
import Wire

/// Which pair is selected, and when.
struct ICENominationTests {
  private static let other = SocketAddress(IPAddress("198.51.100.9")!, port: 9001)
  private let better = NetworkPath(local: ScriptedPeer.local, remote: Self.other)

  // MARK: Controlled

  @Test func selectsAtOnceWhenTheNominatedPairIsValidAlready() {
    var peer = ScriptedPeer(role: .controlled)
    peer.check(controlling: 5)
    peer.answerAll()
    #expect(peer.agent.selectedPath == nil)
    #expect(peer.agent.usablePath == ScriptedPeer.path)
    peer.check(useCandidate: true, controlling: 5)
    #expect(peer.agent.selectedPath == ScriptedPeer.path)
    #expect(peer.events() == [.usable(ScriptedPeer.path), .connected(ScriptedPeer.path)])
    #expect(peer.agent.selectedPair?.nominated == true)
  }

  @Test func selectsAnAggressivelyNominatedPairAsSoonAsItIsValid() {
    var peer = ScriptedPeer(role: .controlled)
    peer.check(useCandidate: true, controlling: 5)
    #expect(peer.agent.selectedPath == nil)
    peer.answerAll()
    #expect(peer.agent.selectedPath == ScriptedPeer.path)
  }

  @Test func takesTheBestOfSeveralAggressivelyNominatedPairs() {
    var peer = ScriptedPeer(role: .controlled)
    peer.agent.addRemoteCandidate(.host(Self.other, preference: 65535), now: peer.now)
    let toBetter = peer.received()
    peer.check(on: better, useCandidate: true, controlling: 5)
    peer.advance(.milliseconds(10))
    _ = peer.received()
    peer.check(useCandidate: true, controlling: 5)
    peer.answerAll()
    #expect(peer.agent.selectedPath == ScriptedPeer.path)
    peer.answer(toBetter[0])
    #expect(peer.agent.selectedPath == better)
    // That the lesser one was asked for as well brings it not back.
    peer.check(useCandidate: true, controlling: 5)
    #expect(peer.agent.selectedPath == better)
    let last = peer.events().last
    #expect(last == .selectedPathChanged(better))
  }

  @Test func followsAPeerThatMovesToALesserPath() {
    var peer = connectedOnTheBetterPath()
    peer.advance(.seconds(1))
    peer.check(useCandidate: true, controlling: 5)
    peer.answerAll()
    #expect(peer.agent.selectedPath == better)
    for _ in 0..<2 { peer.check(useCandidate: true, controlling: 5) }
    #expect(peer.agent.selectedPath == ScriptedPeer.path)
    #expect(peer.events() == [.selectedPathChanged(ScriptedPeer.path)])
    // And back, at once since it is the better.
    peer.check(on: better, useCandidate: true, controlling: 5)
    #expect(peer.agent.selectedPath == better)
  }

  @Test func followsASingleLateNomination() {
    var peer = connectedOnTheBetterPath()
    for _ in 0..<3 {
      peer.advance(.seconds(2))
      peer.answerAll()
    }
    peer.check(useCandidate: true, controlling: 5)
    peer.answerAll()
    #expect(peer.agent.selectedPath == ScriptedPeer.path)
  }

  @Test func checksAPairThatHasBeenSilentBeforeItSelectsIt() {
    var peer = connectedOnTheBetterPath()
    peer.check(controlling: 5)
    peer.answerAll()
    for _ in 0..<20 {
      peer.advance(.seconds(1))
      peer.answerAll()
    }
    peer.check(useCandidate: true, controlling: 5)
    #expect(peer.agent.selectedPath == better)
    let sent = peer.received()
    #expect(sent.map(\.messageClass) == [.success, .request])
    peer.answer(sent[1])
    #expect(peer.agent.selectedPath == ScriptedPeer.path)
  }

  @Test func doesNotFollowAnOldWish() {
    var peer = connectedOnTheBetterPath()
    for _ in 0..<3 { peer.check(useCandidate: true, controlling: 5) }
    peer.advance(.milliseconds(5))
    peer.answerAll()
    #expect(peer.agent.selectedPath == ScriptedPeer.path)
    peer.check(on: better, controlling: 5)  // alive, but no longer wanted
    peer.answerAll()
    #expect(peer.agent.selectedPath == ScriptedPeer.path)
  }

  @Test func ignoresUseCandidateWhenItControls() {
    var peer = ScriptedPeer(role: .controlling)
    peer.check(useCandidate: true, controlled: 5)
    let sent = peer.received()
    peer.answer(sent[1])
    #expect(peer.agent.selectedPath == nil)
  }

  private func connectedOnTheBetterPath() -> ScriptedPeer {
    var peer = ScriptedPeer(role: .controlled)
    peer.agent.addRemoteCandidate(.host(Self.other, preference: 65535), now: peer.now)
    peer.check(on: better, useCandidate: true, controlling: 5)
    peer.answerAll()
    #expect(peer.agent.selectedPath == better)
    _ = peer.events()
    return peer
  }

  // MARK: Controlling

  @Test func nominatesAtOnceWhenNothingBetterIsPending() {
    var peer = ScriptedPeer(role: .controlling)
    peer.agent.addRemoteCandidate(.host(ScriptedPeer.remote, preference: 9), now: peer.now)
    peer.advance(.milliseconds(10))
    peer.answerAll()
    let sent = peer.received()
    #expect(sent.map(\.useCandidate) == [true])
    #expect(peer.agent.selectedPath == nil)
    peer.answer(sent[0])
    #expect(peer.agent.selectedPath == ScriptedPeer.path)
  }

  @Test func givesABetterPairALittleTime() {
    var peer = ScriptedPeer(role: .controlling)
    peer.agent.addRemoteCandidate(.host(Self.other, preference: 65535), now: peer.now)
    peer.agent.addRemoteCandidate(.host(ScriptedPeer.remote, preference: 9), now: peer.now)
    let toBetter = peer.received()
    peer.advance(.milliseconds(50))
    peer.answerAll()  // the lesser one
    #expect(peer.received().isEmpty)
    peer.advance(.milliseconds(49))
    #expect(peer.received().isEmpty)
    peer.advance(.milliseconds(1))
    #expect(peer.received().map(\.path) == [ScriptedPeer.path])
    #expect(toBetter.map(\.path) == [better])
  }

  @Test func nominatesThePairWithTheLowestRoundTrip() {
    var peer = ScriptedPeer(role: .controlling)
    peer.agent.addRemoteCandidate(.host(Self.other, preference: 65535), now: peer.now)
    peer.agent.addRemoteCandidate(.host(ScriptedPeer.remote, preference: 9), now: peer.now)
    let toBetter = peer.received()
    peer.advance(.milliseconds(50))
    let toLesser = peer.received()
    peer.advance(.milliseconds(5))
    peer.answer(toLesser[0])  // 5 ms
    peer.advance(.milliseconds(20))
    peer.answer(toBetter[0])  // 75 ms
    #expect(peer.received().map(\.path) == [ScriptedPeer.path])
  }

  @Test func nominatesAnotherPairWhenTheNominationIsNotAnswered() {
    var simulation = Simulation(
      [Simulation.alice, SocketAddress(IPAddress("192.0.2.11")!, port: 1000)], [Simulation.bob])
    simulation.signal()
    simulation.run(until: simulation.now + .milliseconds(30)) { $0.peers[0].agent.usablePath != nil }
    // The nomination of the first pair is under way: its network goes down.
    simulation.network.setUplink(of: Simulation.alice.address, .down)
    simulation.network.setDownlink(of: Simulation.alice.address, .down)
    let connected = simulation.connect(by: simulation.now + .seconds(50))
    #expect(connected)
    let local = simulation.peers[0].agent.selectedPath?.local.address
    #expect(local == IPAddress("192.0.2.11")!)
  }
}
