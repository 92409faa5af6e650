import NetSim
import Testing

import RTP
import Wire

/// Well-formed packets with absurd values: whatever they say, nothing traps and every bound holds.
@Suite struct HostilePeerTests {
  @Test(arguments: 0..<8 as Range<UInt64>)
  func noReportOrRequestTrapsASender(seed: UInt64) {
    print("hostile viewer seed \(seed)")
    var generator = SeededGenerator(seed: seed)
    let stream = RTPSendStreamTests.video()
    var sequencer = TransportSequencer()
    var result = TransportFeedbackResult()
    var now = Instant.start
    func word() -> UInt32 {
      [0, 1, .max, 0x8000_0000, 100, .random(in: .min ... .max, using: &generator)].randomElement(using: &generator)!
    }
    for index in 0..<1000 {
      now = now + .milliseconds(.random(in: 0...20, using: &generator))
      if index % 10 == 0 {
        for _ in stream.packets(of: videoFrame(2000, isKeyframe: false, at: now, using: &generator), now: now) {
          sequencer.setSize(2000, of: sequencer.allocate(now: now))
        }
        _ = ByteWriter.bytes(capacity: 1472) {
          stream.writeReport(now: now, wallClock: WallClock(microseconds: Int64(index)), cname: "p", into: &$0)
        }
      }
      stream.handleReport(
        ReportBlock(
          ssrc: 100, fractionLost: 255, cumulativeLost: Int32(bitPattern: word()), highestSequenceNumber: word(),
          jitter: word(), lastSenderReport: word(), delaySinceLastSenderReport: word()), now: now)
      stream.handleExtendedReport(
        ExtendedReport(ssrc: word(), receiverReferenceTime: UInt64(word()) << 32 | UInt64(word())), now: now)
      let numbers = (0..<200).map { _ in UInt16(truncatingIfNeeded: word()) }
      let granted = stream.handleNACK(numbers, now: now)
      #expect(granted.count <= RTPSendStream.maximumResendsPerNACK)
      for number in granted { #expect(!stream.retransmission(of: number, transportSequence: 1, now: now).isEmpty) }
      _ = stream.handleFullIntraRequest(
        FullIntraRequest(senderSSRC: word(), entries: [.init(ssrc: 100, sequenceNumber: UInt8(index & 3))]))
      let base = UInt16(truncatingIfNeeded: word())
      sequencer.match(
        TransportFeedback(
          senderSSRC: word(), mediaSSRC: word(), baseSequenceNumber: base,
          statusCount: UInt16(truncatingIfNeeded: word()),
          referenceTime: Int32(bitPattern: word() << 8) >> 8, feedbackCount: 0,
          arrivals: [
            .init(sequenceNumber: base, ticks: Int32(bitPattern: word())),
            .init(sequenceNumber: base &+ 3, ticks: Int32(bitPattern: word())),
          ]), into: &result)
      #expect(result.packets.count <= TransportSequencer.historyCapacity)
      _ = result.receivedBitrate
    }
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func noSequenceOfPacketsTrapsAReceiver(seed: UInt64) {
    print("hostile sender seed \(seed)")
    var generator = SeededGenerator(seed: seed)
    let stream = RTPReceiveStream(.init(ssrc: 1, clock: .video, rtxSSRC: 2, sendsNACK: true))
    var assembler = VideoFrameAssembler()
    var builder = TransportFeedbackBuilder()
    var now = Instant.start
    var sequenceNumber: UInt16 = 0
    for _ in 0..<3000 {
      now = now + .milliseconds(.random(in: 0...10, using: &generator))
      switch Int.random(in: 0..<10, using: &generator) {
      case 0: sequenceNumber = .random(in: .min ... .max, using: &generator)
      case 1: sequenceNumber &+= .random(in: 0...3000, using: &generator)
      case 2: sequenceNumber &-= .random(in: 0...3000, using: &generator)
      default: sequenceNumber &+= 1
      }
      let header = RTPHeader(
        marker: .random(using: &generator), payloadType: 96, sequenceNumber: sequenceNumber,
        timestamp: .random(in: .min ... .max, using: &generator), ssrc: .random(in: 1...3, using: &generator))
      let payload: [UInt8] = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
        [0x10, 0x90, 0x9D, 0x01, 0x2A, 0x00, .random(in: .min ... .max, using: &generator)].randomElement(
          using: &generator)!
      }
      builder.record(sequenceNumber, now: now)
      if let packet = stream.receive(header, payload: payload.span.bytes, now: now) {
        assembler.insert(packet, now: now)
      }
      stream.handleSenderReport(
        SenderReport(ssrc: 1, ntpTimestamp: .max, rtpTimestamp: .max, packetCount: 0, octetCount: 0), now: now)
      if let deadline = stream.deadline, deadline <= now {
        let bytes = ByteWriter.bytes(capacity: 1472) { stream.writeNACK(senderSSRC: 1, now: now, into: &$0) }
        for case .nack(let nack) in readRTCP(bytes) { #expect(nack.sequenceNumbers.count <= 256) }
      }
      if let deadline = builder.deadline, deadline <= now {
        var more = true
        while more {
          let bytes = ByteWriter.bytes(capacity: 1000) {
            more = builder.writeFeedback(senderSSRC: 1, mediaSSRC: 2, now: now, into: &$0)
          }
          #expect(bytes.isEmpty != more)
        }
      }
      if let deadline = assembler.deadline, deadline <= now { assembler.handleTimeout(now: now) }
      if stream.takeLoss() { assembler.giveUp(now: now) }
      while let frame = assembler.pollFrame() { #expect(!frame.bytes.isEmpty) }
      _ = stream.makeReport(now: now)
    }
  }
}
