import NetSim
import Testing
import Wire

@testable import DataChannel

extension DataChannelTests {
  @Suite struct ReliabilityTests {
    private static let weathers = [
      Weather(loss: 0.1, duplication: 0.05, delay: .milliseconds(10), jitter: .milliseconds(15)),
      Weather(loss: 0.3, duplication: 0.1, delay: .milliseconds(30), jitter: .milliseconds(40)),
    ]

    /// Sends messages of mixed sizes one way, small ones the other, and returns what arrived at the server.
    private func exchange(_ options: ChannelOptions, _ weather: Weather, seed: UInt64, count: Int = 150) throws -> [Int]
    {
      let pair = try Pair.connected(seed: seed)
      let id = try pair.openChannel(options)
      pair.weather = weather
      var generator = SeededGenerator(seed: seed)
      for index in 0..<count {
        let size = [4, 40, 1100, 1200, 5000, 20000][Int.random(in: 0..<6, using: &generator)]
        try pair.client.send(numbered(index, size: size), on: id, now: pair.now)
        if index % 10 == 0 { try pair.server.send(numbered(index, size: 50), on: id, now: pair.now) }
        pair.run(for: .milliseconds(Int64.random(in: 0...20, using: &generator)))
      }
      // At 30 % loss SCTP mostly waits for its timers; this is time enough, and passes in an instant.
      pair.run(for: .seconds(3000)) { pair.client.deadline == nil && pair.server.deadline == nil }
      let numbers = pair.takeMessages(.server).map { number(of: $0) }
      #expect(!numbers.contains(nil), "a message was damaged; seed \(seed)")
      #expect(pair.client.deadline == nil, "something is still under way; seed \(seed)")
      // Whatever was given up, a reliable channel still works.
      pair.weather = Weather()
      let after = try pair.openChannel(label: "after")
      try pair.client.send("still there", on: after, now: pair.now)
      pair.run(for: .seconds(1))
      // (usrsctp does not repeat its last FORWARD TSN: what waits behind the gap may come only now.)
      #expect(pair.takeMessages(.server).contains(Array("still there".utf8)), "seed \(seed)")
      return numbers.compactMap { $0 }
    }

    @Test(arguments: UInt64(1)...4) func reliableMessagesAllArriveInOrder(seed: UInt64) throws {
      for weather in Self.weathers {
        #expect(try exchange(ChannelOptions(), weather, seed: seed) == Array(0..<150), "seed \(seed)")
      }
    }

    @Test(arguments: UInt64(1)...4) func unorderedMessagesAllArriveOnce(seed: UInt64) throws {
      for weather in Self.weathers {
        let numbers = try exchange(ChannelOptions(isOrdered: false), weather, seed: seed)
        #expect(numbers.sorted() == Array(0..<150), "seed \(seed)")
        #expect(numbers != numbers.sorted(), "nothing was overtaken; seed \(seed)")
      }
    }

    @Test(arguments: UInt64(1)...4) func withoutRetransmissionsSomeAreLostAndTheRestIsInOrder(seed: UInt64) throws {
      for weather in Self.weathers {
        let numbers = try exchange(ChannelOptions(reliability: .maximumRetransmits(0)), weather, seed: seed)
        #expect(numbers == numbers.sorted(), "seed \(seed)")
        #expect(Set(numbers).count == numbers.count, "seed \(seed)")
        #expect(numbers.count > 10 && numbers.count < 150, "seed \(seed)")
      }
    }

    @Test(arguments: UInt64(1)...4) func unorderedAndUnreliableMessagesArriveAtMostOnce(seed: UInt64) throws {
      for weather in Self.weathers {
        let options = ChannelOptions(isOrdered: false, reliability: .maximumRetransmits(1))
        let numbers = try exchange(options, weather, seed: seed)
        #expect(Set(numbers).count == numbers.count, "seed \(seed)")
        #expect(numbers.count > 30, "seed \(seed)")
      }
    }

    @Test(arguments: UInt64(1)...4) func messagesWithALifetimeArriveInOrderOrNotAtAll(seed: UInt64) throws {
      for milliseconds in [UInt16(0), 1, 500] {
        let options = ChannelOptions(reliability: .maximumLifetime(milliseconds: milliseconds))
        let numbers = try exchange(options, Self.weathers[0], seed: seed)
        #expect(numbers == numbers.sorted(), "seed \(seed)")
        #expect(Set(numbers).count == numbers.count, "seed \(seed)")
      }
    }
  }
}
