internal import DataChannel
internal import ICE
internal import JSON
internal import LinuxIO
internal import Media
internal import RTP
internal import Session
internal import Wire

/// What `GET /api/stats` tells: counters of the agent, of its encoders and of each viewer, under the names of W3C webrtc-stats where
/// they have one.
extension NetLoop {
  func statistics(now: Instant) -> JSONValue {
    let video = devices.video?.statistics()
    let audio = devices.audio?.statistics()
    return [
      "version": .string(Version.current), "uptime_seconds": .integer((now - started).milliseconds / 1000),
      "viewers_created": .integer(Int64(counters.viewersCreated)),
      "viewers_never_connected": .count(counters.viewersNeverConnected),
      "viewers_turned_away": .count(counters.viewersTurnedAway),
      "messages_dropped": .count(counters.messagesDropped),
      "datagrams_for_nobody": .count(counters.datagramsForNobody),
      "datagrams_refused": .count(datagramsRefused),
      "video": video.map {
        [
          "frames": .count($0.frames), "framesDropped": .count($0.framesDropped),
          "framesEncoded": .count($0.framesEncoded), "keyFramesEncoded": .count($0.keyFramesEncoded),
          "framesPerSecond": .real($0.framesPerSecond), "frameWidth": .integer(Int64($0.frameWidth)),
          "frameHeight": .integer(Int64($0.frameHeight)), "targetBitrate": .integer(Int64($0.targetBitrate)),
          "totalEncodeTime": .real($0.totalEncodeTime.inSeconds), "bytesEncoded": .count($0.bytesEncoded),
        ]
      } ?? .null,
      "audio": audio.map {
        [
          "packetsEncoded": .count($0.packetsEncoded), "bytesEncoded": .count($0.bytesEncoded),
          "overruns": .count($0.overruns), "totalEncodeTime": .real($0.totalEncodeTime.inSeconds),
        ]
      } ?? .null,
      "viewers": .array(
        viewers.values.sorted { $0.number < $1.number }.map { viewer in
          var object = viewer.session.statistics().json
          object["number"] = .integer(Int64(viewer.number))
          object["connected"] = .bool(viewer.session.isConnected)
          object["seconds"] = .integer((now - viewer.created).milliseconds / 1000)
          return .object(object)
        }),
    ]
  }
}

extension SessionStatistics {
  fileprivate var json: JSONObject {
    var object = JSONObject()
    if let pair {
      object["currentRoundTripTime"] = pair.currentRoundTripTime.map { .real($0.inSeconds) } ?? .null
    }
    object["video"] = video.map(\.json) ?? .null
    object["audio"] = audio.map(\.json) ?? .null
    if let estimates {
      object["availableIncomingBitrate"] = estimates.maximumBitrate.map { .count($0) } ?? .null
      object["receivedBitrate"] = estimates.receivedBitrate.map { .real($0.rounded()) } ?? .null
    }
    object["dataChannels"] = .array(
      channels.map {
        [
          "label": .string($0.label), "messagesSent": .count($0.messagesSent), "bytesSent": .count($0.bytesSent),
          "messagesReceived": .count($0.messagesReceived), "bytesReceived": .count($0.bytesReceived),
        ]
      })
    return object
  }
}

extension OutboundStatistics {
  fileprivate var json: JSONValue {
    [
      "packetsSent": .count(packetsSent), "bytesSent": .count(bytesSent), "framesSent": .count(framesSent),
      "retransmittedPacketsSent": .count(retransmittedPacketsSent), "nackCount": .count(nackCount),
      "pliCount": .count(pliCount), "firCount": .count(firCount), "packetsLost": .integer(remotePacketsLost),
      "fractionLost": .real(remoteFractionLost), "jitter": .real(remoteJitter),
      "roundTripTime": roundTripTime.map { .real($0.inSeconds) } ?? .null,
    ]
  }
}

extension JSONValue {
  /// A counter, which JSON's readers take for a double anyway.
  fileprivate static func count(_ value: UInt64) -> JSONValue { .integer(Int64(clamping: value)) }
}
