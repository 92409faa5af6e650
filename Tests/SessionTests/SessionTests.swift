import DataChannel
import Foundation
import NetSim
import RTP
import SDP
import Testing
import Wire

@testable import Session

@Suite struct SessionTests {
  @Test func connectsOverAPerfectLinkInAFewRoundTrips() throws {
    let call = try SimulatedCall(seed: 1, conditions: LinkConditions(delay: .milliseconds(10)))
    let start = call.now
    #expect(call.run(for: .seconds(5)) { call.areConnected })
    // A check and its answer, the viewer's nomination, and DTLS's two and a half round trips, of 10 ms each.
    #expect(call.now - start < .milliseconds(120))
  }

  @Test func framesArriveWholeInOrderAndWithSound() throws {
    let call = try SimulatedCall(seed: 2, conditions: LinkConditions(delay: .milliseconds(5)))
    call.frameRate = 30
    call.run(for: .seconds(5))
    #expect(call.frames.count > 140)
    let first = try #require(call.frames.first)
    #expect(first.isKeyframe)
    let start = try #require(call.sent.firstIndex(of: first.bytes))
    #expect(call.frames.map(\.bytes) == Array(call.sent[start..<(start + call.frames.count)]))
    #expect(call.audio.count >= call.frames.count)
  }

  @Test(arguments: UInt64(10)..<30)
  func connectsAndRecoversLostPacketsOnABadLink(seed: UInt64) throws {
    let conditions = LinkConditions(
      delay: .milliseconds(20), jitter: .milliseconds(5), loss: 0.05, duplication: 0.02, reordering: 0.02,
      reorderingDelay: .milliseconds(8))
    let call = try SimulatedCall(seed: seed, conditions: conditions)
    #expect(call.run(for: .seconds(20)) { call.areConnected }, "seed \(seed)")
    call.frameRate = 30
    call.run(for: .seconds(10))
    // Retransmission heals 5 % loss: all but the last frames of ten seconds arrive.
    #expect(call.frames.count > 290, "seed \(seed): \(call.frames.count) frames")
    #expect(call.frames.allSatisfy { call.sent.contains($0.bytes) }, "seed \(seed)")
    let repeated = call.board.statistics().video?.retransmittedPacketsSent ?? 0
    #expect(repeated > 0, "seed \(seed)")
  }

  @Test func nothingIsEverLargerThanTheSmallestLinkThatIPv6Allows() throws {
    // RFC 8200 §5: 1,280 bytes, IP and UDP headers included; a handshake, a keyframe and a large message all go through.
    let call = try SimulatedCall(seed: 77, conditions: LinkConditions(delay: .milliseconds(5), mtu: 1280))
    #expect(call.run(for: .seconds(5)) { call.areConnected })
    call.frameRate = 30
    let channel = try call.openChannel("control")
    call.run(for: .seconds(1))
    let large = (0..<262_144).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    try call.send(large, from: call.viewer, on: channel)
    #expect(call.run(for: .seconds(20)) { !call.messages(of: call.boardEvents).isEmpty })
    #expect(call.messages(of: call.boardEvents) == [large])
    #expect(call.frames.count > 20)
    #expect(call.network.counts.tooLarge == 0)
  }

  @Test func aViewerThatHearsNothingForASecondGetsAKeyframeAgain() throws {
    let call = try SimulatedCall(seed: 3, conditions: LinkConditions(delay: .milliseconds(5)))
    call.frameRate = 30
    call.run(for: .seconds(2))
    let before = call.frames.count
    call.network.setUplink(of: SimulatedCall.boardAddress.address, .down)
    call.run(for: .seconds(2))
    call.network.setUplink(of: SimulatedCall.boardAddress.address, LinkConditions(delay: .milliseconds(5)))
    call.run(for: .seconds(4))
    let after = call.frames[before...]
    #expect(after.count > 60)
    #expect(after.contains { $0.isKeyframe })
  }

