import NetSim
import Testing

import RTP
import Wire

/// A sender and a receiver over a link that loses, delays, reorders and doubles, in simulated time.
@Suite struct LossyLinkTests {
  /// What the link does to either direction.
  struct Weather {
    var loss: Double
    var duplication = 0.05
    var delay = Interval.milliseconds(20)
    var jitter = Interval.milliseconds(1)
    /// Calm until then: the loss of the very first packet shows to nobody, and is a keyframe's to heal.
    var begins = Instant.milliseconds(100)
  }

  /// Datagrams on their way, by arrival.
  private struct Link {
    var weather: Weather
    var generator: SeededGenerator
    private var flying: [(at: Instant, bytes: [UInt8])] = []

    init(weather: Weather, seed: UInt64) {
      self.weather = weather
      generator = SeededGenerator(seed: seed)
    }

    mutating func send(_ bytes: [UInt8], now: Instant) {
      guard !bytes.isEmpty else { return }
      if Double.random(in: 0..<1, using: &generator) < weather.loss, now >= weather.begins { return }
      let copies = Double.random(in: 0..<1, using: &generator) < weather.duplication ? 2 : 1
      for _ in 0..<copies {
        let jitter = Int64.random(in: 0...weather.jitter.nanoseconds, using: &generator)
        flying.append((now + weather.delay + .nanoseconds(jitter), bytes))
      }
    }

    mutating func receive(now: Instant) -> [[UInt8]] {
      let arrived = flying.filter { $0.at <= now }.sorted { $0.at < $1.at }
      flying.removeAll { $0.at <= now }
      return arrived.map(\.bytes)
    }
  }

  /// Everything that a run leaves behind.
  private struct Outcome {
    var sent: [PacketisedVideoFrame] = []
    var found: [AssembledVideoFrame] = []
    var sender: OutboundStatistics
    var receiver: InboundStatistics
    var keyframes = 0
    var reportedLost = 0
    var reportedArrived = 0
  }

  private func run(
    _ weather: Weather, retransmission: RTPSendStream.Retransmission, frames: Int, seed: UInt64
  ) throws -> Outcome {
    print("lossy link seed \(seed)")
    let sender = RTPSendStreamTests.video(retransmission, seed: seed)
    let receiver = RTPReceiveStream(.init(ssrc: 100, clock: .video, rtxSSRC: 200, sendsNACK: true))
    var outcome = Outcome(sender: sender.statistics, receiver: receiver.statistics)
    var generator = SeededGenerator(seed: seed)
    var forth = Link(weather: weather, seed: seed &+ 1)
    var back = Link(weather: weather, seed: seed &+ 2)
    var sequencer = TransportSequencer()
    var builder = TransportFeedbackBuilder()
    var assembler = VideoFrameAssembler()
    var requests = KeyframeRequests()
    var result = TransportFeedbackResult()
    requests.request(now: .start)

    for millisecond in 0..<Int64(frames * 33 + 1000) {
      let now = Instant.milliseconds(millisecond)
      let wallClock = WallClock(microseconds: millisecond * 1000)
      if millisecond % 33 == 0, millisecond / 33 < frames {
        let isKeyframe = requests.poll(now: now)
        if isKeyframe { outcome.keyframes += 1 }
        let size = Int.random(in: isKeyframe ? 9000...20_000 : 500...6000, using: &generator)
        let frame = videoFrame(size, isKeyframe: isKeyframe, at: now, using: &generator)
        outcome.sent.append(frame)
        for index in 0..<frame.packetCount {
          let number = sequencer.allocate(now: now)
          let packet = ByteWriter.bytes(capacity: 1472) {
            sender.write(frame, packet: index, transportSequence: number, now: now, into: &$0)
          }
          sequencer.setSize(packet.count, of: number)
          forth.send(packet, now: now)
        }
      }
      if millisecond % 200 == 100 {
        forth.send(
          ByteWriter.bytes(capacity: 1200) {
            sender.writeReport(now: now, wallClock: wallClock, cname: "p", into: &$0)
          }, now: now)
      }

      for datagram in forth.receive(now: now) {
        if RTPPacket.isRTCP(secondByte: datagram[1]) {
          for packet in readRTCP(datagram) {
            if case .senderReport(let report) = packet { receiver.handleSenderReport(report, now: now) }
            if case .extendedReport(let report) = packet {
              receiver.handleExtendedReport(report, senderSSRC: 1, now: now)
            }
          }
          continue
        }
        let packet = try RTPPacket(parsing: datagram.span.bytes)
        let values = HeaderExtensionValues(packet, map: RTPSendStreamTests.extensions())
        if let number = values.transportSequenceNumber { builder.record(number, now: now) }
        if let received = receiver.receive(packet.header, payload: packet.payload, now: now) {
          assembler.insert(received, now: now)
        }
      }
      if let deadline = assembler.deadline, deadline <= now { assembler.handleTimeout(now: now) }
      if receiver.takeLoss() { assembler.giveUp(now: now) }
      while let frame = assembler.pollFrame() { outcome.found.append(frame) }

      if let deadline = receiver.deadline, deadline <= now {
        back.send(ByteWriter.bytes(capacity: 1200) { receiver.writeNACK(senderSSRC: 1, now: now, into: &$0) }, now: now)
      }
      if let deadline = builder.deadline, deadline <= now {
        back.send(
          ByteWriter.bytes(capacity: 1200) {
            _ = builder.writeFeedback(senderSSRC: 1, mediaSSRC: 100, now: now, into: &$0)
          }, now: now)
      }
      if millisecond % 200 == 50, let report = receiver.makeReport(now: now) {
        let reference = receiver.makeReferenceTime(senderSSRC: 1, now: now, wallClock: wallClock)
        back.send(
          print(.receiverReport(ReceiverReport(ssrc: 1, reports: [report]))) + print(.extendedReport(reference)),
          now: now)
        if assembler.needsKeyframe {
          back.send(print(.pictureLossIndication(PictureLossIndication(senderSSRC: 1, mediaSSRC: 100))), now: now)
        }
      }

      for packet in back.receive(now: now).flatMap({ readRTCP($0) }) {
        switch packet {
        case .nack(let nack):
          for wanted in sender.handleNACK(nack.sequenceNumbers, now: now) {
            let number = sender.numbersRetransmissions ? sequencer.allocate(now: now) : nil
            forth.send(sender.retransmission(of: wanted, transportSequence: number, now: now), now: now)
          }
        case .receiverReport(let report):
          for block in report.reports { sender.handleReport(block, now: now) }
        case .extendedReport(let report):
          sender.handleExtendedReport(report, now: now)
        case .pictureLossIndication:
          sender.handlePictureLossIndication()
          requests.request(now: now)
        case .transportFeedback(let feedback):
          sequencer.match(feedback, into: &result)
          outcome.reportedLost += result.packets.count { $0.arrivedAt == nil }
          outcome.reportedArrived += result.packets.count { $0.arrivedAt != nil }
        default:
          Issue.record("unexpected \(packet)")
        }
      }
    }
    outcome.sender = sender.statistics
    outcome.receiver = receiver.statistics
    return outcome
  }

