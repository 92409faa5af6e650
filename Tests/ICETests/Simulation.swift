import ICE
import NetSim
import Testing
import Wire

/// Two agents and the network between them, in virtual time from zero.
struct Simulation: ~Copyable {
  final class Peer {
    var agent: ICEAgent
    var addresses: [SocketAddress]
    var events: [ICEEvent] = []
    var times: [Instant] = []
    /// Datagrams sent, and when.
    var sent: [(time: Instant, path: NetworkPath)] = []

    init(agent: consuming ICEAgent, addresses: [SocketAddress]) {
      self.agent = agent
      self.addresses = addresses
    }

    var paths: [NetworkPath] { events.compactMap(\.path) }
  }

  let seed: UInt64
  var network: SimulatedNetwork
  var now = Instant(nanoseconds: 0)
  /// The first is controlling unless said otherwise.
  var peers: [Peer]
  private var batch = DatagramBatch { _ in preconditionFailure("a simulation never fills a batch") }

  static let alice = SocketAddress(IPAddress("192.0.2.1")!, port: 1000)
  static let bob = SocketAddress(IPAddress("192.0.2.2")!, port: 2000)

  init(
    seed: UInt64 = 1, _ first: [SocketAddress] = [alice], _ second: [SocketAddress] = [bob],
    roles: [ICEAgent.Role] = [.controlling, .controlled], tieBreakers: [UInt64] = [1, 2],
    configuration: ICEConfiguration = .init(), conditions: LinkConditions = .init(delay: .milliseconds(10))
  ) {
    self.seed = seed
    network = SimulatedNetwork(seed: seed)
    var generator = SeededGenerator(seed: seed &* 77)
    peers = zip([first, second], zip(roles, tieBreakers)).map { addresses, rest in
      let agent = ICEAgent(
        role: rest.0, localCredentials: .make(using: &generator), tieBreaker: rest.1, configuration: configuration,
        generator: SeededGenerator(seed: generator.next()))
      return Peer(agent: agent, addresses: addresses)
    }
    for address in first + second { network.attach(address.address, uplink: conditions) }
    for index in 0..<2 {
      for (place, address) in peers[index].addresses.enumerated() {
        peers[index].agent.addLocalCandidate(.host(address, preference: UInt16(65535 - place)), now: now)
      }
    }
  }

  /// Gives each agent the other's credentials and, unless hidden, candidates.
  mutating func signal(hiding hidden: Set<Int> = []) {
    for index in 0..<2 {
      let other = peers[1 - index]
      peers[index].agent.setRemoteCredentials(other.agent.localCredentials, now: now)
      guard !hidden.contains(1 - index) else { continue }
      for candidate in other.agent.localCandidates where candidate.kind == .host {
        peers[index].agent.addRemoteCandidate(candidate, now: now)
      }
    }
    drain()
  }

  /// Lets time pass until `time`.
  mutating func run(until time: Instant) {
    run(until: time) { _ in false }
  }

  mutating func run(for interval: Interval) {
    run(until: now + interval)
  }

  /// Lets time pass until both agents have a selected pair; false when that does not happen by `time`.
  @discardableResult
  mutating func connect(by time: Instant = Instant(nanoseconds: 60_000_000_000)) -> Bool {
    run(until: time) { $0.isConnected }
    return isConnected
  }

  var isConnected: Bool { peers.allSatisfy { $0.agent.selectedPath != nil } }

  mutating func run(until end: Instant, _ isDone: (borrowing Simulation) -> Bool) {
    drain()
    while !isDone(self) {
      let times = peers.map { $0.agent.deadline } + [network.nextDelivery]
      guard let next = times.compactMap({ $0 }).min(), next <= end else {
        now = end
        return
      }
      now = max(now, next)
      while let delivery = network.deliver(now: now) {
        for index in peers.indices where peers[index].addresses.contains(delivery.path.local) {
          peers[index].agent.handle(delivery.bytes.span.bytes, on: delivery.path, now: now)
          drain()
        }
      }
      for index in peers.indices where peers[index].agent.deadline.map({ $0 <= now }) ?? false {
        peers[index].agent.handleTimeout(now: now)
        let deadline = peers[index].agent.deadline
        precondition(deadline.map { $0 > now } ?? true, "a deadline that has passed keeps the loop busy, seed \(seed)")
        drain()
      }
    }
  }

  mutating func drain() {
    for index in peers.indices {
      peers[index].agent.pollTransmit(into: &batch)
      peers[index].sent += batch.entries.map { (now, $0.path) }
      network.send(&batch, now: now)
      while let event = peers[index].agent.pollEvent() {
        peers[index].events.append(event)
        peers[index].times.append(now)
      }
    }
  }
}

extension ICEEvent {
  var path: NetworkPath? {
    switch self {
    case .usable(let path), .connected(let path), .selectedPathChanged(let path): path
    case .disconnected, .failed: nil
    }
  }

  var failure: ICEFailure? {
    if case .failed(let failure) = self { failure } else { nil }
  }
}

