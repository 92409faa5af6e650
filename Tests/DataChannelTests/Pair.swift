import NetSim
import Testing
import Wire

@testable import DataChannel

/// All tests of this target hang below this suite: usrsctp is one per process, so they run one after the other.
@Suite(.serialized) enum DataChannelTests {}

/// The way between two peers, in virtual time.
struct Weather {
  var loss = 0.0
  var duplication = 0.0
  var delay = Interval.milliseconds(1)
  /// Added to the delay of each packet, evenly up to this: reorders.
  var jitter = Interval.zero
}

/// Two peers and the way between them.
final class Pair {
  enum Side: Int, CaseIterable {
    case client, server
  }

  let client: DataChannels
  let server: DataChannels
  var now = Instant(nanoseconds: 1_000_000_000)
  var weather: Weather
  /// Called for each packet on its way; what it returns arrives instead.
  var tamper: ((Side, [UInt8]) -> [UInt8]?)?
  private(set) var events: [[DataChannels.Event]] = [[], []]
  private(set) var largestPacket = 0
  private(set) var packetsSent = 0
  /// Calls of `handleTimeout`.
  private(set) var wakeUps = 0
  /// Sides that are not served any more.
  var deaf: Set<Side> = []
  /// Sides whose events are not polled.
  var unpolled: Set<Side> = []
  private var generator: SeededGenerator
  private var flying: [(at: Instant, order: Int, to: Side, bytes: [UInt8])] = []
  private var order = 0

  init(_ weather: Weather = Weather(), seed: UInt64 = 1, peerMaximumMessageSize: Int = 1 << 30) throws {
    self.weather = weather
    generator = SeededGenerator(seed: seed)
    client = try DataChannels(isDTLSClient: true, peerMaximumMessageSize: peerMaximumMessageSize, now: now)
    server = try DataChannels(isDTLSClient: false, peerMaximumMessageSize: peerMaximumMessageSize, now: now)
  }

  /// A pair whose association stands.
  static func connected(_ weather: Weather = Weather(), seed: UInt64 = 1) throws -> Pair {
    let pair = try Pair(seed: seed)
    pair.start()
    pair.run(for: .milliseconds(200))
    #expect(pair.take(.client) == [.associationUp])
    #expect(pair.take(.server) == [.associationUp])
    pair.weather = weather
    return pair
  }

  subscript(side: Side) -> DataChannels { side == .client ? client : server }

  func start() {
    client.start(now: now)
    server.start(now: now)
  }

  /// Opens a channel from the client and waits until both sides have it.
  func openChannel(_ options: ChannelOptions = ChannelOptions(), label: String = "test") throws -> ChannelID {
    let id = try client.open(label: label, options: options, now: now)
    run(for: .seconds(30)) { self[.server].state(of: id) == .open && self[.client].state(of: id) == .open }
    #expect(self[.client].state(of: id) == .open)
    _ = take(.client)
    _ = take(.server)
    return id
  }

  func take(_ side: Side) -> [DataChannels.Event] {
    drain()
    defer { events[side.rawValue] = [] }
    return events[side.rawValue]
  }

  /// The messages that have come to a side, and nothing else.
  func takeMessages(_ side: Side) -> [[UInt8]] {
    take(side).compactMap { if case .message(_, _, let bytes) = $0 { bytes } else { nil } }
  }

  /// Lets time pass until `condition` holds; returns whether it did.
  @discardableResult
  func run(for duration: Interval, until condition: (() -> Bool)? = nil) -> Bool {
    let end = now + duration
    while true {
      drain()
      if let condition, condition() { return true }
      var next = end
      for side in Side.allCases where !deaf.contains(side) {
        if let deadline = self[side].deadline { next = min(next, deadline) }
      }
      if let first = flying.first { next = min(next, first.at) }
      now = max(now, next)
      guard now < end else { return false }
      while let first = flying.first, first.at <= now {
        flying.removeFirst()
        guard !deaf.contains(first.to) else { continue }
        first.bytes.withUnsafeBytes { self[first.to].handle($0, now: now) }
      }
      for side in Side.allCases where !deaf.contains(side) {
        if let deadline = self[side].deadline, deadline <= now {
          wakeUps += 1
          self[side].handleTimeout(now: now)
        }
      }
    }
  }

  func drain() {
    for side in Side.allCases where !deaf.contains(side) {
      while !unpolled.contains(side), let event = self[side].pollEvent() { events[side.rawValue].append(event) }
      var packets: [[UInt8]] = []
      while self[side].popOutgoing({ packets.append(Array($0)) }) {}
      for packet in packets { post(packet, from: side) }
    }
  }

  private func post(_ packet: [UInt8], from side: Side) {
    packetsSent += 1
    largestPacket = max(largestPacket, packet.count)
    guard let bytes = tamper.map({ $0(side, packet) }) ?? packet else { return }
    guard Double.random(in: 0..<1, using: &generator) >= weather.loss else { return }
    let copies = Double.random(in: 0..<1, using: &generator) < weather.duplication ? 2 : 1
    for _ in 0..<copies {
      let jitter = weather.jitter == .zero ? 0 : Int64.random(in: 0..<weather.jitter.nanoseconds, using: &generator)
      let at = now + weather.delay + .nanoseconds(jitter)
      order += 1
      let item = (at: at, order: order, to: side == .client ? Side.server : .client, bytes: bytes)
      let index = flying.firstIndex { $0.at > at } ?? flying.count
      flying.insert(item, at: index)
    }
  }
}

/// A message that can be told from all others: a number, then bytes that follow from it.
func numbered(_ number: Int, size: Int) -> [UInt8] {
  ByteWriter.bytes(capacity: max(4, size)) { writer in
    writer.write(UInt32(number))
    for index in 4..<max(4, size) { writer.write(UInt8(truncatingIfNeeded: index &* 31 &+ number)) }
  }
}

/// The number of such a message; nil when its bytes are not what was sent.
func number(of message: [UInt8]) -> Int? {
  guard message.count >= 4 else { return nil }
  let number = message[..<4].reduce(0) { $0 << 8 | Int($1) }
  return numbered(number, size: message.count) == message ? number : nil
}
