package import Wire

/// Datagrams between simulated hosts, in virtual time and from one seed: the same seed and calls give the same run.
///
/// A host is an IP address with an uplink and a downlink; several addresses may be one machine. A datagram crosses the
/// sender's uplink, any NATs, and the receiver's downlink. Between them is a core without delay or loss.
///
/// ```swift
/// var network = SimulatedNetwork(seed: 1)
/// network.attach(alice, uplink: .init(delay: .milliseconds(20), loss: 0.02))
/// network.attach(bob)
/// network.send(bytes, on: NetworkPath(local: alicePort, remote: bobPort), now: now)
/// while let time = network.nextDelivery {   // or the earlier of this and the deadlines of what is tested
///   now = time
///   while let delivery = network.deliver(now: now) { … delivery.path.local tells whose it is … }
/// }
/// ```
package struct SimulatedNetwork: Sendable {
  /// A datagram that has arrived.
  package struct Delivery: Sendable {
    /// As the receiver sees it: `local` is its own address, `remote` the sender's after any NAT.
    package var path: NetworkPath
    package var bytes: [UInt8]
    package var time: Instant
  }

  /// What became of the datagrams.
  package struct Counts: Equatable, Sendable {
    package var sent = 0
    package var delivered = 0
    package var duplicated = 0
    /// By random or burst loss.
    package var lost = 0
    /// By a full queue of a link with a rate.
    package var overflowed = 0
    /// Larger than a link's MTU.
    package var tooLarge = 0
    /// By a NAT: no mapping, or the mapping does not let this sender in.
    package var filtered = 0
    /// Nobody has the address, or the way there is blocked.
    package var unreachable = 0
  }

  package private(set) var counts = Counts()

  private struct Host {
    var uplink: Link
    var downlink: Link
    var nat: Int?
  }

  private struct Flow: Hashable {
    var source: IPAddress
    var destination: IPAddress
  }

  private struct Event {
    enum Place { case core, destination }
    var time: Instant
    var order: Int
    var place: Place
    var source: SocketAddress
    var destination: SocketAddress
    var bytes: [UInt8]
  }

  private var generator: SeededGenerator
  private var hosts: [IPAddress: Host] = [:]
  private var nats: [NAT] = []
  private var blocked: Set<Flow> = []
  private var events: [Event] = []  // a binary heap, earliest first
  private var scheduled = 0

  /// - Parameter seed: print it when a test fails.
  package init(seed: UInt64) {
    generator = SeededGenerator(seed: seed)
  }

  // MARK: The topology

  /// Adds a host, or gives it fresh links. Calling it again takes the host out of its NAT.
  package mutating func attach(
    _ address: IPAddress, uplink: LinkConditions = .init(), downlink: LinkConditions = .init()
  ) {
    hosts[address] = Host(uplink: Link(uplink), downlink: Link(downlink))
  }

  /// Takes a host away; what is under way to it is lost.
  package mutating func detach(_ address: IPAddress) {
    hosts[address] = nil
  }

  /// Puts attached hosts behind a NAT. Hosts behind the same one reach each other directly; `publicAddress` itself may
  /// be placed behind another NAT by attaching it and naming it there.
  package mutating func addNAT(publicAddress: IPAddress, behaviour: NATBehaviour, inside addresses: [IPAddress]) {
    nats.append(NAT(publicAddress: publicAddress, behaviour: behaviour))
    for address in addresses {
      precondition(hosts[address] != nil, "attach a host before it is placed behind a NAT")
      hosts[address]?.nat = nats.count - 1
    }
  }

  /// Forgets all mappings of the NAT with this public address, as a router that restarts does.
  package mutating func restartNAT(publicAddress: IPAddress) {
    for index in nats.indices where nats[index].publicAddress == publicAddress { nats[index].forgetMappings() }
  }

  package mutating func setUplink(of address: IPAddress, _ conditions: LinkConditions) {
    hosts[address]?.uplink.conditions = conditions
  }

  package mutating func setDownlink(of address: IPAddress, _ conditions: LinkConditions) {
    hosts[address]?.downlink.conditions = conditions
  }

  /// Drops (or no longer drops) everything from one address to another, in that direction only. The addresses are those
  /// on the public side of NATs.
  package mutating func setBlocked(_ isBlocked: Bool, from source: IPAddress, to destination: IPAddress) {
    let flow = Flow(source: source, destination: destination)
    if isBlocked { blocked.insert(flow) } else { blocked.remove(flow) }
  }

  // MARK: Datagrams

  /// Sends one datagram. `path.local` must be an attached host's; `now` must not go backwards.
  package mutating func send(_ bytes: [UInt8], on path: NetworkPath, now: Instant) {
    counts.sent += 1
    guard hosts[path.local.address] != nil else {
      counts.unreachable += 1
      return
    }
    let size = bytes.count + Self.headerSize(path.local)
    let arrivals = hosts[path.local.address]!.uplink.carry(size, now: now, using: &generator, counting: &counts)
    for time in arrivals {
      push(time, .core, from: path.local, to: path.remote, bytes)
    }
  }

  /// Sends all that is in `batch` and empties it.
  package mutating func send(_ batch: inout DatagramBatch, now: Instant) {
    for entry in batch.entries {
      let bytes = batch.withMemory { [UInt8]($0[entry.offset..<(entry.offset + entry.length)]) }
      send(bytes, on: entry.path, now: now)
    }
    batch.removeAll()
  }

  /// When ``deliver(now:)`` should next be called: never later than the next arrival (it may turn out that there was
  /// none). Nil when nothing is under way.
  package var nextDelivery: Instant? { events.first?.time }

  /// Takes the next datagram that has arrived by `now`; nil when there is none yet.
  package mutating func deliver(now: Instant) -> Delivery? {
    while let first = events.first, first.time <= now {
      var event = pop()
      switch event.place {
      case .core:
        guard route(&event) else { continue }
        let size = event.bytes.count + Self.headerSize(event.destination)
        let arrivals = hosts[event.destination.address]!.downlink.carry(
          size, now: event.time, using: &generator, counting: &counts)
        for time in arrivals {
          push(time, .destination, from: event.source, to: event.destination, event.bytes)
        }
      case .destination:
        guard hosts[event.destination.address] != nil else {
          counts.unreachable += 1
          continue
        }
        counts.delivered += 1
        let path = NetworkPath(local: event.destination, remote: event.source)
        return Delivery(path: path, bytes: event.bytes, time: event.time)
      }
    }
    return nil
  }

  /// Rewrites the addresses of a datagram in the core as the NATs on its way do; false when it goes no further. After
  /// true the destination is an attached host.
  private mutating func route(_ event: inout Event) -> Bool {
    var inside = hosts[event.source.address]?.nat
    while let index = inside {
      if hosts[event.destination.address]?.nat == index { break }  // both behind this one
      event.source = nats[index].translateOutbound(event.source, to: event.destination, now: event.time)
      inside = hosts[nats[index].publicAddress]?.nat
    }
    let flow = Flow(source: event.source.address, destination: event.destination.address)
    guard !blocked.contains(flow) else {
      counts.unreachable += 1
      return false
    }
    while let index = nats.firstIndex(where: { $0.publicAddress == event.destination.address }) {
      guard let target = nats[index].translateInbound(event.destination, from: event.source, now: event.time) else {
        counts.filtered += 1
        return false
      }
      event.destination = target
    }
    // Outside of its NAT a private address is nobody's.
    let wasTranslated = flow.destination != event.destination.address
    guard let host = hosts[event.destination.address],
      wasTranslated || host.nat == nil || host.nat == hosts[event.source.address]?.nat
    else {
      counts.unreachable += 1
      return false
    }
    return true
  }

  /// IP and UDP headers, which count against rate and MTU.
  private static func headerSize(_ address: SocketAddress) -> Int {
    switch address.address.family {
    case .v4: 28
    case .v6: 48
    }
  }

  // MARK: The heap

  private mutating func push(
    _ time: Instant, _ place: Event.Place, from source: SocketAddress, to destination: SocketAddress, _ bytes: [UInt8]
  ) {
    scheduled += 1
    events.append(
      Event(time: time, order: scheduled, place: place, source: source, destination: destination, bytes: bytes))
    var child = events.count - 1
    while child > 0, isEarlier(child, (child - 1) / 2) {
      events.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  private mutating func pop() -> Event {
    events.swapAt(0, events.count - 1)
    let event = events.removeLast()
    var parent = 0
    while true {
      var earliest = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < events.count && isEarlier(child, earliest) {
        earliest = child
      }
      if earliest == parent { return event }
      events.swapAt(parent, earliest)
      parent = earliest
    }
  }

  private func isEarlier(_ left: Int, _ right: Int) -> Bool {
    (events[left].time, events[left].order) < (events[right].time, events[right].order)
  }
}
