import NetSim
import Testing

import RTP
import Wire

@Suite struct TransportFeedbackTests {
  private static func read(_ bytes: [UInt8]) -> TransportFeedback? {
    guard case .transportFeedback(let feedback) = readRTCP(bytes).first else { return nil }
    return feedback
  }

  @Test func readsRunsAndBothVectors() throws {
    let bytes: [UInt8] = [
      0xAF, 205, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2,
      0x00, 0x10, 0x00, 0x1A, 0x00, 0x00, 0x02, 0x05,  // from 16 on 26 packets, reference 2, feedback 5
      0x20, 0x03,  // a run of 3 with small deltas
      0x00, 0x02,  // a run of 2 lost
      0xA0, 0x04,  // one bit each: packets 22 and 32 + 1 of 14 (bits 13 and 2)
      0xE4, 0x00,  // two bits each: large, small, and five lost
      1, 2, 3, 4, 5, 0xFF, 0xFE, 7, 0, 0, 0, 4,  // deltas, and padding of 4
    ]
    let feedback = try #require(Self.read(bytes))
    #expect(feedback.baseSequenceNumber == 16)
    #expect(feedback.statusCount == 26)
    #expect(feedback.referenceTime == 2)
    #expect(feedback.feedbackCount == 5)
    #expect(feedback.arrivals.map(\.sequenceNumber) == [16, 17, 18, 21, 32, 35, 36])
    #expect(feedback.arrivals.map(\.ticks) == [1, 3, 6, 10, 15, 13, 20])
  }

  @Test func refusesReservedSymbolsAndDeltasThatAreNotThere() {
    let head: [UInt8] = [0x8F, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1]
    let reserved = head + [0, 1, 0, 0, 0, 0, 0x60, 0x01, 0, 0]
    #expect(readRTCP(reserved.span.bytes).malformed == 1)
    let thousands = head + [0x1F, 0xFF, 0, 0, 0, 0, 0x3F, 0xFF, 0, 0]
    #expect(readRTCP(thousands.span.bytes).malformed == 1)
  }

  @Test func aClaimOfThousandsLostTakesNoMemory() throws {
    let bytes: [UInt8] = [
      0x8F, 205, 0, 8, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0xFF, 0xFF, 0, 0, 0, 0,
      0x1F, 0xFF, 0x1F, 0xFF, 0x1F, 0xFF, 0x1F, 0xFF, 0x1F, 0xFF, 0x1F, 0xFF, 0x1F, 0xFF, 0x1F, 0xFF,
    ]
    let short = readRTCP(bytes.span.bytes)
    #expect(short.malformed == 1)  // eight runs of 8,191 are seven short of 65,535
    let full = Array(bytes[..<3]) + [9] + Array(bytes[4...]) + [0x00, 0x07, 0, 0]
    let feedback = try #require(Self.read(full))
    #expect(feedback.arrivals.isEmpty)
    #expect(feedback.statusCount == .max)
  }

  /// What the builder records, a parser reads back, for any pattern of arrival.
  @Test(arguments: 0..<60)
  func builderAndParserAgreeOnAnyPattern(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var builder = TransportFeedbackBuilder()
    var expected: [UInt16: Int64] = [:]  // sequence number → absolute tick
    var reported: [UInt16: Int64] = [:]
    var now = Instant.start
    var sequenceNumber = UInt16.random(in: .min ... .max, using: &generator)
    let loss = Int.random(in: 0...60, using: &generator)
    let spread = Int64.random(in: 1...60_000, using: &generator)
    var counts: [UInt8] = []
    for round in 0..<20 {
      for _ in 0..<Int.random(in: 1...150, using: &generator) {
        now = now + .microseconds(.random(in: 0...spread, using: &generator))
        var arriving = sequenceNumber
        // Now and then an older one, perhaps for the second time.
        if Int.random(in: 0..<20, using: &generator) == 0 { arriving &-= UInt16.random(in: 1...30, using: &generator) }
        if arriving == sequenceNumber { sequenceNumber &+= 1 }
        if Int.random(in: 0..<100, using: &generator) < loss { continue }
        builder.record(arriving, now: now)
        if expected[arriving] == nil { expected[arriving] = now.nanoseconds / 250_000 }
      }
      if round == 10 { now = now + .seconds(20) }  // a pause that no delta can bridge
      var more = true
      while more {
        let bytes = ByteWriter.bytes(capacity: 1200) {
          more = builder.writeFeedback(senderSSRC: 1, mediaSSRC: 2, now: now, into: &$0)
        }
        guard more else { break }
        let feedback = try #require(Self.read(bytes), "seed \(seed)")
        counts.append(feedback.feedbackCount)
        for arrival in feedback.arrivals {
          reported[arrival.sequenceNumber] = Int64(feedback.referenceTime) * 256 + Int64(arrival.ticks)
        }
        #expect(readRTCP(print(.transportFeedback(feedback))) == [.transportFeedback(feedback)])
      }
      #expect(builder.deadline == nil)
    }
    // A packet older than the very first one recorded is still within the window, so nothing is exempt.
    #expect(reported == expected, "seed \(seed)")
    #expect(counts == counts.indices.map { UInt8(truncatingIfNeeded: $0) })
  }

