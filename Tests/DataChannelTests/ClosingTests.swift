import Testing
import Wire

@testable import DataChannel

extension DataChannelTests {
  @Suite struct ClosingTests {
    @Test func closingDeliversWhatWasSentThenEndsOnBothSides() throws {
      let pair = try Pair.connected(Weather(loss: 0.1, delay: .milliseconds(10)), seed: 3)
      let id = try pair.openChannel()
      for index in 0..<20 { try pair.client.send(numbered(index, size: 20_000), on: id, now: pair.now) }
      pair.client.close(id, now: pair.now)
      #expect(pair.client.state(of: id) == .closing)
      #expect(throws: DataChannelError.notOpen) { try pair.client.send("x", on: id, now: pair.now) }
      pair.run(for: .seconds(60))
      #expect(pair.take(.client) == [.closed(id, .local)])
      let events = pair.take(.server)
      #expect(events.count == 21)
      #expect(events.last == .closed(id, .remote))
      #expect(pair.client.state(of: id) == nil)
      #expect(pair.server.state(of: id) == nil)
      #expect(pair.client.deadline == nil)
    }

    @Test(arguments: UInt64(1)...10) func aNumberIsUsedAgainAndAgain(seed: UInt64) throws {
      let pair = try Pair.connected(
        Weather(loss: 0.1, duplication: 0.1, delay: .milliseconds(5), jitter: .milliseconds(20)), seed: seed)
      for round in 0..<10 {
        let id = try pair.client.open(label: "\(round)", now: pair.now)
        #expect(id.rawValue == 0)
        try pair.client.send("hello \(round)", on: id, now: pair.now)
        let closer: Pair.Side = round % 2 == 0 ? .client : .server
        var got = false
        pair.run(for: .seconds(60)) {
          got = pair.events[1].contains(.message(id, .text, Array("hello \(round)".utf8)))
          return got
        }
        #expect(got, "seed \(seed) round \(round)")
        pair[closer].close(id, now: pair.now)
        // The other side may not have heard the answer to its reset yet, when the opener goes on.
        pair.run(for: .seconds(60)) { pair.client.state(of: id) == nil }
        #expect(pair.client.state(of: id) == nil, "seed \(seed) round \(round)")
        _ = pair.take(.server).count
      }
      pair.run(for: .seconds(60))
      #expect(pair.client.statistics.isEmpty)
      #expect(pair.server.statistics.isEmpty, "seed \(seed)")
    }

    @Test func bothSidesCloseAtOnce() throws {
      let pair = try Pair.connected()
      let id = try pair.openChannel()
      pair.client.close(id, now: pair.now)
      pair.server.close(id, now: pair.now)
      pair.run(for: .seconds(5))
      #expect(pair.take(.client) == [.closed(id, .local)])
      #expect(pair.take(.server) == [.closed(id, .local)])
    }

    @Test func manyChannelsCloseAtOnce() throws {
      let pair = try Pair.connected(Weather(loss: 0.1))
      var ids: [ChannelID] = []
      for _ in 0..<30 { ids.append(try pair.client.open(label: "", now: pair.now)) }
      pair.run(for: .seconds(10))
      _ = pair.take(.client)
      _ = pair.take(.server)
      for id in ids { pair.client.close(id, now: pair.now) }
      pair.run(for: .seconds(60))
      #expect(Set(pair.take(.client).map { "\($0)" }).count == 30)
      #expect(pair.take(.server).count == 30)
      #expect(pair.client.statistics.isEmpty && pair.server.statistics.isEmpty)
    }

    @Test func nothingIsDeliveredAfterClose() throws {
      let pair = try Pair.connected()
      let id = try pair.openChannel()
      try pair.server.send("too late", on: id, now: pair.now)
      pair.client.close(id, now: pair.now)
      pair.run(for: .seconds(5))
      #expect(pair.take(.client) == [.closed(id, .local)])
    }

    @Test func closingBeforeTheAssociationStandsEndsAtOnce() throws {
      let pair = try Pair()
      let id = try pair.client.open(label: "", now: pair.now)
      pair.client.close(id, now: pair.now)
      #expect(pair.take(.client) == [.closed(id, .local)])
      pair.start()
      pair.run(for: .seconds(1))
      #expect(pair.take(.server) == [.associationUp])
    }

    @Test func anAbortTellsThePeer() throws {
      let pair = try Pair.connected()
      let id = try pair.openChannel()
      pair.client.abort()
      pair.run(for: .seconds(1))
      #expect(pair.take(.client).isEmpty)
      #expect(pair.client.deadline == nil)
      #expect(
        pair.take(.server) == [
          .closed(id, .associationLost), .failed("the peer ended the association, or is gone"),
        ])
    }

    @Test func aPeerThatVanishesIsGivenUpOnceThereIsSomethingToSend() throws {
      let pair = try Pair.connected()
      let id = try pair.openChannel()
      pair.deaf = [.client]
      pair.run(for: .seconds(600))
      #expect(pair.take(.server).isEmpty)
      try pair.server.send("anybody?", on: id, now: pair.now)
      let begin = pair.now
      pair.run(for: .seconds(600)) { pair.server.state(of: id) == nil }
      #expect(
        pair.take(.server) == [
          .closed(id, .associationLost), .failed("the peer ended the association, or is gone"),
        ])
      // Longer than ICE's 30 s of patience (RFC 7675), and not for ever.
      #expect(pair.now - begin > .seconds(40) && pair.now - begin < .seconds(80))
      #expect(pair.server.deadline == nil)
    }
  }
}
