import Testing
import Wire

@testable import DataChannel

extension DataChannelTests {
  @Suite struct MessageTests {
    @Test func messagesOfEverySizeArriveAsTheyWere() throws {
      let pair = try Pair.connected(Weather(loss: 0.02, delay: .milliseconds(5)))
      let id = try pair.openChannel()
      let sizes = [1, 3, 1127, 1128, 1129, 1160, 65535, 65536, DataChannelLimits.maximumMessageSize]
      let messages = sizes.map { size in (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) } }
      for message in messages { try pair.client.send(message, on: id, now: pair.now) }
      pair.run(for: .seconds(30))
      #expect(pair.take(.server) == messages.map { .message(id, .binary, $0) })
      #expect(pair.largestPacket <= SCTPAssociation.maximumPacketSize)
      let statistics = try #require(pair.server.statistics.first)
      #expect(statistics.messagesReceived == 9)
      #expect(statistics.bytesReceived == UInt64(sizes.reduce(0, +)))
      #expect(pair.client.statistics.first?.messagesSent == 9)
      #expect(pair.client.statistics.first?.bytesSent == UInt64(sizes.reduce(0, +)))
    }

    @Test func textAndBinaryAndEmptyMessagesAreToldApart() throws {
      let pair = try Pair.connected()
      let id = try pair.openChannel()
      try pair.client.send("", on: id, now: pair.now)
      try pair.client.send([], on: id, now: pair.now)
      try pair.client.send("grüße", on: id, now: pair.now)
      try pair.client.send([0], on: id, now: pair.now)
      pair.run(for: .milliseconds(100))
      #expect(
        pair.take(.server) == [
          .message(id, .text, []), .message(id, .binary, []), .message(id, .text, Array("grüße".utf8)),
          .message(id, .binary, [0]),
        ])
      #expect(pair.server.statistics.first?.bytesReceived == 8)
    }

    @Test func tooLargeAMessageIsRefusedWithItsLimit() throws {
      let pair = try Pair.connected()
      let id = try pair.openChannel()
      let limit = DataChannelLimits.maximumMessageSize
      #expect(throws: DataChannelError.messageTooLarge(size: limit + 1, limit: limit)) {
        try pair.client.send([UInt8](repeating: 0, count: limit + 1), on: id, now: pair.now)
      }
      let modest = try Pair(peerMaximumMessageSize: 1000)
      let other = try modest.client.open(label: "", now: modest.now)
      #expect(throws: DataChannelError.messageTooLarge(size: 1001, limit: 1000)) {
        try modest.client.send([UInt8](repeating: 0, count: 1001), on: other, now: modest.now)
      }
      #expect(try DataChannels(isDTLSClient: true, now: pair.now).maximumMessageSize == 65536)
    }

    @Test func textThatIsNotUTF8IsRefused() throws {
      let pair = try Pair.connected()
      let id = try pair.openChannel()
      #expect(throws: DataChannelError.invalidText) {
        try [0x61, 0xFF].withUnsafeBytes { try pair.client.send($0, as: .text, on: id, now: pair.now) }
      }
    }

    @Test func sendingOnWhatIsNotOpenIsRefused() throws {
      let pair = try Pair.connected()
      #expect(throws: DataChannelError.notOpen) { try pair.client.send("x", on: ChannelID(3), now: pair.now) }
      pair.client.abort()
      #expect(throws: DataChannelError.associationLost) { try pair.client.send("x", on: ChannelID(3), now: pair.now) }
    }

    @Test func aPeerSendsWhatOnlyOldPeersSend() throws {
      let pair = try RawPair()
      let id = pair.openChannel()
      pair.send([1, 2], PayloadProtocol.partialBinary, stream: 1)
      pair.send([3], PayloadProtocol.binary, stream: 1)
      pair.send(Array("ab".utf8), PayloadProtocol.partialText, stream: 1)
      pair.send(Array("c".utf8), PayloadProtocol.text, stream: 1)
      #expect(pair.takeEvents() == [.message(id, .binary, [1, 2, 3]), .message(id, .text, Array("abc".utf8))])
    }

    @Test func textOfThePeerIsMadeValid() throws {
      let pair = try RawPair()
      let id = pair.openChannel()
      pair.send([0x61, 0xFF, 0x62], PayloadProtocol.text, stream: 1)
      #expect(pair.takeEvents() == [.message(id, .text, Array("a\u{FFFD}b".utf8))])
    }

    @Test func aMessageLargerThanAnnouncedClosesItsChannel() throws {
      for size in [DataChannelLimits.maximumMessageSize + 1, 3 * DataChannelLimits.maximumMessageSize] {
        let pair = try RawPair()
        let id = pair.openChannel()
        pair.send([UInt8](repeating: 1, count: size), PayloadProtocol.binary, stream: 1)
        pair.run(for: .seconds(1))
        #expect(pair.resets == [1])
        #expect(pair.channels.state(of: id) == .closing)
        pair.peer.resetOutgoing(streams: [1])
        pair.run(for: .seconds(1))
        #expect(pair.takeEvents() == [.closed(id, .messageTooLarge)])
        #expect(pair.openChannel() == id)
        pair.send([5], PayloadProtocol.binary, stream: 1)
        #expect(pair.takeEvents() == [.message(id, .binary, [5])])
      }
    }

    @Test func endlessPartsCloseTheirChannel() throws {
      let pair = try RawPair()
      let id = pair.openChannel()
      for _ in 0..<5 {
        pair.send([UInt8](repeating: 1, count: 60000), PayloadProtocol.partialBinary, stream: 1)
      }
      #expect(pair.channels.state(of: id) == .closing)
    }

    @Test func whatHasNoChannelIsCountedAndDropped() throws {
      let pair = try RawPair()
      pair.send([1], PayloadProtocol.binary, stream: 9)
      pair.send([2], PayloadProtocol.control, stream: 9)
      pair.send([3, 0], PayloadProtocol.control, stream: 9)
      #expect(pair.resets == [9])
      let id = pair.openChannel()
      pair.send([1], 99, stream: id.rawValue)
      #expect(pair.takeEvents().isEmpty)
      #expect(pair.channels.messagesRefused == 4)
    }
  }
}
