import NetSim
import Testing

import RTP
import Wire

@Suite struct ReportsTests {
  private var generator = SeededGenerator(seed: 3)
  private let noon = WallClock(microseconds: 1_800_000_000_000_000)

  private func wall(_ now: Instant) -> WallClock {
    WallClock(microseconds: noon.microseconds + (now - .start).microseconds)
  }

  @Test mutating func aSenderReportExtrapolatesTheMediaClock() throws {
    let stream = RTPSendStreamTests.video()
    let frame = videoFrame(3000, isKeyframe: true, at: .milliseconds(100), using: &generator)
    let payload = try stream.packets(of: frame, now: .milliseconds(110)).map { try Seen($0).payload.count }.reduce(0, +)
    let bytes = ByteWriter.bytes(capacity: 1200) {
      stream.writeReport(now: .milliseconds(600), wallClock: wall(.milliseconds(600)), cname: "perch", into: &$0)
    }
    #expect(
      readRTCP(bytes) == [
        .senderReport(
          SenderReport(
            ssrc: 100, ntpTimestamp: wall(.milliseconds(600)).ntpTimestamp,
            rtpTimestamp: frame.timestamp &+ stream.rtpTimestampOffset &+ 45_000, packetCount: 3,
            octetCount: UInt32(payload))),
        .sourceDescription(SourceDescription(chunks: [.init(ssrc: 100, cname: "perch")])),
      ])
  }

  @Test func thereIsNoReportBeforeTheFirstPacket() {
    let stream = RTPSendStreamTests.video()
    #expect(
      ByteWriter.bytes(capacity: 1200) { stream.writeReport(now: .start, wallClock: noon, cname: "", into: &$0) }
        .isEmpty)
    let bytes = ByteWriter.bytes(capacity: 1200) {
      stream.writeGoodbye(now: .start, wallClock: noon, cname: "p", into: &$0)
    }
    #expect(
      readRTCP(bytes) == [
        .receiverReport(ReceiverReport(ssrc: 100, reports: [])),
        .sourceDescription(SourceDescription(chunks: [.init(ssrc: 100, cname: "p")])),
        .goodbye(Goodbye(sources: [100, 200])),
      ])
  }

  /// RFC 3550 §6.4.1's arithmetic, over both directions, with a wall clock that jumps in between.
  @Test mutating func reportsMeasureTheRoundTrip() throws {
    let sender = RTPSendStreamTests.video()
    let receiver = RTPReceiveStream(.init(ssrc: 100, clock: .video))
    let packet = sender.packets(of: videoFrame(100, isKeyframe: true, using: &generator))[0]
    let parsed = try RTPPacket(parsing: packet.span.bytes)
    _ = receiver.receive(parsed.header, payload: parsed.payload, now: .milliseconds(15))
    let bytes = ByteWriter.bytes(capacity: 1200) {
      sender.writeReport(now: .milliseconds(100), wallClock: wall(.milliseconds(100)), cname: "p", into: &$0)
    }
    guard case .senderReport(let report) = readRTCP(bytes).first else {
      Issue.record("no sender report")
      return
    }
    receiver.handleSenderReport(report, now: .milliseconds(115))
    let answer = try #require(receiver.makeReport(now: .milliseconds(1115)))
    #expect(answer.delaySinceLastSenderReport == 65_536)
    sender.handleReport(answer, now: .milliseconds(1137))  // 37 ms for both ways
    let roundTrip = try #require(sender.roundTripTime)
    #expect((roundTrip - .milliseconds(37)).nanoseconds.magnitude < 31_000)
    #expect(sender.statistics.roundTripTimeMeasurements == 1)
    #expect(sender.statistics.totalRoundTripTime == roundTrip)

    var lie = answer
    lie.delaySinceLastSenderReport = .max
    sender.handleReport(lie, now: .milliseconds(2000))
    lie.lastSenderReport = 5
    sender.handleReport(lie, now: .milliseconds(2000))
    lie.ssrc = 1
    sender.handleReport(lie, now: .milliseconds(2000))
    #expect(sender.roundTripTime == roundTrip)
  }

  @Test mutating func aReceiverThatSendsNothingLearnsTheRoundTripToo() throws {
    let sender = RTPSendStreamTests.video()
    let receiver = RTPReceiveStream(.init(ssrc: 100, clock: .video))
    _ = sender.packets(of: videoFrame(100, isKeyframe: true, using: &generator))
    let question = receiver.makeReferenceTime(senderSSRC: 1, now: .milliseconds(0), wallClock: noon)
    sender.handleExtendedReport(question, now: .milliseconds(10))
    let bytes = ByteWriter.bytes(capacity: 1200) {
      sender.writeReport(now: .milliseconds(510), wallClock: noon, cname: "p", into: &$0)
    }
    guard case .extendedReport(let answer) = readRTCP(bytes).last else {
      Issue.record("no answer")
      return
    }
    #expect(answer.delays.map(\.delay) == [32_768])
    receiver.handleExtendedReport(answer, senderSSRC: 2, now: .milliseconds(525))
    #expect(receiver.roundTripTime == nil)  // somebody else's
    receiver.handleExtendedReport(answer, senderSSRC: 1, now: .milliseconds(525))
    let roundTrip = try #require(receiver.roundTripTime)
    #expect((roundTrip - .milliseconds(25)).nanoseconds.magnitude < 31_000)
    // Asked once, answered once.
    let next = ByteWriter.bytes(capacity: 1200) {
      sender.writeReport(now: .milliseconds(900), wallClock: noon, cname: "p", into: &$0)
    }
    #expect(readRTCP(next).count == 2)
  }

  @Test mutating func theViewersReportShowsInTheStatistics() {
    let sender = RTPSendStreamTests.video()
    sender.handleReport(
      ReportBlock(
        ssrc: 100, fractionLost: 64, cumulativeLost: 12, highestSequenceNumber: 0, jitter: 900, lastSenderReport: 0,
        delaySinceLastSenderReport: 0), now: .start)
    #expect(sender.statistics.remoteFractionLost == 0.25)
    #expect(sender.statistics.remotePacketsLost == 12)
    #expect(sender.statistics.remoteJitter == 0.01)
    #expect(sender.roundTripTime == nil)
  }
}

