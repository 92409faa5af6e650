internal import Glibc
internal import JSON
internal import LinuxIO
internal import Media
internal import RTP
internal import Telemetry
internal import Wire

/// What the board has: camera, microphone, sensors, each on threads of its own, all delivering to the `net` thread's mailbox.
final class Devices: Sendable {
  /// nil when the configuration has no camera.
  let video: VideoPipeline?
  let audio: AudioPipeline?
  let sensors: SensorThread
  /// The base name of our samples (RFC 8428 §4.1), unique to this board.
  let senmlName: String

  init(
    video: VideoConfiguration?, audio: AudioConfiguration?, telemetryInterval: Interval, deviceName: String,
    mailbox: Mailbox<NetMessage>
  ) throws(SystemError) {
    self.video = try video.map { (configuration) throws(SystemError) in
      try VideoPipeline(
        configuration, onFrame: { Self.pass($0, to: mailbox) }, onEvent: { mailbox.post(.videoEvent($0)) })
    }
    self.audio = try audio.map { (configuration) throws(SystemError) in
      try AudioPipeline(
        configuration, onFrame: { Self.pass($0, to: mailbox) }, onEvent: { mailbox.post(.audioEvent($0)) })
    }
    sensors = try SensorThread(interval: telemetryInterval) { samples, at in mailbox.post(.samples(samples, at)) }
    senmlName = Self.senmlName(deviceName: deviceName)
  }

  /// Ends all threads; nothing is delivered afterwards.
  func stop() {
    video?.stop()
    audio?.stop()
    sensors.stop()
  }

  // MARK: Frames

  /// Packetises once for all viewers, on the encoder's thread.
  private static func pass(_ frame: consuming EncodedVideoFrame, to mailbox: Mailbox<NetMessage>) {
    let packetised = PacketisedVideoFrame(
      bytes: frame.bytes, format: .vp8(VP8Picture()), isKeyframe: frame.isKeyframe, captured: frame.captured,
      width: frame.width, height: frame.height)
    if let packetised { mailbox.post(.video(packetised)) }
  }

  private static func pass(_ frame: consuming EncodedAudioFrame, to mailbox: Mailbox<NetMessage>) {
    let packetised = PacketisedAudioFrame(
      bytes: frame.bytes, captured: frame.captured, timestamp: UInt32(truncatingIfNeeded: frame.position),
      level: frame.level)
    if let packetised { mailbox.post(.audio(packetised)) }
  }

  // MARK: Telemetry

  /// What the encoders say of themselves, as samples.
  func samples() -> [Sample] {
    guard let statistics = video?.statistics() else { return [] }
    var samples = [
      Sample("encoder/frame_rate", statistics.framesPerSecond, .framePerSecond),
      Sample("encoder/bitrate_target", Double(statistics.targetBitrate), .bitPerSecond),
      Sample("encoder/frames", Double(statistics.framesEncoded), .count),
      Sample("encoder/keyframes", Double(statistics.keyFramesEncoded), .count),
      Sample("camera/frames_dropped", Double(statistics.framesDropped), .count),
    ]
    if statistics.framesEncoded > 0 {
      let mean = statistics.totalEncodeTime.inSeconds * 1000 / Double(statistics.framesEncoded)
      samples.append(Sample("encoder/time_mean", mean, .millisecond))
    }
    return samples
  }

  /// RFC 9039 §4.1: the board's first Ethernet or Wi-Fi address, as an EUI-64; the device's name where there is none.
  private static func senmlName(deviceName: String) -> String {
    for interface in ["eth0", "end0", "wlan0", "enp1s0", "wlp1s0"] {
      guard let bytes = try? File.read("/sys/class/net/\(interface)/address", limit: 32) else { continue }
      let digits = String(decoding: bytes, as: UTF8.self).filter(\.isHexDigit)
      guard digits.count == 12, digits.contains(where: { $0 != "0" }) else { continue }
      return "urn:dev:mac:\(digits.prefix(6))fffe\(digits.suffix(6)):"
    }
    return Sample.safeName(deviceName) + ":"
  }
}

extension VideoSource {
  /// For logs: `the camera "…" (/dev/video0), 640x480 at 30/s`.
  var words: String {
    switch self {
    case .camera(let name, let path, let mode): "the camera “\(name)” (\(path)), \(mode)"
    case .testPicture(let width, let height, let rate):
      "the synthetic test picture, \(width)x\(height) \(rate) fps: no camera is used"
    }
  }

  var isSynthetic: Bool {
    switch self {
    case .camera: false
    case .testPicture: true
    }
  }
}

extension AudioSource {
  var words: String {
    switch self {
    case .microphone(let name, let channels): "the microphone “\(name)” (\(channels == 1 ? "mono" : "stereo"))"
    case .testTone: "the synthetic test tone: no microphone is used"
    }
  }
}
