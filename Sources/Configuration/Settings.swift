extension Configuration {
  /// Every setting: its key, place, type, range and meaning. Defaults are those of the structures.
  static var schema: Schema<Configuration> {
    Schema([
      Field("device", \.device, Device.schema, "The board itself."),
      Field("http", \.http, HTTP.schema, "The web server: the page, and the signalling for it (WHEP)."),
      Field("webrtc", \.webrtc, WebRTC.schema, "How media and data travel."),
      Field("camera", \.camera, Camera.schema, "Where the picture comes from."),
      Field("video", \.video, Video.schema, "How the picture is encoded (VP8), once for all viewers."),
      Field("microphone", \.microphone, Microphone.schema, "Where the sound comes from."),
      Field("audio", \.audio, Audio.schema, "How the sound is encoded (Opus), once for all viewers."),
      Field("telemetry", \.telemetry, Telemetry.schema, "What viewers are told about the board."),
      Field("control", \.control, Control.schema, "What viewers may do."),
      Field("log", \.log, Log.schema, "What is written to the journal."),
      Field("state", \.state, State.schema, "What is kept from one start to the next."),
    ])
  }

  /// All settings in their order, for manuals and schemas.
  package static var settings: [Setting] {
    schema.fields.flatMap { $0.describe(.default, []) }
  }
}

extension Configuration.Device {
  static var schema: Schema<Self> {
    Schema([Field("name", \.name, .text(maximumBytes: 64), "Shown on the page. Empty: the host name.")])
  }
}

extension Configuration.HTTP {
  static var schema: Schema<Self> {
    Schema([
      Field(
        "listen", \.listen, .address,
        "The address to listen on. There are no user accounts yet: with anything but a loopback address, everybody who reaches "
          + "this port can watch, and the agent warns at start. \"0.0.0.0\" or \"::\" is every address."),
      Field("port", \.port, .integer(0...65535), "TCP port. 0: any free one."),
      Field(
        "maximum_viewers", \.maximumViewers, .integer(1...1000),
        "Viewers at the same time. More are asked to come back."),
      Field(
        "offers_per_minute", \.offersPerMinute, .integer(1...6000),
        "How often one address may start or change a session."),
      Field(
        "allowed_origins", \.allowedOrigins, .list(of: .origin, maximumCount: 64),
        "Web sites whose pages may play this board's stream (CORS): \"*\" for all, or such as https://example.org."),
    ])
  }
}

extension Configuration.WebRTC {
  static var schema: Schema<Self> {
    Schema([
      Field("udp_port", \.udpPort, .integer(0...65535), "The one UDP port for all viewers. 0: any free one."),
      Field(
        "interfaces", \.interfaces, .list(of: .interface, maximumCount: 32),
        "Network interfaces whose addresses are offered, such as [eth0, wlan0]. Empty: all."),
      Field("ipv6", \.ipv6, .boolean, "Whether IPv6 addresses are offered."),
      Field(
        "announce", \.announce, .list(of: .address, maximumCount: 16),
        "Addresses that are offered in addition, such as the public one of a router that forwards udp_port."),
    ])
  }
}

extension Configuration.Camera {
  static var schema: Schema<Self> {
    Schema([
      Field(
        "device", \.device, .device("auto, test, none, a path such as /dev/video0, or a camera's name"),
        "auto: the first camera, or a synthetic picture when there is none. test: the synthetic picture. none: no video. "
          + "Else a path such as /dev/video0, or a camera's name as `perch devices` lists it."),
      Field(
        "width", \.width, .constraint(.integer(16...8192)),
        "Pixels. A number is what is wanted; {min: 320, ideal: 640, max: 1280} is what is wanted and what would do."),
      Field("height", \.height, .constraint(.integer(16...8192)), "Pixels, in the same way."),
      Field("frame_rate", \.frameRate, .constraint(.number(1...240)), "Frames per second, in the same way."),
      Field(
        "format", \.format, .choice(), "The camera's pixel format. auto: whichever fits size and frame rate best."),
    ])
  }
}

extension Configuration.Video {
  static var schema: Schema<Self> {
    Schema([
      Field("bitrate_kbps", \.bitrateKbps, .integer(50...20_000), "Kilobits per second."),
      Field(
        "speed", \.speed, .integer(0...16),
        "How much quality is given for less processor time (libvpx's cpu-used, negated). 16 is fastest."),
      Field(
        "maximum_keyframe_interval_seconds", \.maximumKeyframeIntervalSeconds, .integer(0...3600),
        "Seconds after which a keyframe is sent though nobody needs one. 0: never."),
      Field("threads", \.threads, .integer(1...4), "Threads that encode."),
    ])
  }
}

extension Configuration.Microphone {
  static var schema: Schema<Self> {
    Schema([
      Field(
        "device", \.device, .device("auto, test, none, or ALSA's name of a microphone such as plughw:1,0"),
        "auto: the first microphone, or a synthetic tone when there is none. test: the synthetic tone. none: no sound. "
          + "Else ALSA's name of a device, such as plughw:1,0.")
    ])
  }
}

extension Configuration.Audio {
  static var schema: Schema<Self> {
    Schema([
      Field("bitrate_kbps", \.bitrateKbps, .integer(6...510), "Kilobits per second."),
      Field("channels", \.channels, .integer(1...2), "1: mono. 2: stereo."),
      Field(
        "expected_loss_percent", \.expectedLossPercent, .integer(0...100),
        "How many lost packets in a hundred the encoder prepares for with in-band error correction."),
    ])
  }
}

extension Configuration.Telemetry {
  static var schema: Schema<Self> {
    Schema([
      Field(
        "interval_milliseconds", \.intervalMilliseconds, .integer(100...60_000), "Milliseconds between two reports.")
    ])
  }
}

extension Configuration.Control {
  static var schema: Schema<Self> {
    Schema([Field("allow", \.allow, .boolean, "Whether viewers may change settings of the camera and the encoder.")])
  }
}

extension Configuration.Log {
  static var schema: Schema<Self> {
    Schema([Field("level", \.level, .choice(), "The least important kind of line that is written.")])
  }
}

extension Configuration.State {
  static var schema: Schema<Self> {
    Schema([
      Field(
        "directory", \.directory, .directory,
        "Where the board's certificate is kept. Empty: $STATE_DIRECTORY, else $XDG_STATE_HOME/perch, else "
          + "~/.local/state/perch.")
    ])
  }
}