@Suite struct ReceptionTests {
  private let payload: [UInt8] = [1, 2, 3]

  private func header(_ sequenceNumber: UInt16, timestamp: UInt32 = 0) -> RTPHeader {
    RTPHeader(marker: false, payloadType: 96, sequenceNumber: sequenceNumber, timestamp: timestamp, ssrc: 1)
  }

  /// Unwrapped sequence numbers of what is accepted.
  private func receive(_ stream: RTPReceiveStream, _ numbers: [UInt16], now: Instant = .start) -> [Int64?] {
    numbers.map { number in
      let received = stream.receive(header(number), payload: payload.span.bytes, now: now)
      if let received { return received.sequenceNumber } else { return nil }
    }
  }

  @Test func countsLossesOverTheWrap() throws {
    let stream = RTPReceiveStream(.init(ssrc: 1, clock: .video))
    #expect(receive(stream, [65_533, 65_535, 0, 2, 1]) == [65_533, 65_535, 65_536, 65_538, 65_537])
    var report = try #require(stream.makeReport(now: .start))
    #expect(report.highestSequenceNumber == 0x1_0002)
    #expect(report.cumulativeLost == 1)
    #expect(report.fractionLost == UInt8(256 / 6))
    _ = receive(stream, [3, 4, 5, 6])
    report = try #require(stream.makeReport(now: .start))
    #expect(report.fractionLost == 0 && report.cumulativeLost == 1)
    _ = receive(stream, [6, 6, 6])
    report = try #require(stream.makeReport(now: .start))
    #expect(report.fractionLost == 0 && report.cumulativeLost == -2)
    _ = receive(stream, [16])
    report = try #require(stream.makeReport(now: .start))
    #expect(report.fractionLost == UInt8(9 * 256 / 10) && report.cumulativeLost == 7)
  }

  @Test func aJumpNeedsASecondWitness() {
    let stream = RTPReceiveStream(.init(ssrc: 1, clock: .video))
    #expect(receive(stream, [10, 20_000, 11, 12]) == [10, nil, 11, 12])
    #expect(receive(stream, [30_000, 30_001, 30_002]) == [nil, 30_001, 30_002])
    // Backwards: the numbers go on growing.
    #expect(receive(stream, [5, 6, 7]) == [nil, 65_542, 65_543])
  }