  @Test func theSequencerLearnsWhatArrivedAndWhen() throws {
    var sequencer = TransportSequencer(first: 65_500)
    var builder = TransportFeedbackBuilder()
    var lost: Set<UInt16> = []
    for index in 0..<100 {
      let now = Instant.milliseconds(Int64(index))
      let sequenceNumber = sequencer.allocate(now: now)
      sequencer.setSize(1000, of: sequenceNumber)
      if index % 10 == 3 {
        lost.insert(sequenceNumber)
      } else {
        builder.record(sequenceNumber, now: now + .seconds(77))
      }
    }
    let bytes = ByteWriter.bytes(capacity: 1200) {
      _ = builder.writeFeedback(senderSSRC: 1, mediaSSRC: 2, now: .milliseconds(100), into: &$0)
    }
    let feedback = try #require(Self.read(bytes))
    var result = TransportFeedbackResult()
    sequencer.match(feedback, into: &result)
    #expect(result.packets.count == 100)
    #expect(Set(result.packets.filter { $0.arrivedAt == nil }.map(\.sequenceNumber)) == lost)
    #expect(result.lossFraction == 0.1)
    let rate = try #require(result.receivedBitrate)
    #expect(rate == 89.0 * 8000 / 0.099)
    let arrived = result.packets.compactMap { packet in packet.arrivedAt.map { ($0, packet.sentAt) } }
    let skews = Set(arrived.map { $0.0.nanoseconds - $0.1.nanoseconds })
    #expect(skews == [Interval.seconds(77).nanoseconds])

    // The same again tells nothing new, but a late packet does.
    sequencer.match(feedback, into: &result)
    #expect(result.packets.isEmpty)
    #expect(result.lossFraction == nil)
    builder.record(65_503, now: .milliseconds(300))
    let again = ByteWriter.bytes(capacity: 1200) {
      _ = builder.writeFeedback(senderSSRC: 1, mediaSSRC: 2, now: .milliseconds(300), into: &$0)
    }
    sequencer.match(try #require(Self.read(again)), into: &result)
    #expect(result.packets.map(\.sequenceNumber) == [65_503])
    #expect(result.lossFraction == 0)
  }

  @Test func feedbackOnPacketsNeverSentTellsNothing() {
    var sequencer = TransportSequencer(first: 10)
    _ = sequencer.allocate(now: .start)
    var result = TransportFeedbackResult()
    for base in stride(from: 0, through: 65_000, by: 500) {
      let feedback = TransportFeedback(
        senderSSRC: 1, mediaSSRC: 2, baseSequenceNumber: UInt16(base), statusCount: .max, referenceTime: 0x7F_FFFF,
        feedbackCount: 0, arrivals: [])
      sequencer.match(feedback, into: &result)
      #expect(result.packets.count == (base == 0 ? 1 : 0))
    }
  }

  @Test func arrivalTimesGoOnOverTheWrapOfTheReferenceTime() throws {
    var sequencer = TransportSequencer()
    var result = TransportFeedbackResult()
    var times: [Interval] = []
    for reference: Int32 in [0x7F_FFFE, 0x7F_FFFF, -0x80_0000, -0x7F_FFFF] {
      let sequenceNumber = sequencer.allocate(now: .start)
      sequencer.match(
        TransportFeedback(
          senderSSRC: 1, mediaSSRC: 2, baseSequenceNumber: sequenceNumber, statusCount: 1, referenceTime: reference,
          feedbackCount: 0, arrivals: [.init(sequenceNumber: sequenceNumber, ticks: 0)]), into: &result)
      times.append(try #require(result.packets.first?.arrivedAt))
    }
    #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 == .milliseconds(64) })
  }

  @Test func feedbackIsDueSoonAfterTheFirstArrivalAndNotWithoutOne() {
    var builder = TransportFeedbackBuilder()
    #expect(builder.deadline == nil)
    builder.record(5, now: .start)
    builder.record(6, now: .milliseconds(10))
    #expect(builder.deadline == .start + TransportFeedbackBuilder.interval)
  }
}
