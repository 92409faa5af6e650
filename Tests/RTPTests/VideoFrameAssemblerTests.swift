import NetSim
import Testing

import RTP
import Wire

@Suite struct VideoFrameAssemblerTests {
  private var generator = SeededGenerator(seed: 5)

  private struct Packet {
    var sequenceNumber: Int64
    var seen: Seen
  }

  private mutating func frames(_ count: Int, keyframes: Set<Int> = [0], size: ClosedRange<Int> = 30...6000)
    -> [PacketisedVideoFrame]
  {
    (0..<count).map { index in
      let bytes = Int.random(in: size, using: &generator)
      return videoFrame(
        bytes, isKeyframe: keyframes.contains(index), at: .milliseconds(Int64(index) * 33), using: &generator)
    }
  }

  private func packets(of frames: [PacketisedVideoFrame]) throws -> [Packet] {
    let stream = RTPSendStreamTests.video()
    return try frames.flatMap { stream.packets(of: $0) }.enumerated().map {
      Packet(sequenceNumber: Int64($0.offset) + 70_000, seen: try Seen($0.element))
    }
  }

  private func insert(_ packet: Packet, into assembler: inout VideoFrameAssembler, now: Instant)
    -> [AssembledVideoFrame]
  {
    let received = ReceivedPacket(
      sequenceNumber: packet.sequenceNumber, timestamp: packet.seen.header.timestamp, marker: packet.seen.header.marker,
      payload: packet.seen.payload.span.bytes)
    assembler.insert(received, now: now)
    return drain(&assembler)
  }

  private func drain(_ assembler: inout VideoFrameAssembler) -> [AssembledVideoFrame] {
    var frames: [AssembledVideoFrame] = []
    while let frame = assembler.pollFrame() { frames.append(frame) }
    return frames
  }

  /// depacketise(packetise(x)) == x, with packets up to 40 places from their own and every fifth of them twice.
  @Test(arguments: 0..<30)
  func findsTheFramesAgainUnderReorderingAndDuplication(seed: UInt64) throws {
    var copy = self
    copy.generator = SeededGenerator(seed: seed)
    let frames = copy.frames(60, keyframes: [0, 20, 45])
    var random = SeededGenerator(seed: seed &+ 1000)
    var arriving = try packets(of: frames).flatMap { packet in
      Array(repeating: packet, count: Int.random(in: 0..<5, using: &random) == 0 ? 2 : 1)
    }
    let reach = Int.random(in: 0...40, using: &random)
    let places = arriving.indices.map { $0 + Int.random(in: 0...reach, using: &random) }
    arriving = arriving.indices.sorted { (places[$0], $0) < (places[$1], $1) }.map { arriving[$0] }
    var assembler = VideoFrameAssembler()
    let found = arriving.flatMap { insert($0, into: &assembler, now: .start) }
    #expect(found.map(\.bytes) == frames.map(\.bytes), "seed \(seed)")
    #expect(found.map(\.isKeyframe) == frames.map(\.isKeyframe))
    #expect(found[0].width == 640 && found[0].height == 480 && found[1].width == 0)
    #expect(assembler.deadline == nil && assembler.framesDropped == 0)
    let stamps = zip(found, found.dropFirst()).map { $1.timestamp &- $0.timestamp }
    #expect(stamps.allSatisfy { $0 == 2970 })
  }

  @Test mutating func nothingComesOutBeforeTheFirstKeyframe() throws {
    let frames = frames(10, keyframes: [4])
    var assembler = VideoFrameAssembler()
    let found = try packets(of: frames).flatMap { insert($0, into: &assembler, now: .start) }
    #expect(found.map(\.bytes) == frames[4...].map(\.bytes))
  }

