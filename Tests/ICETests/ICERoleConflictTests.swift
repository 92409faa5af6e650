import ICE
import NetSim
import Testing
import Wire

/// RFC 8445 §7.2.5.1 and §7.3.1.1.
struct ICERoleConflictTests {
  @Test(arguments: [ICEAgent.Role.controlling, .controlled], [[1, 2], [2, 1], [7, 7]] as [[UInt64]])
  func connectsAlthoughBothHaveTheSameRole(_ role: ICEAgent.Role, _ tieBreakers: [UInt64]) {
    var simulation = Simulation(roles: [role, role], tieBreakers: tieBreakers)
    simulation.signal()
    let connected = simulation.connect()
    #expect(connected)
    let roles = Set(simulation.peers.map { $0.agent.role })
    #expect(roles == [.controlling, .controlled])
  }

  @Test func givesWayToALargerTieBreaker() {
    var peer = ScriptedPeer(role: .controlling)
    peer.check(controlling: 1001)
    #expect(peer.agent.role == .controlled)
    let sent = peer.received()
    #expect(sent.map(\.messageClass) == [.success, .request])
    #expect(sent[1].controlled == 1000)
  }

  @Test func takesControlFromASmallerTieBreaker() {
    var peer = ScriptedPeer(role: .controlled)
    peer.check(controlled: 1000)
    #expect(peer.agent.role == .controlling)
    #expect(peer.received()[0].messageClass == .success)
  }

  @Test(arguments: [1000, 999] as [UInt64])
  func tellsThePeerToControlNoMore(_ tieBreaker: UInt64) {
    var peer = ScriptedPeer(role: .controlling)
    peer.check(controlling: tieBreaker)
    let sent = peer.received()
    #expect(sent.map(\.errorCode) == [487])
    #expect(sent[0].isAuthentic)
    #expect(peer.agent.role == .controlling)
  }

  @Test func tellsThePeerToControl() {
    var peer = ScriptedPeer(role: .controlled)
    peer.check(controlled: 1001)
    #expect(peer.received().map(\.errorCode) == [487])
    #expect(peer.agent.role == .controlled)
  }

  @Test func changesItsRoleAndChecksAgainWhenTold() {
    var peer = ScriptedPeer(role: .controlling)
    peer.agent.addRemoteCandidate(.host(ScriptedPeer.remote, preference: 9), now: peer.now)
    let first = peer.received()
    peer.advance(.milliseconds(10))
    peer.answer(first[0], errorCode: 487)
    #expect(peer.agent.role == .controlled)
    let second = peer.received()
    #expect(second.count == 1)
    #expect(second[0].controlled != nil)
    #expect(second[0].controlled != 1000)  // RFC 8445 §7.2.5.1: a new tie-breaker
  }

  @Test func changesItsRoleOnceForTwoAnswers() {
    var peer = ScriptedPeer(role: .controlling)
    peer.agent.addRemoteCandidate(.host(ScriptedPeer.remote, preference: 9), now: peer.now)
    peer.agent.addRemoteCandidate(
      .host(SocketAddress(ScriptedPeer.remote.address, port: 9001), preference: 9), now: peer.now)
    peer.advance(.milliseconds(50))
    let sent = peer.received()
    #expect(sent.count == 2)
    for request in sent { peer.answer(request, errorCode: 487) }
    #expect(peer.agent.role == .controlled)
  }

  @Test func believesNoForgedConflict() {
    var peer = ScriptedPeer(role: .controlling)
    peer.agent.addRemoteCandidate(.host(ScriptedPeer.remote, preference: 9), now: peer.now)
    let sent = peer.received()
    let disposition = peer.answer(sent[0], errorCode: 487, password: "not the password of this peer")
    #expect(disposition == .ignored)
    #expect(peer.agent.role == .controlling)
  }
}
