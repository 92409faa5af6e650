import ICE
import NetSim
import Testing
import Wire

/// That two agents find each other, and how fast.
struct ICEConnectivityTests {
  private let inside = SocketAddress(IPAddress("10.0.0.5")!, port: 3000)
  private let router = IPAddress("198.51.100.1")!

  @Test func connectsWithinTwoAndAHalfRoundTrips() {
    var simulation = Simulation()
    simulation.signal()
    let connected = simulation.connect()
    #expect(connected)
    let path = NetworkPath(local: Simulation.alice, remote: Simulation.bob)
    let selected = simulation.peers.map { $0.agent.selectedPath }
    #expect(selected == [path, NetworkPath(local: path.remote, remote: path.local)])
    let (first, now) = (simulation.peers[0].events, simulation.now)
    #expect(first == [.usable(path), .connected(path)])
    // One round trip of 20 ms for the check, one for the nomination; the triggered pacing is within the first.
    #expect(now <= Instant(nanoseconds: 50_000_000))
  }

  @Test func sendsTheFirstCheckAtOnce() {
    var simulation = Simulation()
    simulation.signal()
    let times = simulation.peers.map { $0.sent.map(\.time.nanoseconds) }
    #expect(times == [[0], [0]])
  }

  @Test func canSendBeforeNomination() {
    var simulation = Simulation()
    simulation.signal()
    simulation.run(until: Instant(nanoseconds: 60_000_000)) { $0.peers[1].agent.usablePath != nil }
    let (usable, selected, now) = (
      simulation.peers[1].agent.usablePath, simulation.peers[1].agent.selectedPath, simulation.now
    )
    #expect(usable == NetworkPath(local: Simulation.bob, remote: Simulation.alice))
    #expect(selected == nil)
    #expect(now == Instant(nanoseconds: 20_000_000))
  }

  @Test func answersAndChecksBackInTheSameCall() {
    var peer = ScriptedPeer(role: .controlled)
    #expect(peer.received().isEmpty)
    let disposition = peer.check(controlling: 5)
    #expect(disposition == .authenticated)
    let sent = peer.received()
    #expect(sent.map(\.messageClass) == [.success, .request])
    #expect(sent.map(\.path) == [ScriptedPeer.path, ScriptedPeer.path])
    #expect(sent.map(\.isAuthentic) == [true, true])
    #expect(sent[0].mapped == ScriptedPeer.remote)
    #expect(sent[1].controlled == 1000)
  }

  /// The first check went out with the peer's offer, before the peer had the answer.
  @Test func checksAgainWhenThePeerShowsThatItIsReady() {
    var peer = ScriptedPeer(role: .controlled)
    peer.agent.addRemoteCandidate(.host(ScriptedPeer.remote, preference: 9), now: peer.now)
    _ = peer.received()
    peer.advance(.milliseconds(20))
    peer.check(controlling: 5)
    #expect(peer.received().map(\.messageClass) == [.success, .request])
    for _ in 0..<4 {
      peer.advance(.milliseconds(10))
      peer.check(controlling: 5)
      #expect(peer.received().map(\.messageClass) == [.success])
    }
    peer.advance(.milliseconds(10))
    peer.check(controlling: 5)
    #expect(peer.received().map(\.messageClass) == [.success, .request])
  }

  @Test func answersBeforeItKnowsThePeerAndChecksOnceItDoes() {
    var peer = ScriptedPeer(role: .controlled, isKnown: false)
    peer.check(useCandidate: true, controlling: 5)
    #expect(peer.received().map(\.messageClass) == [.success])
    #expect(peer.agent.deadline == nil)
    peer.agent.setRemoteCredentials(peer.credentials, now: peer.now)
    peer.answerAll()
    #expect(peer.events() == [.usable(ScriptedPeer.path), .connected(ScriptedPeer.path)])
  }