/// One agent, and a peer played by the test: what the agent says is decoded, what the peer says is written here.
struct ScriptedPeer: ~Copyable {
  struct Received: Equatable {
    var messageClass: STUNMessage.Class
    var id: TransactionID
    var path: NetworkPath
    var useCandidate: Bool
    var errorCode: Int?
    var controlling: UInt64?
    var controlled: UInt64?
    var mapped: SocketAddress?
    var isAuthentic: Bool
  }

  var agent: ICEAgent
  var now = Instant(nanoseconds: 0)
  let credentials: ICECredentials
  private var nextNumber: UInt64 = 0
  private var batch = DatagramBatch { _ in preconditionFailure("a test never fills a batch") }

  static let local = SocketAddress(IPAddress("192.0.2.1")!, port: 1000)
  static let remote = SocketAddress(IPAddress("198.51.100.9")!, port: 9000)
  static let path = NetworkPath(local: local, remote: remote)

  init(role: ICEAgent.Role, tieBreaker: UInt64 = 1000, configuration: ICEConfiguration = .init(), isKnown: Bool = true)
  {
    var generator = SeededGenerator(seed: 3)
    credentials = .make(using: &generator)
    agent = ICEAgent(
      role: role, localCredentials: .make(using: &generator), tieBreaker: tieBreaker, configuration: configuration,
      generator: generator)
    agent.addLocalCandidate(.host(Self.local, preference: 65535), now: now)
    if isKnown { agent.setRemoteCredentials(credentials, now: now) }
  }

  /// What the agent has sent since the last call.
  mutating func received() -> [Received] {
    agent.pollTransmit(into: &batch)
    let all = batch.entries.compactMap { entry in
      batch.withMemory { memory -> Received? in
        let bytes = Array(memory[entry.offset..<(entry.offset + entry.length)])
        guard let message = try? STUNMessage(parsing: bytes.span.bytes) else { return nil }
        let key = message.messageClass == .request ? credentials.password : agent.localCredentials.password
        return Received(
          messageClass: message.messageClass, id: message.transactionID, path: entry.path,
          useCandidate: message.useCandidate, errorCode: message.errorCode, controlling: message.iceControlling,
          controlled: message.iceControlled, mapped: message.xorMappedAddress,
          isAuthentic: message.hasValidIntegrity(key: Array(key.utf8)) && message.hasPlausibleFingerprint)
      }
    }
    batch.removeAll()
    return all
  }

  mutating func events() -> [ICEEvent] {
    var events: [ICEEvent] = []
    while let event = agent.pollEvent() { events.append(event) }
    return events
  }

  /// The peer checks.
  @discardableResult
  mutating func check(
    on path: NetworkPath = path, useCandidate: Bool = false, controlling: UInt64? = nil, controlled: UInt64? = nil,
    ufrag: String? = nil, password: String? = nil, attributes: (inout ByteWriter) -> Void = { _ in }
  ) -> ICEDisposition {
    nextNumber += 1
    let username = "\(ufrag ?? agent.localCredentials.ufrag):\(credentials.ufrag)"
    let key = Array((password ?? agent.localCredentials.password).utf8)
    let bytes = ByteWriter.bytes(capacity: 500) { writer in
      writer.writeSTUN(.request, TransactionID(tag: 0, number: nextNumber), integrityKey: key) { writer in
        writer.writeSTUN(.username, Array(username.utf8))
        writer.writeSTUN(.priority, Candidate.priority(.peerReflexive, preference: 7))
        if let controlling { writer.writeSTUN(.iceControlling, controlling) }
        if let controlled { writer.writeSTUN(.iceControlled, controlled) }
        if useCandidate { writer.writeSTUN(.useCandidate) }
        attributes(&writer)
      }
    }
    return agent.handle(bytes.span.bytes, on: path, now: now)
  }

  /// The peer answers a check.
  @discardableResult
  mutating func answer(
    _ request: Received, from remote: SocketAddress? = nil, mapped: SocketAddress? = nil, errorCode: Int? = nil,
    password: String? = nil
  ) -> ICEDisposition {
    let key = Array((password ?? credentials.password).utf8)
    let bytes = ByteWriter.bytes(capacity: 500) { writer in
      writer.writeSTUN(errorCode == nil ? .success : .error, request.id, integrityKey: key) { writer in
        if let errorCode {
          writer.writeSTUN(errorCode: errorCode, reason: "No")
        } else {
          writer.writeSTUN(xorMappedAddress: mapped ?? request.path.local, request.id)
        }
      }
    }
    let path = NetworkPath(local: request.path.local, remote: remote ?? request.path.remote)
    return agent.handle(bytes.span.bytes, on: path, now: now)
  }

  /// Answers all checks that the agent has sent.
  mutating func answerAll() {
    for message in received() where message.messageClass == .request { answer(message) }
  }

  mutating func advance(_ interval: Interval) {
    let end = now + interval
    while let deadline = agent.deadline, deadline <= end {
      now = max(now, deadline)
      agent.handleTimeout(now: now)
    }
    now = end
  }
}
