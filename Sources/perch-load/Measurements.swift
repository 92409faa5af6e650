internal import JSON
internal import Wire

/// Values of one kind, for percentiles.
struct Distribution {
  private var values: [Double] = []

  mutating func add(_ value: Double) { values.append(value) }
  mutating func add(_ other: Distribution) { values += other.values }
  mutating func removeAll() { values = [] }

  var count: Int { values.count }

  /// The value that `fraction` of all do not exceed; nil when there are none.
  func percentile(_ fraction: Double) -> Double? {
    guard !values.isEmpty else { return nil }
    return values.sorted()[Int((Double(values.count - 1) * fraction).rounded())]
  }

  var json: JSONValue {
    func rounded(_ fraction: Double) -> JSONValue {
      percentile(fraction).map { .real(($0 * 1000).rounded() / 1000) } ?? .null
    }
    return ["count": .integer(Int64(count)), "p50": rounded(0.5), "p95": rounded(0.95), "p99": rounded(0.99)]
  }
}

/// What all viewers together saw.
struct Measurements {
  var viewers = 0
  var connected = 0
  var failures: [String] = []
  /// From the first byte of the POST, in milliseconds.
  var toAnswer = Distribution()
  var toFirstPacket = Distribution()
  var toFirstFrame = Distribution()
  /// From the camera's timestamp to the last packet of the frame, in milliseconds, by the sender reports' clock.
  var latency = Distribution()
  var seconds = 0.0
  var frames = 0
  var keyframes = 0
  var audioPackets = 0
  var packets: UInt64 = 0
  var lost: Int64 = 0
  var bytes: UInt64 = 0
  var fewestFramesOfAViewer = Int.max
  var echo: EchoMeasurement?

  var json: JSONValue {
    [
      "viewers": .integer(Int64(viewers)), "connected": .integer(Int64(connected)),
      "failures": .array(failures.map { .string($0) }),
      "to_answer_ms": toAnswer.json, "to_first_packet_ms": toFirstPacket.json, "to_first_frame_ms": toFirstFrame.json,
      "latency_ms": latency.json, "seconds": .real(seconds), "frames": .integer(Int64(frames)),
      "keyframes": .integer(Int64(keyframes)), "audio_packets": .integer(Int64(audioPackets)),
      "fewest_frames_of_a_viewer": .integer(Int64(fewestFramesOfAViewer == .max ? 0 : fewestFramesOfAViewer)),
      "packets": .integer(Int64(clamping: packets)), "lost": .integer(lost), "bytes": .integer(Int64(clamping: bytes)),
      "echo": echo?.json ?? .null,
    ]
  }

  var text: String {
    func milliseconds(_ distribution: Distribution) -> String {
      guard let p50 = distribution.percentile(0.5), let p95 = distribution.percentile(0.95) else { return "-" }
      return "p50 \((p50 * 100).rounded() / 100) ms, p95 \((p95 * 100).rounded() / 100) ms"
    }
    let rate = seconds > 0 && connected > 0 ? Double(frames) / seconds / Double(connected) : 0
    let bitrate = seconds > 0 ? Double(bytes) * 8 / seconds / 1e6 : 0
    var lines = [
      "viewers:         \(connected) of \(viewers) connected",
      "POST to answer:  \(milliseconds(toAnswer))",
      "to first packet: \(milliseconds(toFirstPacket))",
      "to first frame:  \(milliseconds(toFirstFrame))",
      "camera to here:  \(milliseconds(latency)) (\(latency.count) frames)",
      "frames:          \(frames) (\((rate * 10).rounded() / 10) a second and viewer; fewest \(fewestFramesOfAViewer == .max ? 0 : fewestFramesOfAViewer))",
      "packets:         \(packets), lost \(lost); \((bitrate * 100).rounded() / 100) Mbit/s in all",
    ]
    if let echo { lines.append(echo.text) }
    lines += failures.prefix(5).map { "failed:          \($0)" }
    return lines.joined(separator: "\n")
  }
}

/// What the data channels of one viewer gave.
struct EchoMeasurement {
  /// Of messages of 16 bytes, one at a time, in milliseconds.
  var roundTrip = Distribution()
  /// Of messages of 64 KiB, out and back at once: bits a second in each direction.
  var bitrate = 0.0
  /// Of messages of 64 KiB to the server alone.
  var oneWayBitrate = 0.0

  var json: JSONValue {
    ["round_trip_ms": roundTrip.json, "echo_bitrate": .real(bitrate), "one_way_bitrate": .real(oneWayBitrate)]
  }

  var text: String {
    let p50 = roundTrip.percentile(0.5) ?? 0
    let p99 = roundTrip.percentile(0.99) ?? 0
    return
      "data channel:    round trip p50 \((p50 * 1000).rounded() / 1000) ms, p99 \((p99 * 1000).rounded() / 1000) ms; 64 KiB messages: echo \(Int(bitrate / 1e6)) Mbit/s each way, one way \(Int(oneWayBitrate / 1e6)) Mbit/s"
  }
}
