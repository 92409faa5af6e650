import ICE
import NetSim
import Testing
import Wire

/// Hundreds of networks, each from its seed.
struct ICERandomRunTests {
  private static let inside = SocketAddress(IPAddress("10.0.0.5")!, port: 3000)
  private static let router = IPAddress("198.51.100.1")!

  @Test(arguments: 0..<20 as Range<UInt64>)
  func connectsThroughLossReorderingAndDuplication(_ block: UInt64) {
    for seed in (block * 20)..<(block * 20 + 20) {
      var generator = SeededGenerator(seed: seed)
      var conditions = LinkConditions(
        delay: .milliseconds(.random(in: 0...150, using: &generator)), jitter: .milliseconds(30), loss: 0.3,
        duplication: 0.2, reordering: 0.2, reorderingDelay: .milliseconds(60))
      if generator.chance(0.3) { conditions.bursts = BurstLoss(goodToBad: 0.05, badToGood: 0.3) }
      let isBehindNAT = generator.chance(0.3)
      let roles: [ICEAgent.Role] = [.random(using: &generator), .random(using: &generator)]
      let first = isBehindNAT ? [Self.inside] : [Simulation.alice, SocketAddress(IPAddress("192.0.2.11")!, port: 1001)]
      let second = [Simulation.bob, SocketAddress(IPAddress("192.0.2.12")!, port: 2001)]
      var simulation = Simulation(
        seed: seed, first, second, roles: roles,
        tieBreakers: [generator.next() & 3, generator.next() & 3], conditions: conditions)
      if isBehindNAT {
        simulation.network.addNAT(publicAddress: Self.router, behaviour: .portRestricted, inside: [Self.inside.address])
      }
      simulation.signal(hiding: generator.chance(0.3) ? [0] : [])
      let connected = simulation.connect(by: Instant(nanoseconds: 39_500_000_000))
      #expect(connected, "seed \(seed)")
      // Whatever was lost on the way, or came twice and late, once the network is good again both agree.
      for address in first + second {
        simulation.network.setUplink(of: address.address, .init(delay: .milliseconds(20)))
      }
      simulation.run(for: .seconds(15))
      let finalRoles = Set(simulation.peers.map { $0.agent.role })
      #expect(finalRoles.count == 2, "seed \(seed)")
      let selected = simulation.peers.map { $0.agent.selectedPath }
      #expect(!selected.contains(nil), "seed \(seed)")
      guard let one = selected[0], let two = selected[1], !isBehindNAT else { continue }
      #expect(one.local == two.remote && one.remote == two.local, "seed \(seed): \(one) and \(two)")
    }
  }

  @Test func isTheSameForTheSameSeed() {
    func run() -> [[Int64]] {
      var simulation = Simulation(seed: 42, conditions: .init(delay: .milliseconds(20), loss: 0.3, reordering: 0.3))
      simulation.signal()
      simulation.run(for: .seconds(30))
      return simulation.peers.map { $0.sent.map(\.time.nanoseconds) }
    }
    #expect(run() == run())
  }
}

extension ICEAgent.Role {
  fileprivate static func random(using generator: inout SeededGenerator) -> Self {
    Bool.random(using: &generator) ? .controlling : .controlled
  }
}