  @Test(arguments: [RTPSendStream.Retransmission.rtx(ssrc: 200, payloadType: 97), .plain], 0..<4 as Range<UInt64>)
  func everyFrameArrivesWholeAtFivePercentLoss(retransmission: RTPSendStream.Retransmission, seed: UInt64) throws {
    try checkThatAllArrives(Weather(loss: 0.05), retransmission, seed, resent: 0.08)
  }

  /// Each packet is late by up to 8 ms of its own, so that a frame's packets arrive in any order: some are asked for in vain.
  @Test(arguments: 10..<14 as Range<UInt64>)
  func everyFrameArrivesWholeUnderReordering(seed: UInt64) throws {
    var weather = Weather(loss: 0.05)
    weather.jitter = .milliseconds(8)
    try checkThatAllArrives(weather, .rtx(ssrc: 200, payloadType: 97), seed, resent: 0.35)
  }

  /// - Parameter resent: what is sent again is at most this part of what was sent.
  private func checkThatAllArrives(
    _ weather: Weather, _ retransmission: RTPSendStream.Retransmission, _ seed: UInt64, resent: Double
  ) throws {
    let outcome = try run(weather, retransmission: retransmission, frames: 200, seed: seed)
    // The tail's last packets have no successor that would show their loss.
    #expect(outcome.found.count >= 198, "seed \(seed)")
    #expect(outcome.found.map(\.bytes) == outcome.sent.prefix(outcome.found.count).map(\.bytes), "seed \(seed)")
    #expect(outcome.keyframes == 1)
    #expect(outcome.sender.retransmittedPacketsSent > 0)
    let originals = Double(outcome.sender.packetsSent - outcome.sender.retransmittedPacketsSent)
    #expect(Double(outcome.sender.retransmittedPacketsSent) < originals * resent, "seed \(seed)")
    let roundTrip = try #require(outcome.sender.roundTripTime)
    #expect((.milliseconds(40)...Interval.milliseconds(58)).contains(roundTrip))
  }

  @Test func withoutLossNothingIsSentAgain() throws {
    var weather = Weather(loss: 0)
    weather.jitter = .zero
    weather.duplication = 0
    let outcome = try run(weather, retransmission: .rtx(ssrc: 200, payloadType: 97), frames: 100, seed: 1)
    #expect(outcome.found.map(\.bytes) == outcome.sent.map(\.bytes))
    #expect(outcome.sender.nackCount == 0 && outcome.sender.retransmittedPacketsSent == 0)
    #expect(outcome.receiver.packetsReceived == outcome.sender.packetsSent)
    #expect(outcome.sender.remotePacketsLost == 0 && outcome.sender.remoteFractionLost == 0)
    #expect(outcome.reportedLost == 0 && outcome.reportedArrived == Int(outcome.sender.packetsSent))
  }

  @Test func withoutRetransmissionAKeyframeHealsTheLoss() throws {
    let outcome = try run(Weather(loss: 0.01), retransmission: .none, frames: 300, seed: 3)
    #expect(outcome.keyframes > 1)
    #expect(outcome.sender.pliCount > 0)
    // What comes out is a part of what went in, in order, and each run of frames begins with a keyframe.
    var position = 0
    var last = -1
    for frame in outcome.found {
      while position < outcome.sent.count, outcome.sent[position].bytes != frame.bytes { position += 1 }
      #expect(position < outcome.sent.count)
      if position != last + 1 { #expect(frame.isKeyframe) }
      last = position
    }
    #expect(outcome.found.count > 50)
  }
}
