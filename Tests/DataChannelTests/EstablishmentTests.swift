import Testing
import Wire

@testable import DataChannel

extension DataChannelTests {
  @Suite struct EstablishmentTests {
    @Test func bothSidesConnectAtOnceAndOpenChannelsAtOnce() throws {
      let pair = try Pair()
      let fromClient = try pair.client.open(label: "telemetry", subprotocol: "senml", now: pair.now)
      let fromServer = try pair.server.open(
        label: "control", options: ChannelOptions(isOrdered: false, reliability: .maximumRetransmits(3)), now: pair.now)
      #expect(fromClient.rawValue == 0)
      #expect(fromServer.rawValue == 1)
      pair.start()
      pair.run(for: .milliseconds(100))
      let telemetry = ChannelInfo(
        id: fromClient, label: "telemetry", subprotocol: "senml", options: ChannelOptions(), isRemote: false,
        isNegotiated: false)
      let clientEvents = pair.take(.client)
      #expect(clientEvents.first == .associationUp)
      #expect(clientEvents.contains(.opened(telemetry)))
      #expect(
        clientEvents.contains(
          .opened(
            ChannelInfo(
              id: fromServer, label: "control", subprotocol: "",
              options: ChannelOptions(isOrdered: false, reliability: .maximumRetransmits(3)), isRemote: true,
              isNegotiated: false))))
      #expect(clientEvents.count == 3)
      #expect(pair.take(.server).count == 3)
    }

    @Test func agreedChannelsOpenWithoutAWord() throws {
      let pair = try Pair()
      let id = ChannelID(100)
      _ = try pair.client.open(label: "a", negotiatedID: id, now: pair.now)
      _ = try pair.server.open(label: "b", negotiatedID: id, now: pair.now)
      try pair.client.send("before", on: id, now: pair.now)
      pair.start()
      pair.run(for: .milliseconds(100))
      #expect(pair.client.state(of: id) == .open)
      let events = pair.take(.server)
      #expect(events.count == 3)
      #expect(events.last == .message(id, .text, Array("before".utf8)))
      #expect(throws: DataChannelError.idUnavailable(id, limit: 128)) {
        _ = try pair.client.open(label: "c", negotiatedID: id, now: pair.now)
      }
      #expect(throws: DataChannelError.idUnavailable(ChannelID(128), limit: 128)) {
        _ = try pair.client.open(label: "c", negotiatedID: ChannelID(128), now: pair.now)
      }
    }

    @Test func messagesSentRightAfterOpenFollowTheOpen() throws {
      let pair = try Pair.connected(Weather(loss: 0.2, jitter: .milliseconds(20)), seed: 7)
      let id = try pair.server.open(label: "x", options: ChannelOptions(isOrdered: false), now: pair.now)
      for index in 0..<20 { try pair.server.send(numbered(index, size: 10), on: id, now: pair.now) }
      pair.run(for: .seconds(20))
      let events = pair.take(.client)
      guard case .opened = try #require(events.first) else {
        Issue.record("\(events)")
        return
      }
      #expect(events.count == 21)
      #expect(pair.client.messagesRefused == 0)
    }

    @Test func associatesThroughHeavyLoss() throws {
      for seed in UInt64(1)...10 {
        let pair = try Pair(Weather(loss: 0.3, delay: .milliseconds(20), jitter: .milliseconds(20)), seed: seed)
        pair.start()
        var up = 0
        pair.run(for: .seconds(60)) {
          up = pair.events.count { $0.contains(.associationUp) }
          return up == 2
        }
        #expect(up == 2, "seed \(seed)")
      }
    }

    @Test func channelsBeyondTheLimitsAreRefused() throws {
      let pair = try Pair.connected()
      let limit = DataChannelLimits.maximumNameBytes
      #expect(throws: DataChannelError.nameTooLong(size: limit + 1, limit: limit)) {
        _ = try pair.client.open(label: String(repeating: "x", count: limit + 1), now: pair.now)
      }
      let longest = String(repeating: "é", count: limit / 2)
      let id = try pair.client.open(label: longest, subprotocol: longest, now: pair.now)
      pair.run(for: .milliseconds(100))
      guard case .opened(let info) = try #require(pair.take(.server).first) else { return }
      #expect(info.id == id)
      #expect(info.label == longest)
      for _ in 1..<DataChannelLimits.maximumChannels { _ = try pair.client.open(label: "", now: pair.now) }
      #expect(throws: DataChannelError.tooManyChannels(limit: DataChannelLimits.maximumChannels)) {
        _ = try pair.client.open(label: "", now: pair.now)
      }
      // The peer has as many now; one more from its own side would be ours to refuse.
      pair.run(for: .milliseconds(100))
      #expect(throws: DataChannelError.tooManyChannels(limit: DataChannelLimits.maximumChannels)) {
        _ = try pair.server.open(label: "", now: pair.now)
      }
    }

    @Test func aPeerThatIsNotThereFailsTheAssociation() throws {
      let pair = try Pair()
      pair.deaf = [.server]
      pair.client.start(now: pair.now)
      _ = try pair.client.open(label: "x", now: pair.now)
      pair.run(for: .seconds(90))
      #expect(pair.take(.client) == [.closed(ChannelID(0), .associationLost), .failed("the peer did not answer")])
      #expect(pair.client.deadline == nil)
    }
  }
}