  @Test(arguments: [[0], [1], [0, 1]])
  func connectsWithoutCandidatesOfOneSideOnly(_ hidden: Set<Int>) {
    var simulation = Simulation()
    simulation.signal(hiding: hidden)
    let connected = simulation.connect()
    #expect(connected == (hidden.count < 2))
    guard hidden.count < 2 else { return }
    // Whoever had no candidates of the peer has found one.
    let other = 1 - hidden.first!
    let kinds = simulation.peers[other].agent.remoteCandidates.map(\.kind)
    #expect(kinds == [.peerReflexive])
  }

  @Test func takesWhatIsSignalledLaterForWhatItHasFound() {
    var simulation = Simulation()
    simulation.signal(hiding: [0])
    simulation.connect()
    let candidate = simulation.peers[0].agent.localCandidates[0]
    let now = simulation.now
    simulation.peers[1].agent.addRemoteCandidate(candidate, now: now)
    let (candidates, pairs) = (simulation.peers[1].agent.remoteCandidates, simulation.peers[1].agent.pairs.count)
    #expect(candidates == [candidate])
    #expect(pairs == 1)
  }

  @Test(arguments: [NATBehaviour.fullCone, .addressRestricted, .portRestricted, .symmetric], [0, 1])
  func connectsFromBehindANAT(_ behaviour: NATBehaviour, _ controlling: Int) {
    var simulation = Simulation(
      [inside], roles: controlling == 0 ? [.controlling, .controlled] : [.controlled, .controlling])
    simulation.network.addNAT(publicAddress: router, behaviour: behaviour, inside: [inside.address])
    simulation.signal()
    let connected = simulation.connect()
    #expect(connected)
    let remote = simulation.peers[1].agent.selectedPath?.remote
    #expect(remote?.address == router)
    // Both know the address that the router gave: as a remote and as a local peer-reflexive candidate.
    let pairs = simulation.peers.map { $0.agent.selectedPair! }
    let local = simulation.peers[0].agent.localCandidates[pairs[0].local]
    let seen = simulation.peers[1].agent.remoteCandidates[pairs[1].remote]
    #expect(local.kind == .peerReflexive)
    #expect(seen.kind == .peerReflexive)
    #expect(local.socketAddress == remote)
    #expect(local.relatedAddress == inside)
  }

  @Test func connectsOverIPv6AndNeverPairsAcrossFamilies() {
    let alice = SocketAddress(IPAddress("2001:db8::1")!, port: 1000)
    let bob = SocketAddress(IPAddress("2001:db8::2")!, port: 2000)
    var simulation = Simulation([alice, Simulation.alice], [bob])
    simulation.signal()
    let connected = simulation.connect()
    #expect(connected)
    let (path, count) = (simulation.peers[0].agent.selectedPath, simulation.peers[0].agent.pairs.count)
    #expect(path == NetworkPath(local: alice, remote: bob))
    #expect(count == 1)
  }

  @Test func pairsLinkLocalAddressesOnTheirLinkOnly() {
    let alice = SocketAddress(IPAddress("fe80::1")!, port: 1000, scope: 2)
    let other = SocketAddress(IPAddress("fe80::1")!, port: 1000, scope: 3)
    let global = SocketAddress(IPAddress("2001:db8::1")!, port: 1000)
    var peer = ScriptedPeer(role: .controlled)
    for address in [alice, other, global] { peer.agent.addLocalCandidate(.host(address, preference: 9), now: peer.now) }
    // As signalled, without a scope: on each link.
    peer.agent.addRemoteCandidate(.host(SocketAddress(IPAddress("fe80::2")!, port: 5), preference: 9), now: peer.now)
    #expect(Set(peer.agent.pairs.map(\.path.remote.scope)) == [2, 3])
    #expect(peer.agent.pairs.allSatisfy { $0.path.local.scope == $0.path.remote.scope })
    peer.agent.addRemoteCandidate(
      .host(SocketAddress(IPAddress("2001:db8::2")!, port: 5), preference: 9), now: peer.now)
    #expect(peer.agent.pairs.count == 3)
    #expect(peer.agent.pairs.last?.path.local == global)
  }