  @Test(arguments: [0.0, 0.2])
  func channelsCarryMessagesBothWaysInOrder(loss: Double) throws {
    let call = try SimulatedCall(seed: 40, conditions: LinkConditions(delay: .milliseconds(10), loss: loss))
    #expect(call.run(for: .seconds(20)) { call.areConnected })
    let channel = try call.openChannel("control")
    #expect(
      call.run(for: .seconds(20)) { call.boardEvents.contains { if case .channelOpened = $0 { true } else { false } } })
    let messages = (0..<50).map { [UInt8](repeating: UInt8($0), count: $0 * 400) }
    for message in messages {
      try call.send(message, from: call.viewer, on: channel)
      try call.send(message, from: call.board, on: channel)
    }
    #expect(
      call.run(for: .seconds(60)) {
        call.messages(of: call.boardEvents).count == 50 && call.messages(of: call.viewerEvents).count == 50
      })
    #expect(call.messages(of: call.boardEvents) == messages)
    #expect(call.messages(of: call.viewerEvents) == messages)
  }

  @Test func closingTellsThePeerAtOnce() throws {
    let call = try SimulatedCall(seed: 5, conditions: LinkConditions(delay: .milliseconds(10)))
    call.run(for: .seconds(3)) { call.areConnected }
    call.close(call.board)
    call.run(for: .milliseconds(50))
    #expect(SimulatedCall.closure(in: call.boardEvents) == .byUs)
    #expect(SimulatedCall.closure(in: call.viewerEvents) == .byPeer)
    #expect(call.board.deadline == nil)
    #expect(call.viewer.deadline == nil)
  }

  @Test func aClosedTelemetryChannelLeavesTheMediaAlone() throws {
    let call = try SimulatedCall(seed: 55, conditions: LinkConditions(delay: .milliseconds(5)))
    call.frameRate = 30
    call.run(for: .seconds(2)) { call.areConnected }
    let channel = try call.openChannel("telemetry")
    call.run(for: .seconds(1))
    call.closeChannel(channel)
    let before = call.frames.count
    call.run(for: .seconds(2))
    #expect(call.frames.count - before > 55)
    #expect(call.boardEvents.contains { if case .channelClosed = $0 { true } else { false } })
  }

  @Test func aPeerWithAnotherCertificateIsRefusedAndTheReasonSaysSo() throws {
    let call = try SimulatedCall(seed: 6) { answer in
      // Another first byte of the fingerprint.
      let start = answer.range(of: "a=fingerprint:sha-256 ")!.upperBound
      let end = answer.index(start, offsetBy: 2)
      return answer.replacingOccurrences(
        of: "sha-256 \(answer[start..<end])", with: answer[start..<end] == "00" ? "sha-256 01" : "sha-256 00")
    }
    call.run(for: .seconds(10)) { call.viewer.isClosed }
    guard case .notSecure(let reason) = SimulatedCall.closure(in: call.viewerEvents) else {
      Issue.record("closed by \(String(describing: SimulatedCall.closure(in: call.viewerEvents)))")
      return
    }
    #expect(reason.contains("is not one that the SDP announced"))
    #expect(!call.board.isConnected)
  }

  @Test func withoutAnyAnswerItGivesUpAndSaysWhatItTried() throws {
    let call = try SimulatedCall(seed: 7, conditions: .down)
    #expect(call.run(for: .seconds(60)) { call.board.isClosed && call.viewer.isClosed })
    guard case .noPath(let reason) = SimulatedCall.closure(in: call.boardEvents) else {
      Issue.record("closed by \(String(describing: SimulatedCall.closure(in: call.boardEvents)))")
      return
    }
    #expect(!reason.isEmpty)
  }

  @Test func silenceForThirtySecondsEndsTheSession() throws {
    let call = try SimulatedCall(seed: 8, conditions: LinkConditions(delay: .milliseconds(5)))
    call.run(for: .seconds(3)) { call.areConnected }
    call.run(for: .seconds(20))
    #expect(call.areConnected)
    call.network.setUplink(of: SimulatedCall.viewerAddress.address, .down)
    call.run(for: .seconds(25))
    #expect(call.board.isConnected)
    #expect(call.run(for: .seconds(15)) { call.board.isClosed })
  }

  @Test func aQuietSessionWakesOnlyForConsent() throws {
    let call = try SimulatedCall(seed: 9, conditions: LinkConditions(delay: .milliseconds(5)))
    call.run(for: .seconds(10)) { call.areConnected }
    call.run(for: .seconds(10))
    let before = call.network.counts.sent
    call.run(for: .seconds(60))
    // Each side checks consent every 5 s (RFC 7675), which makes two datagrams; a heartbeat of SCTP's may come on top.
    #expect(call.network.counts.sent - before <= 2 * 2 * 16 + 12)
  }
}

@Suite struct HostileDatagramTests {
  @Test func garbageBeforeAndAfterConnectingNeitherTrapsNorDisturbs() throws {
    let call = try SimulatedCall(seed: 100, conditions: LinkConditions(delay: .milliseconds(2)))
    var random = SeededGenerator(seed: 101)
    let stranger = SocketAddress(IPAddress(v4: 0x0A00_0003), port: 7)
    func storm() {
      for _ in 0..<3_000 {
        let first: UInt8 = [0, 1, 20, 22, 23, 63, 128, 144, 200, 255].randomElement(using: &random)!
        var bytes = (0..<Int.random(in: 0..<200, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        if !bytes.isEmpty { bytes[0] = first }
        call.inject(bytes)
        call.inject(bytes, from: stranger)
      }
    }
    storm()
    #expect(call.run(for: .seconds(10)) { call.areConnected })
    call.frameRate = 30
    call.run(for: .seconds(1))
    storm()
    let before = call.frames.count
    call.run(for: .seconds(2))
    #expect(call.frames.count - before > 55)
    #expect(call.areConnected)
  }
}
