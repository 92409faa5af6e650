import ICE
import NetSim
import Testing
import Wire

/// RFC 7675.
struct ICEConsentTests {
  private func connected(seed: UInt64 = 1) -> Simulation {
    var simulation = Simulation(seed: seed)
    simulation.signal()
    simulation.connect()
    simulation.run(for: .seconds(1))
    for index in 0..<2 {
      simulation.peers[index].events = []
      simulation.peers[index].sent = []
    }
    return simulation
  }

  @Test func checksEveryFourToSixSecondsAndOtherwiseRests() {
    var simulation = connected()
    simulation.run(for: .seconds(3600))
    // Requests of one side; the other half are the answers to the other side's.
    let statistics = simulation.peers[0].agent.selectedPair!.statistics
    #expect((690...760).contains(statistics.consentRequestsSent))
    let events = simulation.peers.map(\.events)
    #expect(events == [[], []])
    let sent = simulation.peers[0].sent
    #expect(sent.count < 1600)
    // No two sessions in step.
    let own = sent.map(\.time.nanoseconds)
    #expect(Set(zip(own, own.dropFirst()).map { $1 - $0 }).count > 100)
  }

  @Test func wakesOnlyForItsChecks() {
    var peer = ScriptedPeer(role: .controlled)
    peer.check(useCandidate: true, controlling: 5)
    peer.answerAll()
    var wakeUps = 0
    while peer.now < Instant(nanoseconds: 600_000_000_000), let deadline = peer.agent.deadline {
      wakeUps += 1
      peer.advance(deadline - peer.now)
      peer.answerAll()
    }
    #expect(wakeUps <= 600 / 4)
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func expiresAfterThirtySecondsOfSilenceAndNotBefore(_ seed: UInt64) {
    var simulation = connected(seed: seed)
    simulation.run(for: .seconds(60))
    let before = simulation.peers[0].agent.selectedPair!.statistics.responsesReceived
    let silence = simulation.now
    simulation.network.setUplink(of: Simulation.bob.address, .down)
    simulation.run(for: .seconds(60))
    let last = simulation.peers[0]
    // What was under way may have arrived still.
    #expect(last.agent.pairs[0].statistics.responsesReceived - before <= 1)
    #expect(last.events.map { $0.failure?.reason } == [nil, .consentExpired])
    #expect(last.events[0] == .disconnected)
    let expired = last.times.last! - silence
    // The last answer came up to 6 s, and a round trip, before the silence.
    #expect(expired <= .seconds(30) + .milliseconds(20))
    #expect(expired >= .seconds(24))
    #expect(last.agent.selectedPath == nil)
    #expect(last.agent.usablePath == nil)
    #expect(last.agent.deadline == nil)
    let sentAfter = last.sent.filter { $0.time > last.times.last! }
    #expect(sentAfter.isEmpty)
  }

  @Test func survivesTwentyFiveSecondsOfSilence() {
    var simulation = connected()
    simulation.network.setUplink(of: Simulation.bob.address, .down)
    simulation.run(for: .seconds(23))
    simulation.network.setUplink(of: Simulation.bob.address, .init())
    simulation.run(for: .seconds(60))
    let path = simulation.peers[0].agent.selectedPath!
    let events = simulation.peers[0].events
    #expect(events == [.disconnected, .connected(path)])
  }

  @Test func countsExactlyFromTheLastResponse() {
    var peer = ScriptedPeer(role: .controlled)
    peer.check(useCandidate: true, controlling: 5)
    peer.answerAll()
    for _ in 0..<29 {
      peer.advance(.seconds(1))
      peer.check(useCandidate: true, controlling: 5)  // requests alone renew nothing
      _ = peer.received()
    }
    peer.advance(.milliseconds(999))
    #expect(peer.agent.selectedPath != nil)
    peer.advance(.milliseconds(1))
    #expect(peer.agent.selectedPath == nil)
    #expect(peer.events().last?.failure?.reason == .consentExpired)
  }

  @Test func renewsByAnAnswerToAnEarlierCheck() {
    var peer = ScriptedPeer(role: .controlled)
    peer.check(useCandidate: true, controlling: 5)
    peer.answerAll()
    peer.advance(.seconds(14))
    let checks = peer.received()
    #expect(checks.count >= 2)
    #expect(Set(checks.map(\.id)).count == checks.count)  // each its own transaction
    peer.answer(checks[0])
    peer.advance(.milliseconds(29_999))
    #expect(peer.agent.selectedPath != nil)
  }

  @Test func believesNoForgedAnswer() {
    var peer = ScriptedPeer(role: .controlled)
    peer.check(useCandidate: true, controlling: 5)
    peer.answerAll()
    for _ in 0..<29 {
      peer.advance(.seconds(1))
      for message in peer.received() { peer.answer(message, password: "not the password of this peer") }
    }
    peer.advance(.seconds(1))
    #expect(peer.agent.selectedPath == nil)
    #expect(peer.agent.drops.unauthenticated > 3)
  }

  @Test func measuresRoundTrips() {
    var simulation = connected()
    simulation.run(for: .seconds(60))
    let statistics = simulation.peers[0].agent.selectedPair!.statistics
    #expect(statistics.currentRoundTripTime == .milliseconds(20))
    #expect(statistics.totalRoundTripTime == .milliseconds(20) * Int64(statistics.responsesReceived))
    #expect(statistics.requestsSent == statistics.responsesReceived)
    #expect(statistics.requestsReceived == statistics.responsesSent)
  }
}
