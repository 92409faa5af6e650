import Glibc
import LinuxIO
import Testing
import Wire

@testable import Media

/// What Tests/Devices/with-fake-devices.sh provides; nil outside of it.
private func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

@Suite(.serialized, .enabled(if: environment("PERCH_FAKE_CAMERA") != nil))
struct FakeCameraTests {
  let path = environment("PERCH_FAKE_CAMERA") ?? ""
  let frames: Inbox<EncodedVideoFrame>
  let events: Inbox<VideoEvent>

  init() throws {
    frames = try Inbox()
    events = try Inbox()
  }

  func pipeline(width: Double = 640, height: Double = 480, rate: Double = 30) throws -> VideoPipeline {
    let (frames, events) = (frames, events)
    let configuration = VideoConfiguration(
      source: .device(path),
      constraints: CaptureConstraints(
        width: .init(ideal: width), height: .init(ideal: height), frameRate: .init(ideal: rate)))
    return try VideoPipeline(configuration, onFrame: { frames.add($0) }, onEvent: { events.add($0) })
  }

  /// Writes what makes the file a camera, or no camera any more.
  func write(_ text: String) {
    let file = open(path, O_WRONLY)
    _ = text.withCString { Glibc.write(file, $0, strlen($0)) }
    close(file)
  }

  @Test func describesTheCamera() throws {
    let camera = try #require(Cameras.describe(path))
    #expect(camera.name == "Fake camera")
    #expect(camera.bus == "platform:fakecam")
    #expect(camera.capabilities.map(\.description) == ["YUYV 640x480 at 30 fps", "I420 640x480 at 30 fps"])
  }

  @Test func sendsItsPictureWithoutCopyingIt() throws {
    let pipeline = try pipeline()
    pipeline.setActive(true)
    #expect(frames.wait { $0.count >= 20 })
    let statistics = pipeline.statistics()
    pipeline.stop()
    let mode = CameraMode(format: .i420, width: 640, height: 480, frameRate: FrameRate(30))
    #expect(events.all.first == .started(.camera(name: "Fake camera", path: path, mode: mode)))
    #expect(statistics.framesDamaged == 0)
    let decoder = VP8Decoder()
    let luma = frames.all.prefix(20).compactMap { frame in decoder.decode(frame) { Int($0.y[1000]) } }
    // Two steps brighter each frame, or more where one was left out; less where the encoder found it too little to send.
    #expect(zip(luma, luma.dropFirst()).allSatisfy { $1 >= $0 }, "\(luma)")
    #expect(luma[19] - luma[0] > 30, "\(luma)")
    #expect(abs(luma[0] - 74) < 12)
  }

  @Test func prefersTheFormatThatNeedsNoConversion() throws {
    var camera = try V4L2Camera(path: path, constraints: CaptureConstraints())
    #expect(camera.mode.format == .i420)
    let newest = try camera.newest()
    let frame = try #require(newest)
    #expect(frame.bytes[0] == frame.bytes[640 * 480 - 1])
    #expect(frame.bytes[640 * 480] == 128)
  }

  @Test func scalesWhatIsTooLargeAndLeavesOutWhatIsTooFast() throws {
    let pipeline = try pipeline(width: 320, height: 320, rate: 10)
    pipeline.setActive(true)
    #expect(frames.wait { $0.count >= 8 })
    pipeline.stop()
    #expect(frames.all.allSatisfy { $0.width == 320 && $0.height == 240 })
    let times = frames.all.map(\.captured)
    #expect(times[7] - times[0] > .milliseconds(500))
  }

