import NetSim
import Wire

@testable import Secure

enum Identities {
  static let client = make("client", 1)
  static let server = make("server", 2)
  static let stranger = make("stranger", 3)

  private static func make(_ name: String, _ seed: UInt64) -> Identity {
    do {
      return try Identity(commonName: name, random: SeededGenerator(seed: seed))
    } catch {
      fatalError("\(error)")
    }
  }
}

/// What the network does to datagrams, in thousandths.
struct Weather {
  var lost = 0
  var duplicated = 0
  var delayed = 0
  var flipped = 0
  var truncated = 0
}

/// One engine and what it said.
final class Peer {
  var engine: DTLSEngine
  var events: [DTLSEngine.Event] = []
  var received: [[UInt8]] = []

  init(_ engine: consuming DTLSEngine) {
    self.engine = engine
  }

  var keys: SRTPKeys? {
    for case .connected(let keys) in events { return keys }
    return nil
  }

  var isConnected: Bool {
    events.contains { if case .connected = $0 { true } else { false } }
  }

  var failure: DTLSFailure? {
    for case .failed(let failure) in events { return failure }
    return nil
  }

  func send(_ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { engine.send($0) }
  }

  func handle(_ datagram: [UInt8], now: Instant) {
    engine.handle(datagram.span.bytes, now: now)
    collect()
  }

  func collect() {
    while let event = engine.pollEvent() { events.append(event) }
    while let packet = engine.incoming.popFirst({ Array($0) }) { received.append(packet) }
  }

  func takeOutgoing() -> [[UInt8]] {
    var datagrams: [[UInt8]] = []
    while let datagram = engine.outgoing.popFirst({ Array($0) }) { datagrams.append(datagram) }
    return datagrams
  }
}

/// A client and a server with a network between them, in virtual time.
final class Association {
  let client: Peer
  let server: Peer
  var weather: Weather
  /// Sees each datagram on its way; what it returns arrives instead.
  var intercept: (_ datagram: [UInt8], _ toServer: Bool) -> [[UInt8]] = { datagram, _ in [datagram] }
  private(set) var now = Instant(nanoseconds: 0)
  private var random: SeededGenerator
  private var inFlight: [(arrival: Instant, toServer: Bool, datagram: [UInt8])] = []

  private static let delay = Interval.milliseconds(10)

  init(
    seed: UInt64, weather: Weather = Weather(), asksForCookie: Bool = false,
    serverKnows: [Fingerprint] = [Identities.client.fingerprint],
    clientKnows: [Fingerprint] = [Identities.server.fingerprint],
    serverIdentity: Identity = Identities.server, clientIdentity: Identity = Identities.client
  ) {
    random = SeededGenerator(seed: seed)
    self.weather = weather
    server = Peer(
      DTLSEngine(
        role: .server, identity: serverIdentity, expectedFingerprints: serverKnows, asksForCookie: asksForCookie,
        random: SeededGenerator(seed: seed ^ 0x5E), now: now))
    client = Peer(
      DTLSEngine(
        role: .client, identity: clientIdentity, expectedFingerprints: clientKnows,
        random: SeededGenerator(seed: seed ^ 0xC1), now: now))
  }

  /// Lets time pass until nothing is under way and nobody wants to be woken, or for a virtual minute and a half.
  func run(until isDone: () -> Bool = { false }) {
    let end = now + .seconds(90)
    collect()
    while !isDone() {
      let deadlines = [client.engine.deadline, server.engine.deadline] + inFlight.map(\.arrival)
      guard let next = deadlines.compactMap({ $0 }).min(), next <= end else { return }
      now = max(now, next)
      deliver()
      client.engine.handleTimeout(now: now)
      server.engine.handleTimeout(now: now)
      collect()
    }
  }

  private func deliver() {
    while let index = inFlight.indices.filter({ inFlight[$0].arrival <= now }).min(by: {
      inFlight[$0].arrival < inFlight[$1].arrival
    }) {
      let next = inFlight.remove(at: index)
      (next.toServer ? server : client).handle(next.datagram, now: now)
      collect()
    }
  }

  private func collect() {
    client.collect()
    server.collect()
    for datagram in client.takeOutgoing() { post(datagram, toServer: true) }
    for datagram in server.takeOutgoing() { post(datagram, toServer: false) }
  }

  private func post(_ datagram: [UInt8], toServer: Bool) {
    for var datagram in intercept(datagram, toServer) where !chance(weather.lost) {
      let copies = chance(weather.duplicated) ? 2 : 1
      if chance(weather.flipped) {
        datagram[Int.random(in: 0..<datagram.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      }
      if chance(weather.truncated) { datagram.removeLast(Int.random(in: 1...datagram.count, using: &random)) }
      for _ in 0..<copies {
        let extra = chance(weather.delayed) ? Interval.milliseconds(Int64.random(in: 1...80, using: &random)) : .zero
        inFlight.append((now + Self.delay + extra, toServer, datagram))
      }
    }
  }

  private func chance(_ thousandths: Int) -> Bool {
    Int.random(in: 0..<1000, using: &random) < thousandths
  }

  var bothConnected: Bool { client.isConnected && server.isConnected }

  static func connected(seed: UInt64) -> Association {
    let association = Association(seed: seed)
    association.run { association.bothConnected }
    return association
  }
}