  /// RFC 3550 A.8 by hand: packets 20 ms apart that arrive 30 ms apart: D = 10 ms = 900 ticks.
  @Test func jitterFollowsTheRFC() throws {
    let stream = RTPReceiveStream(.init(ssrc: 1, clock: .video))
    var expected = 0.0
    for index in 0..<50 {
      _ = stream.receive(
        header(UInt16(index), timestamp: .max - 5000 &+ UInt32(index) &* 1800), payload: payload.span.bytes,
        now: .milliseconds(Int64(index) * 30))
      if index > 0 { expected += (900 - expected) / 16 }
    }
    let report = try #require(stream.makeReport(now: .start))
    #expect(abs(Double(report.jitter) - expected) < 2)
    #expect(abs(stream.statistics.jitter - Double(report.jitter) / 90_000) < 1e-9)
  }

  @Test func asksForWhatMissesAndStopsWhenItComes() {
    let stream = RTPReceiveStream(.init(ssrc: 1, clock: .video, rtxSSRC: 2, sendsNACK: true))
    stream.roundTripTime = .milliseconds(20)
    #expect(stream.deadline == nil)
    _ = receive(stream, [65_534, 1, 4])
    let asked = { (now: Instant) -> [UInt16] in
      let bytes = ByteWriter.bytes(capacity: 1200) { stream.writeNACK(senderSSRC: 9, now: now, into: &$0) }
      guard case .nack(let nack) = readRTCP(bytes).first else { return [] }
      return nack.sequenceNumbers
    }
    #expect(asked(.milliseconds(1)) == [])
    #expect(stream.deadline == .milliseconds(2))
    #expect(asked(.milliseconds(2)) == [65_535, 0, 2, 3])
    #expect(asked(.milliseconds(21)) == [])
    let unwrapped = [0, 2].map { number -> Int64? in
      let rtx = RTPHeader(marker: true, payloadType: 97, sequenceNumber: 500, timestamp: 3, ssrc: 2)
      let bytes: [UInt8] = [0, UInt8(number), 7, 7]
      guard let packet = stream.receive(rtx, payload: bytes.span.bytes, now: .milliseconds(21)) else { return nil }
      let payload = packet.payload.copied()
      #expect(payload == [7, 7])
      return packet.sequenceNumber
    }
    #expect(unwrapped == [65_536, 65_538])
    _ = receive(stream, [3], now: .milliseconds(21))
    #expect(asked(.milliseconds(22)) == [65_535])
    _ = receive(stream, [65_535], now: .milliseconds(30))
    #expect(stream.deadline == nil)
    #expect(!stream.takeLoss())
    #expect(stream.statistics.nackCount == 2)
    #expect(stream.statistics.retransmittedPacketsReceived == 2)
  }

  @Test func givesUpInTheEndAndOnTooMuchAtOnce() {
    let stream = RTPReceiveStream(.init(ssrc: 1, clock: .video, sendsNACK: true))
    stream.roundTripTime = .milliseconds(20)
    _ = receive(stream, [1, 3])
    var requests = 0
    var steps = 0
    while let deadline = stream.deadline, steps < 1000 {
      steps += 1
      _ = ByteWriter.bytes(capacity: 1200) {
        if stream.writeNACK(senderSSRC: 9, now: deadline, into: &$0) { requests += 1 }
      }
    }
    #expect(requests == 10)
    #expect(stream.takeLoss())
    #expect(!stream.takeLoss())
    _ = receive(stream, [1000])
    #expect(stream.deadline == nil && stream.takeLoss())
  }

  @Test func ignoresProbesAndRetransmissionsThatNobodyAskedFor() {
    let stream = RTPReceiveStream(.init(ssrc: 1, clock: .video, rtxSSRC: 2, sendsNACK: true))
    let rtx = RTPHeader(marker: true, payloadType: 97, sequenceNumber: 500, timestamp: 3, ssrc: 2)
    let takes = { (bytes: [UInt8]) in
      if stream.receive(rtx, payload: bytes.span.bytes, now: .start) != nil { true } else { false }
    }
    #expect(!takes([0, 5, 1]))
    _ = receive(stream, [5, 6])
    #expect(!takes([]) && !takes([0]) && !takes([0, 5]) && !takes([0, 7, 1]))
    #expect(takes([0, 5, 1]))
    let stranger = RTPHeader(marker: true, payloadType: 97, sequenceNumber: 500, timestamp: 3, ssrc: 3)
    let isTaken = stream.receive(stranger, payload: payload.span.bytes, now: .start) != nil
    #expect(!isTaken)
  }
}