  @Test func comesBackAfterThePlugWasPulled() throws {
    let pipeline = try pipeline()
    pipeline.setActive(true)
    #expect(frames.wait { $0.count >= 5 })
    write("NOTHING\n")
    #expect(events.wait { $0.contains(.lost(.deviceLost(path))) })
    let seen = frames.all.count
    write("FAKECAM\n")
    #expect(frames.wait { $0.count > seen + 5 })
    pipeline.stop()
    let starts = events.all.filter { if case .started(_) = $0 { true } else { false } }
    #expect(starts.count == 2)
    // Without a viewer's asking: the stream goes on where it stopped.
    #expect(frames.all.filter(\.isKeyframe).count == 1)
  }

  @Test func setsControlsAndAgainAfterThePlugWasPulled() throws {
    let pipeline = try pipeline()
    let lists = try Inbox<[CameraControl]>()
    let answers = try Inbox<MediaError?>()
    let answer: @Sendable (Result<Void, MediaError>) -> Void = { result in
      if case .failure(let error) = result { answers.add(error) } else { answers.add(nil) }
    }
    let list = { pipeline.listControls { if case .success(let controls) = $0 { lists.add(controls) } } }
    pipeline.setActive(true)
    #expect(frames.wait { !$0.isEmpty })
    pipeline.setControl("brightness", to: 55, answer)
    pipeline.setControl("brightness", to: 101, answer)
    pipeline.setControl("darkness", to: 1, answer)
    #expect(answers.wait { $0.count == 3 })
    #expect(
      answers.all == [nil, .controlValueRefused("brightness", allowed: "0 to 100"), .unknownControl("darkness")])
    list()
    #expect(lists.wait { $0.count == 1 })
    write("NOTHING\n")
    #expect(events.wait { $0.contains(.lost(.deviceLost(path))) })
    write("FAKECAM\n")
    #expect(events.wait { events in events.filter { if case .started(_) = $0 { true } else { false } }.count == 2 })
    list()
    #expect(lists.wait { $0.count == 2 })
    pipeline.stop()
    for controls in lists.all {
      let brightness = try #require(controls.first)
      #expect(brightness.name == "brightness")
      #expect(brightness.kind == .integer(minimum: 0, maximum: 100, step: 1))
      #expect(brightness.value == 55 && brightness.defaultValue == 10)
    }
  }
}

@Suite(.serialized, .enabled(if: environment("PERCH_FAKE_MICROPHONE") != nil))
struct FakeMicrophoneTests {
  @Test(arguments: [1, 2]) func capturesInRealTime(channels: Int) throws {
    let packets = try Inbox<EncodedAudioFrame>()
    let events = try Inbox<AudioEvent>()
    let configuration = AudioConfiguration(
      source: .device(environment("PERCH_FAKE_MICROPHONE") ?? ""), opus: OpusSettings(channels: channels))
    let pipeline = try AudioPipeline(configuration, onFrame: { packets.add($0) }, onEvent: { events.add($0) })
    pipeline.setActive(true)
    #expect(packets.wait { $0.count >= 50 })
    let statistics = pipeline.statistics()
    pipeline.stop()
    // It has two channels whatever is asked, and is taken as it is.
    #expect(
      events.all.first
        == .started(.microphone(name: environment("PERCH_FAKE_MICROPHONE") ?? "", channels: 2)))
    let heard = packets.all
    #expect(heard.allSatisfy { $0.level.decibelsBelowFullScale == 15 })
    if statistics.overruns == 0 {
      #expect(zip(heard, heard.dropFirst()).allSatisfy { $1.position - $0.position == 960 })
      let elapsed = heard[49].captured - heard[0].captured
      #expect(abs(elapsed.milliseconds - 980) <= 5, "49 packets of 20 ms: \(elapsed.milliseconds)")
    }
  }

  @Test func theDefaultIsFoundByItself() throws {
    let events = try Inbox<AudioEvent>()
    let pipeline = try AudioPipeline(AudioConfiguration(), onFrame: { _ in }, onEvent: { events.add($0) })
    pipeline.setActive(true)
    #expect(events.wait { !$0.isEmpty })
    pipeline.stop()
    #expect(events.all.first == .started(.microphone(name: "default", channels: 1)))
  }
}
