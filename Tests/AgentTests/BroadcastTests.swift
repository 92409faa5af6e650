import RTP
import SDP
import Secure
import Session
import Testing
import Wire

@testable import Agent

@Suite struct BroadcastTests {
  private let start = Instant(nanoseconds: 1_000_000_000)
  private let wall = WallClock(microseconds: 0)

  private func session() throws -> Session {
    let identity = try Identity(commonName: "test", random: SystemRandomNumberGenerator())
    let settings = SessionSettings(
      identity: identity, localAddresses: [], video: .recvonly, audio: nil, cname: "test")
    return Session(offering: settings, random: SystemRandomNumberGenerator(), now: start)
  }

  private func frame(isKeyframe: Bool, at time: Instant) throws -> PacketisedVideoFrame {
    try #require(
      PacketisedVideoFrame(
        bytes: [1, 2, 3], format: .vp8(VP8Picture()), isKeyframe: isKeyframe, captured: time, width: 1, height: 1))
  }

  /// Whether a viewer that comes at `time` makes the broadcast ask the encoder.
  private func asksForKeyframe(after frames: [(isKeyframe: Bool, milliseconds: Int64)], at milliseconds: Int64) throws
    -> Bool
  {
    var broadcast = Broadcast()
    var batch = DatagramBatch { $0.removeAll() }
    for entry in frames {
      let time = start + .milliseconds(entry.milliseconds)
      let frame = try frame(isKeyframe: entry.isKeyframe, at: time)
      broadcast.send(frame, to: EmptyCollection<Session>(), now: time, wall: wall, into: &batch)
    }
    let now = start + .milliseconds(milliseconds)
    broadcast.startPicture(for: try session(), now: now, wall: wall, into: &batch)
    return broadcast.pollKeyframeRequest(now: now + .seconds(1))
  }

  @Test func aViewerSoonAfterAKeyframeCatchesUpWithoutANewOne() throws {
    #expect(try !asksForKeyframe(after: [(true, 0), (false, 33), (false, 66)], at: 70))
  }

  @Test func aViewerLaterThanThatGetsANewKeyframe() throws {
    #expect(try asksForKeyframe(after: [(true, 0), (false, 33)], at: 301))
    #expect(try asksForKeyframe(after: [], at: 0))
  }

  @Test func framesBeforeTheFirstKeyframeAreNoStart() throws {
    #expect(try asksForKeyframe(after: [(false, 0), (false, 33)], at: 40))
  }

  @Test func whateverIsAskedThereAreThreeHundredMillisecondsBetweenKeyframes() throws {
    var broadcast = Broadcast()
    var batch = DatagramBatch { $0.removeAll() }
    var asked: [Int64] = []
    for millisecond in Int64(0)..<3_000 {
      let now = start + .milliseconds(millisecond)
      broadcast.requestKeyframe(now: now)
      if broadcast.pollKeyframeRequest(now: now) {
        asked.append(millisecond)
        broadcast.send(
          try frame(isKeyframe: true, at: now), to: EmptyCollection<Session>(), now: now, wall: wall, into: &batch)
      }
    }
    #expect(asked == (0..<10).map { $0 * 300 })
  }
}
