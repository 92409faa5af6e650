import CUsrsctp
import NetSim
import Testing
import Wire

@testable import DataChannel

extension DataChannelTests {
  @Suite struct HostilePeerTests {
    /// Lets a busy pair run with packets changed on their way, then sees that others still work.
    private func run(seed: UInt64, _ change: @escaping (inout [UInt8], inout SeededGenerator) -> Void) throws {
      var generator = SeededGenerator(seed: seed)
      let pair = try Pair(Weather(delay: .milliseconds(3), jitter: .milliseconds(5)), seed: seed)
      let early = try pair.client.open(label: "early", options: ChannelOptions(isOrdered: false), now: pair.now)
      pair.tamper = { _, packet in
        var packet = packet
        if Double.random(in: 0..<1, using: &generator) < 0.2 { change(&packet, &generator) }
        return packet
      }
      pair.start()
      for index in 0..<15 {
        _ = try? pair.client.send(numbered(index, size: index * 400), on: early, now: pair.now)
        if index % 4 == 1, let id = try? pair.server.open(label: "late", now: pair.now) {
          _ = try? pair.server.send("x", on: id, now: pair.now)
        }
        if index % 4 == 3 { pair.server.close(ChannelID(1), now: pair.now) }
        pair.run(for: .milliseconds(300))
      }
      pair.run(for: .seconds(20))
    }

    @Test(arguments: 0..<8) func flippedBitsNeverCrash(block: UInt64) throws {
      for seed in block * 50..<block * 50 + 50 {
        try run(seed: seed) { packet, generator in
          for _ in 0..<Int.random(in: 1...6, using: &generator) {
            // Past the ports and the verification tag, which only decide whether the packet is read at all.
            packet[Int.random(in: 8..<packet.count, using: &generator)] ^=
              1 << UInt8.random(in: 0..<8, using: &generator)
          }
        }
      }
    }

    @Test(arguments: 0..<4) func truncatedPacketsNeverCrash(block: UInt64) throws {
      for seed in block * 50..<block * 50 + 50 {
        try run(seed: seed) { packet, generator in
          packet.removeLast(Int.random(in: 1...packet.count, using: &generator))
        }
      }
    }

    /// Well-formed chunks with values that make no sense get past the checks, into usrsctp.
    @Test(arguments: 0..<8) func chunksWithWildValuesNeverCrash(block: UInt64) throws {
      for seed in block * 50..<block * 50 + 50 {
        try run(seed: seed) { packet, generator in
          packet.removeLast(packet.count - 12)
          for _ in 0..<Int.random(in: 1...4, using: &generator) {
            packet += Self.wildChunk(using: &generator)
          }
        }
      }
    }

    @Test func everyTruncationOfEveryKindOfPacketIsHarmless() throws {
      let pair = try RawPair()
      _ = pair.openChannel()
      pair.send([UInt8](repeating: 1, count: 3000), PayloadProtocol.binary, stream: 1)
      pair.peer.resetOutgoing(streams: [1])
      var packets = [pair.lastFromPeer, pair.lastToPeer]
      _ = pair.peer.popOutgoing { packets.append(Array($0)) }
      for packet in packets {
        for length in 0..<packet.count {
          packet[..<length].withUnsafeBytes { pair.channels.handle($0, now: pair.now) }
          while pair.channels.pollEvent() != nil {}
        }
      }
      #expect(pair.channels.packetsRefused > 100)
    }

