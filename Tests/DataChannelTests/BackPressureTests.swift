import Testing
import Wire

@testable import DataChannel

extension DataChannelTests {
  @Suite struct BackPressureTests {
    /// Sends numbered messages until the channel is full; returns how many went in.
    private func fill(_ pair: Pair, _ id: ChannelID, size: Int) throws -> Int {
      var count = 0
      while true {
        do {
          try pair.client.send(numbered(count, size: size), on: id, now: pair.now)
          count += 1
        } catch DataChannelError.bufferFull(let amount, let limit) {
          #expect(amount <= limit)
          return count
        }
      }
    }

    @Test func aFullChannelRefusesThenTellsWhenItHasRoomAndLosesNothing() throws {
      let pair = try Pair.connected(Weather(delay: .milliseconds(20)))
      let id = try pair.openChannel()
      pair.client.setBufferedAmountLowThreshold(100_000, of: id)
      let count = try fill(pair, id, size: 50_000)
      let amount = pair.client.bufferedAmount(of: id)
      #expect(amount > 1_000_000 - 50_000 && amount <= DataChannelLimits.maximumBufferedAmount)
      #expect(pair.take(.client).isEmpty)
      #expect(
        pair.run(for: .seconds(60)) {
          pair.client.bufferedAmount(of: id) <= 100_000
        })
      #expect(pair.take(.client) == [.bufferedAmountLow(id)])
      pair.run(for: .seconds(60))
      #expect(pair.client.bufferedAmount(of: id) == 0)
      #expect(pair.take(.client).isEmpty)
      #expect(pair.takeMessages(.server).map { number(of: $0) } == Array(0..<count))
    }

    @Test func smallMessagesAreBoundedByTheirNumber() throws {
      let pair = try Pair.connected()
      let id = try pair.openChannel()
      let count = try fill(pair, id, size: 4)
      #expect(count <= DataChannelLimits.maximumBufferedMessages + 4096)
      pair.run(for: .seconds(30))
      #expect(pair.takeMessages(.server).map { number(of: $0) } == Array(0..<count))
    }

    @Test func aReceiverThatDoesNotPollHoldsTheSenderBack() throws {
      let pair = try Pair.connected()
      let id = try pair.openChannel()
      pair.unpolled = [.server]
      var count = 0
      for _ in 0..<200 {
        while (try? pair.client.send(numbered(count, size: 50_000), on: id, now: pair.now)) != nil { count += 1 }
        pair.run(for: .milliseconds(100))
      }
      // Three buffers of 1 MiB: the channel's, SCTP's of the sender, SCTP's of the receiver.
      #expect(count <= 3 * 1024 * 1024 / 50_000 + 1)
      pair.unpolled = []
      pair.run(for: .seconds(60))
      #expect(pair.takeMessages(.server).map { number(of: $0) } == Array(0..<count))
    }

    @Test func aBusyChannelDoesNotStarveAnother() throws {
      let pair = try Pair.connected(Weather(delay: .milliseconds(10)))
      let busy = try pair.openChannel()
      let other = try pair.openChannel(label: "other")
      _ = try fill(pair, busy, size: 50_000)
      try pair.client.send("now", on: other, now: pair.now)
      var busyMessages = 0
      pair.run(for: .seconds(60)) {
        busyMessages = pair.events[Pair.Side.server.rawValue].count
        return pair.events[Pair.Side.server.rawValue].contains(.message(other, .text, Array("now".utf8)))
      }
      // What SCTP had taken by then goes first: 1 MiB.
      #expect(busyMessages < 25)
    }
  }
}
