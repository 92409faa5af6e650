import JSON
import Telemetry
import Testing
import Wire

@testable import Agent

@Suite struct TelemetryMessageTests {
  @Test func aPingIsAnsweredWithOurClock() throws {
    let answer = TelemetryMessage.answer(
      to: Array(#"{"type":"ping","id":7,"t":12.5}"#.utf8), now: Instant(nanoseconds: 3_000_000))
    let pong = try JSONValue(parsing: #require(answer))
    #expect(pong == ["type": "pong", "id": 7, "t": 12.5, "now": 3000])
  }

  @Test(arguments: [
    "", "{", "[]", "7", #"{"type":"ping"}"#, #"{"type":"pong","id":1}"#,
    #"{"type":"ping","id":1,"x":""# + String(repeating: "a", count: 300) + #""}"#,
  ])
  func everythingElseIsIgnored(message: String) {
    #expect(TelemetryMessage.answer(to: Array(message.utf8), now: Instant(nanoseconds: 0)) == nil)
  }

  @Test func samplesArePackedAsSenML() throws {
    let samples = [
      Sample("cpu/temperature", 48.25, .celsius), Sample("viewers", 2, .count), Sample("mode", text: "day"),
    ]
    let packed = TelemetryMessage.pack(samples, base: "urn:dev:x:", at: WallClock(microseconds: 1_500_000))
    let expected: JSONValue = [
      "type": "telemetry",
      "senml": [
        ["bn": "urn:dev:x:", "bt": 1.5, "n": "cpu/temperature", "u": "Cel", "v": 48.25],
        ["n": "viewers", "u": "count", "v": 2], ["n": "mode", "vs": "day"],
      ],
    ]
    #expect(try JSONValue(parsing: packed) == expected)
  }

  @Test func aFramesCaptureTimeIsToldInMicroseconds() throws {
    let message = TelemetryMessage.captureTime(timestamp: 4_000_000_000, captured: Instant(nanoseconds: 5_000_999))
    #expect(try JSONValue(parsing: message) == ["type": "frame", "rtp": 4_000_000_000, "captured": 5000])
  }
}