    @Test func dcepThatMakesNoSenseNeverCrashes() throws {
      let pair = try RawPair()
      let opening = ChannelOpening(
        label: "label", subprotocol: "protocol", isOrdered: false, reliability: .maximumRetransmits(2))
      let valid = ControlMessage.open(opening).bytes
      for seed in UInt64(0)..<300 {
        var generator = SeededGenerator(seed: seed)
        var bytes = valid
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
          bytes[Int.random(in: 0..<bytes.count, using: &generator)] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        }
        if seed % 3 == 0 { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator)) }
        let stream = UInt16.random(in: 0..<SCTPAssociation.streams, using: &generator)
        _ = bytes.withUnsafeBytes {
          pair.peer.send(
            $0, stream: stream, payloadProtocol: PayloadProtocol.control, isOrdered: true, reliability: .reliable)
        }
        pair.run(for: .milliseconds(50))
      }
      #expect(pair.channels.statistics.count <= DataChannelLimits.maximumChannels)
      #expect(pair.channels.messagesRefused > 0)
    }

    @Test func aPeerCannotOpenMoreChannelsThanTheLimit() throws {
      let pair = try RawPair()
      let opening = ControlMessage.open(
        ChannelOpening(label: "x", subprotocol: "", isOrdered: true, reliability: .reliable)
      ).bytes
      for stream in 0..<SCTPAssociation.streams { pair.send(opening, PayloadProtocol.control, stream: stream) }
      #expect(pair.channels.statistics.count == DataChannelLimits.maximumChannels)
      #expect(pair.resets.sorted() == Array(UInt16(DataChannelLimits.maximumChannels)..<SCTPAssociation.streams))
    }

    @Test func anotherInitiationDoesNotRestartABusyAssociation() throws {
      let pair = try RawPair()
      let id = pair.openChannel()
      let stranger = try SCTPAssociation(localPort: 5000, remotePort: 5000, now: pair.now)
      try stranger.connect(now: pair.now)
      while stranger.popOutgoing({ pair.channels.handle($0, now: pair.now) }) {}
      pair.run(for: .seconds(1))
      #expect(pair.channels.packetsRefused == 1)
      pair.send([7], PayloadProtocol.binary, stream: 1)
      #expect(pair.takeEvents() == [.message(id, .binary, [7])])
    }

    @Test func checksumsAreWhatUsrsctpComputes() {
      var generator = SeededGenerator(seed: 4)
      for length in [12, 13, 16, 19, 20, 100, 1159, 1160] {
        var packet = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
        packet.replaceSubrange(8..<12, with: [0, 0, 0, 0])
        let expected = packet.withUnsafeMutableBytes { usrsctp_crc32c($0.baseAddress, $0.count) }
        packet.withUnsafeMutableBytes { perch_sctp_write_checksum($0.baseAddress, $0.count) }
        #expect(packet[8..<12].withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) } == expected)
      }
    }

    private static func wildChunk(using generator: inout SeededGenerator) -> [UInt8] {
      func value(_ count: Int, using generator: inout SeededGenerator) -> [UInt8] {
        // Mostly small numbers: the edges are there.
        (0..<count).map { _ in Bool.random(using: &generator) ? 0 : UInt8.random(in: 0...255, using: &generator) }
      }
      let type: UInt8 = [0, 3, 4, 5, 7, 8, 9, 10, 11, 130, 132, 192].randomElement(using: &generator) ?? 0
      var body: [UInt8]
      switch type {
      case 0:
        body = value(12 + Int.random(in: 1...40, using: &generator), using: &generator)
      case 3:
        let gaps = Int.random(in: 0...5, using: &generator)
        let duplicates = Int.random(in: 0...3, using: &generator)
        body = value(8, using: &generator) + [0, UInt8(gaps), 0, UInt8(duplicates)]
        body += value(4 * (gaps + duplicates), using: &generator)
      case 130:
        body = []
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
          let size = 4 * Int.random(in: 1...6, using: &generator)
          body += [0, UInt8.random(in: 13...18, using: &generator), 0, UInt8(4 + size)]
          body += value(size, using: &generator)
        }
      case 192:
        body = value(4 + 4 * Int.random(in: 0...5, using: &generator), using: &generator)
      default:
        body = value(4 * Int.random(in: 0...10, using: &generator), using: &generator)
      }
      let length = body.count + 4
      let padding = [UInt8](repeating: 0, count: (4 - length & 3) & 3)
      return [type, UInt8.random(in: 0...7, using: &generator), UInt8(length >> 8), UInt8(length & 255)] + body
        + padding
    }
  }
}