  @Test func leavesLoopbackAlone() {
    var peer = ScriptedPeer(role: .controlled)
    for text in ["127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255"] {
      peer.agent.addRemoteCandidate(.host(SocketAddress(IPAddress(text)!, port: 53), preference: 9), now: peer.now)
    }
    peer.agent.addRemoteCandidate(.host(SocketAddress(IPAddress("192.0.2.7")!, port: 0), preference: 9), now: peer.now)
    #expect(peer.agent.pairs.isEmpty)
  }

  @Test func ignoresNamesTCPAndRTCP() throws {
    var peer = ScriptedPeer(role: .controlled)
    for line in CandidateAttributeTests.fromBrowsers.dropLast() {
      peer.agent.addRemoteCandidate(try Candidate(parsing: line), now: peer.now)
    }
    #expect(peer.agent.remoteCandidates.isEmpty)
    peer.agent.addRemoteCandidate(try Candidate(parsing: CandidateAttributeTests.fromBrowsers.last!), now: peer.now)
    #expect(peer.agent.pairs.map(\.path.remote) == [SocketAddress(IPAddress("10.9.9.9")!, port: 33346)])
  }

  @Test func acceptsARequestOnAnAddressThatNobodyNamed() {
    var peer = ScriptedPeer(role: .controlled)
    let path = NetworkPath(local: SocketAddress(IPAddress("203.0.113.5")!, port: 1000), remote: ScriptedPeer.remote)
    peer.check(on: path, useCandidate: true, controlling: 5)
    peer.answerAll()
    #expect(peer.agent.selectedPath == path)
  }

  @Test func connectsToALitePeerByControlling() {
    var peer = ScriptedPeer(role: .controlled, isKnown: false)
    peer.agent.setRemoteCredentials(peer.credentials, isLite: true, now: peer.now)
    peer.agent.addRemoteCandidate(.host(ScriptedPeer.remote, preference: 9), now: peer.now)
    let first = peer.received()
    #expect(first.map(\.controlling) == [1000])
    peer.advance(.milliseconds(10))
    peer.answer(first[0])
    let second = peer.received()
    #expect(second.map(\.useCandidate) == [true])
    peer.answer(second[0])
    #expect(peer.agent.selectedPath == ScriptedPeer.path)
  }

  @Test func takesNoResponseFromElsewhere() {
    var peer = ScriptedPeer(role: .controlled)
    peer.check(controlling: 5)
    let request = peer.received()[1]
    peer.answer(request, from: SocketAddress(ScriptedPeer.remote.address, port: 9001))
    #expect(peer.agent.usablePath == nil)
    #expect(peer.agent.pairs[0].state == .failed)
  }

  @Test func paceChecksThatNobodyAskedFor() {
    var peer = ScriptedPeer(role: .controlled)
    for port in 1...4 as ClosedRange<UInt16> {
      peer.agent.addRemoteCandidate(
        .host(SocketAddress(ScriptedPeer.remote.address, port: port), preference: port), now: peer.now)
    }
    #expect(peer.received().map(\.path.remote.port) == [1])
    peer.advance(.milliseconds(49))
    #expect(peer.received().isEmpty)
    peer.advance(.milliseconds(1))
    #expect(peer.received().map(\.path.remote.port) == [4])  // the best of those that wait
    peer.advance(.milliseconds(100))
    #expect(peer.received().map(\.path.remote.port) == [3, 2])
  }

  @Test func resendsAtDoublingIntervals() {
    var peer = ScriptedPeer(role: .controlled)
    peer.agent.addRemoteCandidate(.host(ScriptedPeer.remote, preference: 9), now: peer.now)
    var times: [Int64] = []
    while let deadline = peer.agent.deadline {
      let sent = peer.received()
      if !sent.isEmpty { times.append(peer.now.nanoseconds / 1_000_000) }
      peer.advance(deadline - peer.now)
    }
    #expect(times == [0, 500, 1500, 3500, 7500, 15500, 31500])
    #expect(peer.now.nanoseconds == 39_500_000_000)
    #expect(peer.agent.pairs[0].statistics.requestsSent == 1)
  }
}
