import Configuration
import Testing
import Wire

@Suite struct ReadingTests {
  @Test func readsEverySetting() throws {
    let text = """
      device: {name: "Nest 7"}
      http:
        listen: "::"
        port: 80
        maximum_viewers: 5
        offers_per_minute: 10
        allowed_origins: ["https://example.org:8443", http://a.b]
      webrtc:
        udp_port: 40000
        interfaces: [eth0]
        ipv6: false
        announce: [192.0.2.1, "2001:db8::1"]
      camera:
        device: /dev/video2
        width: {min: 320, ideal: 1280, max: 1920}
        height: 720
        frame_rate: {max: 29.97}
        format: mjpeg
      video: {bitrate_kbps: 2500, speed: 12, maximum_keyframe_interval_seconds: 10, threads: 2}
      microphone: {device: "plughw:1,0"}
      audio: {bitrate_kbps: 64, channels: 2, expected_loss_percent: 10}
      telemetry: {interval_milliseconds: 500}
      control: {allow: false}
      log: {level: debug}
      state: {directory: /var/lib/perch}
      """
    let read = try Configuration(yaml: Array(text.utf8), file: "x")
    #expect(read.device.name == "Nest 7")
    #expect(read.http.listen.isUnspecified)
    #expect(read.http.port == 80)
    #expect(read.http.maximumViewers == 5)
    #expect(read.http.offersPerMinute == 10)
    #expect(read.http.allowedOrigins == ["https://example.org:8443", "http://a.b"])
    #expect(read.webrtc.udpPort == 40_000)
    #expect(read.webrtc.interfaces == ["eth0"])
    #expect(!read.webrtc.ipv6)
    #expect(read.webrtc.announce.map(\.description) == ["192.0.2.1", "2001:db8::1"])
    #expect(read.camera.device == .named("/dev/video2"))
    #expect(read.camera.width == Constraint(minimum: 320, ideal: 1280, maximum: 1920))
    #expect(read.camera.height == Constraint(ideal: 720))
    #expect(read.camera.frameRate == Constraint(maximum: 29.97))
    #expect(read.camera.format == .mjpeg)
    #expect(read.video.bitrateKbps == 2500)
    #expect(read.video.speed == 12)
    #expect(read.video.maximumKeyframeIntervalSeconds == 10)
    #expect(read.video.threads == 2)
    #expect(read.microphone.device == .named("plughw:1,0"))
    #expect(read.audio.bitrateKbps == 64)
    #expect(read.audio.channels == 2)
    #expect(read.audio.expectedLossPercent == 10)
    #expect(read.telemetry.intervalMilliseconds == 500)
    #expect(!read.control.allow)
    #expect(read.log.level == .debug)
    #expect(read.state.directory == "/var/lib/perch")
  }

  @Test func wordsInQuotesAreNames() throws {
    let read = try Configuration(yaml: Array("camera: {device: \"test\"}\nmicrophone: {device: none}".utf8), file: "x")
    #expect(read.camera.device == .named("test"))
    #expect(read.microphone.device == .off)
  }

  @Test func filesAreLayeredAndSayWhereValuesComeFrom() throws {
    var configuration = try Configuration(yaml: Array("http: {port: 80}\nvideo: {speed: 4}".utf8), file: "fleet.yaml")
    let origins = try configuration.apply(yaml: Array("\nvideo:\n  speed: 9\n".utf8), file: "board.yaml")
    #expect(configuration.http.port == 80)
    #expect(configuration.video.speed == 9)
    #expect(origins.mapValues(\.description) == ["video.speed": "board.yaml:3:10"])
    let before = configuration
    #expect(throws: ConfigurationErrors.self) {
      try configuration.apply(yaml: Array("video: {speed: 10, thread: 2}".utf8), file: "board.yaml")
    }
    #expect(configuration == before)
  }
}
