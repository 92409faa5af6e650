internal import ICE
internal import JSON
internal import RTP
internal import Session
internal import Telemetry
internal import Wire

/// The messages of the `telemetry` channel, JSON texts with a `type`.
enum TelemetryMessage {
  /// A page's `ping` is short; longer ones are not for us.
  private static let maximumRequest = 256

  /// `{"type":"telemetry","senml":[…]}`: a SenML pack (RFC 8428), its base name and time in the first record.
  static func pack(_ samples: [Sample], base: String, at: WallClock) -> [UInt8] {
    let records = samples.enumerated().map { index, sample in
      var record = JSONObject()
      if index == 0 {
        record["bn"] = .string(base)
        record["bt"] = .real(Double(at.microseconds) / 1e6)
      }
      record["n"] = .string(sample.name)
      if let unit = sample.unit { record["u"] = .string(unit.rawValue) }
      switch sample.value {
      case .number(let value):
        record["v"] = value == value.rounded() && abs(value) < 1e15 ? .integer(Int64(value)) : .real(value)
      case .boolean(let value): record["vb"] = .bool(value)
      case .text(let value): record["vs"] = .string(value)
      }
      return JSONValue.object(record)
    }
    return JSONValue.object(["type": "telemetry", "senml": .array(records)]).bytes
  }

  /// `{"type":"frame","rtp":…,"captured":…}`: the frame with this RTP timestamp was taken at this time, in microseconds of the board's
  /// monotonic clock.
  static func captureTime(timestamp: UInt32, captured: Instant) -> [UInt8] {
    let message: JSONValue = [
      "type": "frame", "rtp": .integer(Int64(timestamp)), "captured": .integer(captured.nanoseconds / 1000),
    ]
    return message.bytes
  }

  /// The answer to a viewer's message: a `pong` with our clock to its `ping`; nil for everything else.
  static func answer(to message: [UInt8], now: Instant) -> [UInt8]? {
    guard message.count <= maximumRequest, let request = try? JSONValue(parsing: message),
      request["type"]?.string == "ping", let id = request["id"]
    else { return nil }
    let answer: JSONValue = [
      "type": "pong", "id": id, "t": request["t"] ?? .null, "now": .integer(now.nanoseconds / 1000),
    ]
    return answer.bytes
  }
}

extension SessionStatistics {
  /// What a viewer is told of its own session.
  var samples: [Sample] {
    var samples: [Sample] = []
    if let roundTrip = pair?.currentRoundTripTime {
      samples.append(Sample("viewer/round_trip", roundTrip.inSeconds * 1000, .millisecond))
    }
    if let video {
      samples.append(Sample("viewer/frames_sent", Double(video.framesSent), .count))
      samples.append(Sample("viewer/packets_sent", Double(video.packetsSent), .count))
      samples.append(Sample("viewer/packets_retransmitted", Double(video.retransmittedPacketsSent), .count))
      samples.append(Sample("viewer/fraction_lost", video.remoteFractionLost, .ratio))
    }
    if let bitrate = estimates?.receivedBitrate {
      samples.append(Sample("viewer/received_bitrate", bitrate.rounded(), .bitPerSecond))
    }
    return samples
  }
}
