package import Wire

/// All settings of a board, checked and with their defaults: what cannot be is refused when the file is read.
///
/// Plain values. What each means, in which unit and range, is said once, in the schema beside (`Settings.swift`), from which
/// `board/perch.yaml` is made.
package struct Configuration: Equatable, Sendable {
  package var device = Device()
  package var http = HTTP()
  package var webrtc = WebRTC()
  package var camera = Camera()
  package var video = Video()
  package var microphone = Microphone()
  package var audio = Audio()
  package var telemetry = Telemetry()
  package var control = Control()
  package var log = Log()
  package var state = State()

  /// What holds without any file.
  package static let `default` = Configuration()

  init() {}

  package struct Device: Equatable, Sendable {
    /// Empty: the host name.
    package var name = ""
  }

  package struct HTTP: Equatable, Sendable {
    package var listen = IPAddress(v4: 0x7F00_0001)
    /// 0: any free port.
    package var port: UInt16 = 8088
    package var maximumViewers = 64
    /// From one address.
    package var offersPerMinute = 120
    /// `*`, or origins as in the header of that name.
    package var allowedOrigins = ["*"]
  }

  package struct WebRTC: Equatable, Sendable {
    /// 0: any free port.
    package var udpPort: UInt16 = 0
    /// Names; empty: all.
    package var interfaces: [String] = []
    package var ipv6 = true
    /// Offered in addition to the interfaces' own.
    package var announce: [IPAddress] = []
  }

  package struct Camera: Equatable, Sendable {
    package var device = CaptureDevice.auto
    /// In pixels.
    package var width = Constraint(ideal: 640)
    /// In pixels.
    package var height = Constraint(ideal: 480)
    /// In frames per second.
    package var frameRate = Constraint(ideal: 30.0)
    package var format = CameraFormat.auto
  }

  package struct Video: Equatable, Sendable {
    package var bitrateKbps = 1000
    /// libvpx's cpu-used is this, negated.
    package var speed = 8
    /// 0: only when somebody needs one.
    package var maximumKeyframeIntervalSeconds = 0
    package var threads = 1
  }

  package struct Microphone: Equatable, Sendable {
    package var device = CaptureDevice.auto
  }

  package struct Audio: Equatable, Sendable {
    package var bitrateKbps = 32
    package var channels = 1
    /// How much loss Opus' in-band error correction is made for.
    package var expectedLossPercent = 5
  }

  package struct Telemetry: Equatable, Sendable {
    package var intervalMilliseconds = 1000
  }

  package struct Control: Equatable, Sendable {
    package var allow = true
  }

  package struct Log: Equatable, Sendable {
    package var level = LogLevel.info
  }

  package struct State: Equatable, Sendable {
    /// Empty: `$STATE_DIRECTORY`, else `$XDG_STATE_HOME/perch`, else `~/.local/state/perch`.
    package var directory = ""
  }
}

/// Which camera or microphone to use.
package enum CaptureDevice: Equatable, Sendable {
  /// The first that fits, else the synthetic source.
  case auto
  /// The synthetic source.
  case test
  /// None at all; `none` in the file.
  case off
  /// A camera's path (`/dev/video0`) or name, ALSA's name of a microphone (`plughw:1,0`).
  case named(String)
}

/// The pixel format asked of the camera.
package enum CameraFormat: String, CaseIterable, Equatable, Sendable {
  case auto, yuyv, nv12, i420, mjpeg
}

/// What is worth a line in the log: this and all that is more important.
package enum LogLevel: String, CaseIterable, Equatable, Sendable {
  case error, warning, notice, info, debug
}

/// What is wanted of a camera, as in getUserMedia: outside of `minimum` and `maximum` is no use, near `ideal` is best.
package struct Constraint<Value: Comparable & Sendable>: Equatable, Sendable {
  package var minimum: Value?
  package var ideal: Value?
  package var maximum: Value?

  package init(minimum: Value? = nil, ideal: Value? = nil, maximum: Value? = nil) {
    self.minimum = minimum
    self.ideal = ideal
    self.maximum = maximum
  }
}
