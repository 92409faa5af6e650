import NetSim
import Testing
import Wire

/// What the other simulations stand on.
struct SimulatedNetworkTests {
  private let alice = SocketAddress(IPAddress("192.0.2.1")!, port: 1000)
  private let bob = SocketAddress(IPAddress("192.0.2.2")!, port: 2000)
  private let inside = SocketAddress(IPAddress("10.0.0.5")!, port: 3000)
  private let router = IPAddress("198.51.100.1")!
  private var network = SimulatedNetwork(seed: 1)

  private mutating func drain() -> [SimulatedNetwork.Delivery] {
    var deliveries: [SimulatedNetwork.Delivery] = []
    while let time = network.nextDelivery {
      while let delivery = network.deliver(now: time) { deliveries.append(delivery) }
    }
    return deliveries
  }

  private mutating func send(_ count: Int, size: Int = 100) {
    for index in 0..<count {
      var bytes = [UInt8](repeating: 0, count: size)
      bytes[0] = UInt8(truncatingIfNeeded: index)
      network.send(bytes, on: NetworkPath(local: alice, remote: bob), now: .init(nanoseconds: Int64(index) * 1_000_000))
    }
  }

  @Test mutating func deliversAfterTheDelayOfBothLinks() {
    network.attach(alice.address, uplink: .init(delay: .milliseconds(20)))
    network.attach(bob.address, downlink: .init(delay: .milliseconds(5)))
    send(1)
    let deliveries = drain()
    #expect(deliveries.map(\.time) == [Instant(nanoseconds: 25_000_000)])
    #expect(deliveries.map(\.path) == [NetworkPath(local: bob, remote: alice)])
    #expect(network.nextDelivery == nil)
  }

  @Test mutating func losesAndDuplicatesAboutAsOftenAsAsked() {
    network.attach(alice.address, uplink: .init(loss: 0.3))
    network.attach(bob.address, downlink: .init(duplication: 0.5))
    send(2000)
    let delivered = drain().count
    #expect((500...700).contains(network.counts.lost))
    #expect(delivered == 2000 - network.counts.lost + network.counts.duplicated)
    #expect((600...800).contains(network.counts.duplicated))
  }

  @Test mutating func losesInBursts() {
    network.attach(alice.address, uplink: .init(bursts: .init(goodToBad: 0.02, badToGood: 0.2)))
    network.attach(bob.address)
    send(5000)
    let arrived = drain().map { Int($0.time.nanoseconds / 1_000_000) }
    let bursts = zip(arrived, arrived.dropFirst()).map { $1 - $0 - 1 }.filter { $0 > 0 }
    #expect((3...8).contains(bursts.reduce(0, +) / bursts.count))  // a burst's mean length is 5
  }

  @Test mutating func keepsTheOrderUnderJitterAndBreaksItWhenAsked() {
    network.attach(alice.address, uplink: .init(jitter: .milliseconds(30)))
    network.attach(bob.address)
    send(200)
    #expect(drain().map(\.bytes[0]) == (0..<200).map { UInt8($0) })
    network.setUplink(of: alice.address, .init(reordering: 0.2))
    send(200)
    #expect(drain().map(\.bytes[0]) != (0..<200).map { UInt8($0) })
  }

  @Test mutating func queuesAtTheRateAndDropsWhatTheQueueCannotHold() {
    network.attach(alice.address, uplink: .init(rate: 80_000, queue: 1280))  // 128 bytes take 12.8 ms
    network.attach(bob.address)
    for _ in 0..<20 {
      network.send([UInt8](repeating: 0, count: 100), on: .init(local: alice, remote: bob), now: .init(nanoseconds: 0))
    }
    let times = drain().map(\.time.nanoseconds)
    #expect(times == (1...10).map { $0 * 12_800_000 })
    #expect(network.counts.overflowed == 10)
  }

  @Test mutating func dropsWhatExceedsTheMTU() {
    network.attach(alice.address, uplink: .init(mtu: 1228))
    network.attach(bob.address)
    send(1, size: 1200)
    send(1, size: 1201)
    #expect(drain().count == 1)
    #expect(network.counts.tooLarge == 1)
  }

  @Test(arguments: [
    // behaviour, a reply from the same port, from another port, from another host
    (NATBehaviour.fullCone, [true, true, true]),
    (.addressRestricted, [true, true, false]),
    (.portRestricted, [true, false, false]),
    (.symmetric, [true, false, false]),
  ])
  mutating func filtersAsTheNATDoes(_ behaviour: NATBehaviour, _ expected: [Bool]) {
    network.attach(alice.address)
    network.attach(bob.address)
    network.attach(inside.address)
    network.addNAT(publicAddress: router, behaviour: behaviour, inside: [inside.address])
    network.send([1], on: .init(local: inside, remote: alice), now: .init(nanoseconds: 0))
    let mapped = drain()[0].path.remote
    #expect(mapped.address == router)
    let senders = [alice, SocketAddress(alice.address, port: 1001), bob]
    let reached = senders.map { sender in
      network.send([2], on: .init(local: sender, remote: mapped), now: .init(nanoseconds: 0))
      return drain().first?.path.local == inside
    }
    #expect(reached == expected)
  }

  @Test mutating func mapsEachRemoteToAPortOfItsOwnWhenSymmetric() {
    network.attach(alice.address)
    network.attach(bob.address)
    network.attach(inside.address)
    network.addNAT(publicAddress: router, behaviour: .symmetric, inside: [inside.address])
    network.send([1], on: .init(local: inside, remote: alice), now: .init(nanoseconds: 0))
    network.send([1], on: .init(local: inside, remote: bob), now: .init(nanoseconds: 0))
    #expect(Set(drain().map(\.path.remote.port)).count == 2)
  }

  @Test mutating func forgetsAMappingThatIsIdle() {
    network.attach(alice.address)
    network.attach(inside.address)
    network.addNAT(publicAddress: router, behaviour: .portRestricted, inside: [inside.address])
    network.send([1], on: .init(local: inside, remote: alice), now: .init(nanoseconds: 0))
    let mapped = drain()[0].path.remote
    network.send([2], on: .init(local: alice, remote: mapped), now: Instant(nanoseconds: 0) + .seconds(121))
    #expect(drain().isEmpty)
    #expect(network.counts.filtered == 1)
  }

  @Test mutating func knowsNoPrivateAddressFromOutside() {
    network.attach(alice.address)
    network.attach(inside.address)
    network.addNAT(publicAddress: router, behaviour: .fullCone, inside: [inside.address])
    network.send([1], on: .init(local: alice, remote: inside), now: .init(nanoseconds: 0))
    #expect(drain().isEmpty)
    #expect(network.counts.unreachable == 1)
  }
}