  @Test mutating func aLostPacketIsWaitedForAndThenGivenUpForAKeyframe() throws {
    let frames = frames(30, keyframes: [0, 20], size: 3000...4000)
    let all = try packets(of: frames)
    let lost = all.firstIndex { $0.seen.header.timestamp == all[0].seen.header.timestamp &+ 10 * 2970 }!
    var assembler = VideoFrameAssembler()
    var found: [AssembledVideoFrame] = []
    for (index, packet) in all.enumerated() where index != lost {
      found += insert(packet, into: &assembler, now: .start)
    }
    #expect(found.map(\.bytes) == frames[..<10].map(\.bytes))
    #expect(assembler.deadline == .start + VideoFrameAssembler.maximumWait)
    assembler.handleTimeout(now: .milliseconds(499))
    #expect(drain(&assembler).isEmpty)
    assembler.handleTimeout(now: .milliseconds(500))
    #expect(drain(&assembler).map(\.bytes) == frames[20...].map(\.bytes))
    #expect(assembler.deadline == nil && !assembler.needsKeyframe)
    // What was given up comes after all: too late.
    #expect(insert(all[lost], into: &assembler, now: .start).isEmpty)
  }

  @Test mutating func withoutAKeyframeItSaysThatItNeedsOne() throws {
    let frames = frames(10, size: 3000...4000)
    var all = try packets(of: frames)
    all.remove(at: 7)
    var assembler = VideoFrameAssembler()
    for packet in all { _ = insert(packet, into: &assembler, now: .start) }
    #expect(!assembler.needsKeyframe)
    assembler.giveUp(now: .start)
    #expect(assembler.needsKeyframe && assembler.deadline == nil)
    #expect(drain(&assembler).isEmpty)
  }

  @Test mutating func aGapWiderThanItsWindowIsGivenUpAtOnce() throws {
    let frames = frames(400, keyframes: [0, 390], size: 3000...4000)
    let all = try packets(of: frames)
    let lost = all.firstIndex { $0.seen.header.timestamp == all[0].seen.header.timestamp &+ 10 * 2970 }!
    var assembler = VideoFrameAssembler()
    var found: [AssembledVideoFrame] = []
    for (index, packet) in all.enumerated() where index != lost {
      found += insert(packet, into: &assembler, now: .start)
    }
    #expect(found.map(\.bytes) == (frames[..<10] + frames[390...]).map(\.bytes))
  }

  @Test mutating func boundsWhatNobodyPolls() throws {
    var assembler = VideoFrameAssembler()
    for packet in try packets(of: frames(40, size: 30...100)) {
      assembler.insert(
        ReceivedPacket(
          sequenceNumber: packet.sequenceNumber, timestamp: packet.seen.header.timestamp,
          marker: packet.seen.header.marker, payload: packet.seen.payload.span.bytes), now: .start)
    }
    #expect(assembler.needsKeyframe)
    #expect(drain(&assembler).isEmpty)
    #expect(assembler.framesDropped == 17)
  }

  @Test mutating func survivesBrokenPackets() throws {
    let all = try packets(of: frames(40, keyframes: [0, 5, 10, 15, 20, 25, 30, 35], size: 30...3000))
    for seed in 0..<40 as Range<UInt64> {
      var random = SeededGenerator(seed: seed)
      print("assembler seed \(seed)")
      var assembler = VideoFrameAssembler()
      for packet in all {
        var packet = packet
        if Int.random(in: 0..<4, using: &random) == 0 {
          for _ in 0..<4 {
            let index = Int.random(in: 0..<min(packet.seen.payload.count, 12), using: &random)
            packet.seen.payload[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
          }
          packet.seen.payload.removeLast(Int.random(in: 0...packet.seen.payload.count, using: &random))
          packet.seen.header.marker.toggle()
          packet.sequenceNumber += Int64.random(in: -600...600, using: &random)
        }
        _ = insert(packet, into: &assembler, now: .start)
        if let deadline = assembler.deadline, Int.random(in: 0..<20, using: &random) == 0 {
          assembler.handleTimeout(now: deadline)
        }
      }
    }
  }
}
