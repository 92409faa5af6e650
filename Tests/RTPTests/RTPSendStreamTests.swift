import NetSim
import Testing

import RTP
import Wire

@Suite struct RTPSendStreamTests {
  static func extensions() -> ExtensionMap {
    var map = ExtensionMap()
    map.mid = 1
    map.absoluteSendTime = 2
    map.transportSequenceNumber = 3
    map.playoutDelay = 4
    map.audioLevel = 5
    return map
  }

  static func video(_ retransmission: RTPSendStream.Retransmission = .rtx(ssrc: 200, payloadType: 97), seed: UInt64 = 1)
    -> RTPSendStream
  {
    var generator = SeededGenerator(seed: seed)
    return RTPSendStream(
      .init(
        ssrc: 100, payloadType: 96, clock: .video, retransmission: retransmission, mid: "v", extensions: extensions()),
      using: &generator)
  }

  private var generator = SeededGenerator(seed: 7)

  @Test mutating func sequenceNumbersAreContiguousAndTheMarkerEndsAFrame() throws {
    let stream = Self.video()
    var expected: UInt16?
    for index in 0..<100 {
      let frame = videoFrame(
        3000 + index * 50, isKeyframe: index == 0, at: .milliseconds(Int64(index) * 33), using: &generator)
      let packets = try stream.packets(of: frame).map(Seen.init)
      for (index, packet) in packets.enumerated() {
        #expect(packet.header.ssrc == 100 && packet.header.payloadType == 96)
        #expect(packet.header.timestamp == frame.timestamp &+ stream.rtpTimestampOffset)
        #expect(packet.header.marker == (index == packets.count - 1))
        #expect(try packet.descriptor().startsPartition == (index == 0))
        if let expected { #expect(packet.header.sequenceNumber == expected) }
        expected = packet.header.sequenceNumber &+ 1
      }
    }
    #expect(stream.statistics.framesSent == 100)
  }

  @Test mutating func pictureNumbersAreContiguousForAViewerThatIsSparedALayer() throws {
    let stream = Self.video()
    var ids: [UInt16] = []
    var bases: [UInt8] = []
    for index in 0..<400 {
      let frame = videoFrame(2000, isKeyframe: index == 0, temporalID: index % 2 == 0 ? 0 : 1, using: &generator)
      if index % 4 == 1 { continue }  // half of the upper layer is dropped
      let descriptors = try stream.packets(of: frame).map { try Seen($0).descriptor() }
      #expect(Set(descriptors.map(\.pictureID)).count == 1 && Set(descriptors.map(\.tl0PictureIndex)).count == 1)
      ids.append(try #require(descriptors[0].pictureID))
      if index % 2 == 0 { bases.append(try #require(descriptors[0].tl0PictureIndex)) }
    }
    #expect(zip(ids, ids.dropFirst()).allSatisfy { ($0 &+ 1) & 0x7FFF == $1 })
    #expect(zip(bases, bases.dropFirst()).allSatisfy { $0 &+ 1 == $1 })
  }

  @Test mutating func picturesAreNumberedOverTheirFifteenBits() throws {
    let stream = Self.video(.none)
    let frame = [
      videoFrame(20, isKeyframe: true, using: &generator), videoFrame(20, isKeyframe: false, using: &generator),
    ]
    var last: UInt16?
    for index in 0..<40_000 {
      let id = try #require(try Seen(stream.packets(of: frame[index & 1])[0]).descriptor().pictureID)
      if let last, id != (last &+ 1) & 0x7FFF { Issue.record("\(id) after \(last)") }
      last = id
    }
  }

  @Test mutating func allPacketsOfAFrameButTheLastAreOfOneSizeOnTheWire() {
    let stream = Self.video()
    let packets = stream.packets(of: videoFrame(20_000, isKeyframe: true, using: &generator), transportSequence: 9)
    #expect(Set(packets.dropLast().map(\.count)).count == 1)
    #expect(packets.allSatisfy { $0.count <= 1200 - 16 })  // room for the SRTP tag
  }

  @Test mutating func audioCarriesItsLevelAndVideoItsPlayoutDelay() throws {
    var random = SeededGenerator(seed: 1)
    let audio = RTPSendStream(
      .init(ssrc: 5, payloadType: 111, clock: .opus, mid: "a", extensions: Self.extensions()), using: &random)
    let level = AudioLevel(decibelsBelowFullScale: 40, isVoice: true)
    let frame = try #require(
      PacketisedAudioFrame(bytes: [1, 2, 3], captured: .start, timestamp: 960, level: level, startsTalkspurt: true))
    let bytes = ByteWriter.bytes(capacity: 200) {
      audio.write(frame, transportSequence: 77, now: .start, into: &$0)
    }
    let values = HeaderExtensionValues(try RTPPacket(parsing: bytes.span.bytes), map: Self.extensions())
    #expect(values.audioLevel == level && values.mid == "a" && values.transportSequenceNumber == 77)
    #expect(values.playoutDelay == nil && values.absoluteSendTime != nil)
    let seen = try Seen(bytes)
    #expect(seen.header.marker && seen.payload == [1, 2, 3])

    let video = Self.video().packets(of: videoFrame(100, isKeyframe: true, using: &generator), transportSequence: 78)[0]
    let videoValues = HeaderExtensionValues(try RTPPacket(parsing: video.span.bytes), map: Self.extensions())
    #expect(videoValues.playoutDelay == .init(minimum: 0, maximum: 0) && videoValues.audioLevel == nil)
    #expect(videoValues.mid == "v" && videoValues.transportSequenceNumber == 78)
  }

  @Test mutating func aPacketThatDoesNotFitHasNotBeenSent() throws {
    let stream = Self.video()
    let frame = videoFrame(500, isKeyframe: true, using: &generator)
    #expect(
      ByteWriter.bytes(capacity: 100) { stream.write(frame, packet: 0, transportSequence: 1, now: .start, into: &$0) }
        .isEmpty)
    #expect(stream.statistics == OutboundStatistics())
    let first = try Seen(stream.packets(of: frame)[0])
    #expect(stream.handleNACK([first.header.sequenceNumber], now: .start) == [first.header.sequenceNumber])
  }

  @Test mutating func countsWhatItSent() throws {
    let stream = Self.video()
    let frame = videoFrame(3000, isKeyframe: true, using: &generator)
    let sent = try stream.packets(of: frame, transportSequence: 1).map(Seen.init)
    let payload = UInt64(sent.map(\.payload.count).reduce(0, +))
    #expect(stream.statistics.packetsSent == 3)
    #expect(stream.statistics.bytesSent == payload)
    #expect(stream.statistics.headerBytesSent == UInt64(3 * stream.headerSize))
    let wanted = stream.handleNACK([sent[1].header.sequenceNumber], now: .milliseconds(10))
    _ = stream.retransmission(of: wanted[0], now: .milliseconds(10))
    #expect(stream.statistics.packetsSent == 4)
    #expect(stream.statistics.retransmittedPacketsSent == 1)
    #expect(stream.statistics.retransmittedBytesSent == UInt64(sent[1].payload.count + 2))
    #expect(stream.statistics.nackCount == 1)
    stream.handlePictureLossIndication()
    #expect(stream.statistics.pliCount == 1)
  }
}

@Suite struct RetransmissionTests {
  private var generator = SeededGenerator(seed: 8)

  @Test mutating func goesOutOnItsOwnStreamWithTheOriginalNumberInFront() throws {
    let stream = RTPSendStreamTests.video()
    let originals = try stream.packets(of: videoFrame(5000, isKeyframe: true, using: &generator)).map(Seen.init)
    let numbers = originals.map(\.header.sequenceNumber)
    #expect(stream.numbersRetransmissions)
    #expect(stream.handleNACK([numbers[3], numbers[1]], now: .milliseconds(5)) == [numbers[3], numbers[1]])
    let again = try [numbers[3], numbers[1]].map {
      try Seen(stream.retransmission(of: $0, transportSequence: 40, now: .milliseconds(5)))
    }
    for (packet, original) in zip(again, [originals[3], originals[1]]) {
      #expect(packet.header.ssrc == 200 && packet.header.payloadType == 97)
      #expect(packet.header.timestamp == original.header.timestamp && packet.header.marker == original.header.marker)
      let number = original.header.sequenceNumber
      #expect(packet.payload == [UInt8(number >> 8), UInt8(number & 255)] + original.payload)
    }
    #expect(again[1].header.sequenceNumber == again[0].header.sequenceNumber &+ 1)
  }

  /// AES-GCM and AES-CTR give their keystream away when two packets differ under one sequence number.
  @Test mutating func withoutRTXIsTheSamePacketByteForByte() {
    let stream = RTPSendStreamTests.video(.plain)
    let frame = videoFrame(3000, isKeyframe: true, using: &generator)
    let originals = stream.packets(of: frame, transportSequence: 40)
    _ = stream.packets(of: videoFrame(3000, isKeyframe: false, using: &generator), now: .milliseconds(33))
    #expect(!stream.numbersRetransmissions)
    for packet in originals {
      let number = UInt16(packet[2]) << 8 | UInt16(packet[3])
      #expect(stream.retransmission(of: number, transportSequence: 99, now: .milliseconds(50)) == packet)
    }
  }

  @Test mutating func answersARequestOnceInARoundTrip() throws {
    let stream = RTPSendStreamTests.video()
    let number = try Seen(stream.packets(of: videoFrame(100, isKeyframe: true, using: &generator))[0]).header
      .sequenceNumber
    let answers = [0, 10, 49, 50, 60, 100].map { !stream.handleNACK([number, number], now: .milliseconds($0)).isEmpty }
    #expect(answers == [true, false, false, true, false, true])
  }

  @Test mutating func doesNotSendWhatIsOldForgottenOrWasNeverSent() throws {
    let stream = RTPSendStreamTests.video()
    let first = try Seen(stream.packets(of: videoFrame(100, isKeyframe: true, using: &generator))[0]).header
      .sequenceNumber
    #expect(stream.handleNACK([first &- 1, first &+ 1], now: .start) == [])
    #expect(stream.handleNACK([first], now: .milliseconds(1001)) == [])
    #expect(stream.handleNACK([first], now: .milliseconds(1000)) == [first])
    for _ in 0..<RTPSendStream.videoHistoryCapacity {
      _ = stream.packets(of: videoFrame(100, isKeyframe: false, using: &generator), now: .milliseconds(1000))
    }
    #expect(stream.handleNACK([first], now: .milliseconds(1100)) == [])
    #expect(stream.retransmission(of: first, now: .milliseconds(1100)).isEmpty)
  }

  @Test mutating func isBoundedForEachRequestAndEachPacket() throws {
    let stream = RTPSendStreamTests.video()
    let numbers = try stream.packets(of: videoFrame(200_000, isKeyframe: true, using: &generator)).map {
      try Seen($0).header.sequenceNumber
    }
    #expect(stream.handleNACK(numbers, now: .start).count == RTPSendStream.maximumResendsPerNACK)
    let times = (0..<20).count { !stream.handleNACK([numbers.last!], now: .milliseconds(Int64($0) * 50)).isEmpty }
    #expect(times == Int(RTPSendStream.maximumResendsPerPacket))
  }

  @Test mutating func findsPacketsAcrossTheWrapOfTheirNumbers() {
    let stream = RTPSendStreamTests.video()
    let frames = [
      videoFrame(20, isKeyframe: true, using: &generator), videoFrame(20, isKeyframe: false, using: &generator),
    ]
    var last: UInt16 = 0
    var count = 0
    repeat {
      let packet = stream.packets(of: frames[count & 1])[0]
      last = UInt16(packet[2]) << 8 | UInt16(packet[3])
      count += 1
    } while last != 20 || count < 32_768  // the first number is below 2¹⁵, so that by then they have wrapped
    let wanted = (0...40).map { last &- $0 }
    #expect(stream.handleNACK(wanted, now: .start) == wanted)
  }

  @Test mutating func needsToBeNegotiated() throws {
    let stream = RTPSendStreamTests.video(.none)
    let number = try Seen(stream.packets(of: videoFrame(100, isKeyframe: true, using: &generator))[0]).header
      .sequenceNumber
    #expect(stream.handleNACK([number], now: .start) == [])
  }

  @Test mutating func aRepeatedIntraRequestIsNotANewOne() {
    let stream = RTPSendStreamTests.video()
    let request = { (sender: UInt32, ssrc: UInt32, number: UInt8) in
      stream.handleFullIntraRequest(
        FullIntraRequest(senderSSRC: sender, entries: [.init(ssrc: ssrc, sequenceNumber: number)]))
    }
    #expect(request(1, 100, 7))
    #expect(!request(1, 100, 7))
    #expect(request(2, 100, 7))
    #expect(!request(1, 999, 8))  // another stream
    #expect(request(1, 100, 8))
    #expect(request(1, 100, 7))
    #expect(stream.statistics.firCount == 5)
  }
}
