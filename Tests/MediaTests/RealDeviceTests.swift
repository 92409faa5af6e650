import CV4L
import Glibc
import LinuxIO
import Media
import Testing
import Wire

/// With the kernel's virtual devices, as Tests/Devices/vm.sh provides them: vivid as /dev/video0, and a sound loopback. Small
/// pictures and patient waits: the machine is emulated, and vector code thirty times slower there.
@Suite(.serialized, .enabled(if: getenv("PERCH_REAL_DEVICES") != nil))
struct RealDeviceTests {
  static let camera = "/dev/video0"
  let frames: Inbox<EncodedVideoFrame>
  let events: Inbox<VideoEvent>

  init() throws {
    frames = try Inbox()
    events = try Inbox()
  }

  func pipeline(_ source: SourceSelection = .automatic) throws -> VideoPipeline {
    let (frames, events) = (frames, events)
    let configuration = VideoConfiguration(
      source: source,
      constraints: CaptureConstraints(width: .init(ideal: 320), height: .init(ideal: 180), frameRate: .init(ideal: 10)),
      bitrate: 300_000, speed: 16)
    return try VideoPipeline(configuration, onFrame: { frames.add($0) }, onEvent: { events.add($0) })
  }

  static func bind(_ isBound: Bool) {
    let file = open("/sys/bus/platform/drivers/vivid/\(isBound ? "bind" : "unbind")", O_WRONLY)
    _ = "vivid.0".withCString { write(file, $0, strlen($0)) }
    close(file)
  }

  static func starts(_ events: [VideoEvent]) -> [VideoEvent] {
    events.filter { if case .started(_) = $0 { true } else { false } }
  }

  @Test func listsTheCameraWithItsFormats() throws {
    let camera = try #require(Cameras.list().first { $0.driver == "vivid" })
    #expect(camera.path == Self.camera)
    #expect(camera.bus == "platform:vivid-000")
    #expect(camera.capabilities.contains { $0.description.hasPrefix("YUYV 640x360 at ") })
    #expect(camera.capabilities.contains { $0.format == .i420 })
    #expect(camera.capabilities.contains { $0.format == .nv12 })
    #expect(!camera.capabilities.contains { $0.format == .converted })
  }

  @Test func sendsItsPicture() throws {
    let pipeline = try pipeline()
    let asked = Clock.now()
    pipeline.setActive(true)
    #expect(frames.wait(within: .seconds(60)) { $0.count >= 10 })
    pipeline.stop()
    print(
      "first picture taken \((frames.all[0].captured - asked).milliseconds) ms after it was asked for; \(events.all)")
    #expect(frames.all.allSatisfy { $0.width == 320 && $0.height == 180 })
    #expect(zip(frames.all, frames.all.dropFirst()).allSatisfy { $0.captured < $1.captured })
    let decoder = VP8Decoder()
    #expect(frames.all.allSatisfy { decoder.decode($0) { $0.width } == 320 })
  }

  @Test func comesBackAfterUnplugging() throws {
    let pipeline = try pipeline(.device(Self.camera))
    pipeline.setActive(true)
    #expect(frames.wait(within: .seconds(60)) { $0.count >= 5 })
    Self.bind(false)
    #expect(events.wait(within: .seconds(60)) { $0.contains { if case .lost(_) = $0 { true } else { false } } })
    let seen = frames.all.count
    let plugged = Clock.now()
    Self.bind(true)
    #expect(frames.wait(within: .seconds(60)) { $0.count > seen + 5 })
    pipeline.stop()
    print("back \((frames.all[seen].captured - plugged).milliseconds) ms after plugging in; \(events.all)")
    #expect(Self.starts(events.all).count == 2)
  }

  @Test func aCameraThatIsPluggedInLaterTakesOverFromTheTestPicture() throws {
    Self.bind(false)
    defer { Self.bind(true) }
    let pipeline = try pipeline()
    pipeline.setActive(true)
    #expect(events.wait(within: .seconds(60)) { Self.starts($0).count == 1 })
    Self.bind(true)
    #expect(events.wait(within: .seconds(60)) { Self.starts($0).count == 2 })
    pipeline.stop()
    let starts = Self.starts(events.all)
    #expect(starts[0] == .started(.testPicture(width: 320, height: 180, frameRate: 10)))
    guard case .started(.camera(_, Self.camera, _)) = starts[1] else { return #expect(Bool(false), "\(starts)") }
  }

  @Test func aBusyCameraIsReportedWithItsHolderAndTakenWhenItIsFree() throws {
    let holder = try self.pipeline(.device(Self.camera))
    holder.setActive(true)
    #expect(frames.wait(within: .seconds(60)) { $0.count >= 2 })
    let others = try Inbox<VideoEvent>()
    let second = try VideoPipeline(
      VideoConfiguration(source: .device(Self.camera)), onFrame: { _ in }, onEvent: { others.add($0) })
    second.setActive(true)
    #expect(others.wait(within: .seconds(60)) { !$0.isEmpty })
    #expect(others.all.first == .unavailable(.deviceBusy(Self.camera, holder: nil)), "this process is no other program")
    holder.stop()
    #expect(others.wait(within: .seconds(60)) { Self.starts($0).count == 1 })
    second.stop()
  }

  @Test func controlsAreListedSetAndChecked() throws {
    let pipeline = try pipeline()
    let lists = try Inbox<[CameraControl]>()
    let answers = try Inbox<MediaError?>()
    let list = { pipeline.listControls { if case .success(let controls) = $0 { lists.add(controls) } } }
    let set = { (name: String, value: Int) in
      pipeline.setControl(name, to: value) { result in
        if case .failure(let error) = result { answers.add(error) } else { answers.add(nil) }
      }
    }
    pipeline.setActive(true)
    #expect(frames.wait(within: .seconds(60)) { !$0.isEmpty })
    list()
    set("brightness", 77)
    set("brightness", 256)
    list()
    #expect(lists.wait(within: .seconds(60)) { $0.count == 2 })
    pipeline.stop()
    #expect(answers.all == [nil, .controlValueRefused("brightness", allowed: "0 to 255")])
    #expect(lists.all[1].first { $0.name == "brightness" }?.value == 77)
    #expect(lists.all[0].contains { if case .menu(let items) = $0.kind { !items.isEmpty } else { false } })
    #expect(lists.all[0].contains { $0.kind == .boolean })
    #expect(lists.all[0].contains { $0.kind == .button })
  }

  @Test func decodesMotionJPEGAndLeavesOutWhatIsBroken() throws {
    guard let writer = MotionJPEGWriter("/dev/video9") else { return #expect(Bool(false), "v4l2loopback refuses") }
    let (frames, events) = (frames, events)
    let pipeline = try VideoPipeline(
      VideoConfiguration(
        source: .device("/dev/video9"),
        constraints: CaptureConstraints(width: .init(ideal: 64), height: .init(ideal: 48)), bitrate: 100_000, speed: 16),
      onFrame: { frames.add($0) }, onEvent: { events.add($0) })
    writer.write(motionJPEG)
    pipeline.setActive(true)
    let deadline = Clock.now() + .seconds(60)
    var isEnough = false
    while !isEnough, Clock.now() < deadline {
      let seen = frames.all.count
      writer.write(motionJPEG)
      _ = frames.wait(within: .milliseconds(200)) { $0.count > seen }
      writer.write(Array(motionJPEG.dropLast(100)))
      _ = frames.wait(within: .milliseconds(50)) { $0.count > seen + 1 }  // none comes: that is the pace of the writer
      isEnough = seen >= 5 && pipeline.statistics().framesDamaged >= 2
    }
    pipeline.stop()
    print("\(events.all) \(pipeline.statistics())")
    #expect(isEnough)
    let decoder = VP8Decoder()
    for frame in frames.all.prefix(5) {
      let luma = decoder.decode(frame) { [$0.y[24 * $0.yStride + 8], $0.y[24 * $0.yStride + 56]] } ?? []
      #expect(luma.count == 2 && luma[0] < 70 && luma[1] > 170)
    }
  }

  @Test func listsAndHearsTheLoopback() throws {
    let microphone = try #require(Microphones.list().first { $0.pcm == "plughw:CARD=Loopback,DEV=1" })
    #expect(microphone.card == "Loopback")
    let packets = try Inbox<EncodedAudioFrame>()
    let audioEvents = try Inbox<AudioEvent>()
    let pipeline = try AudioPipeline(
      AudioConfiguration(source: .device(microphone.pcm)), onFrame: { packets.add($0) },
      onEvent: { audioEvents.add($0) })
    pipeline.setActive(true)
    #expect(packets.wait(within: .seconds(60)) { $0.count >= 50 })
    print("\(audioEvents.all) \(pipeline.statistics())")
    #expect(
      packets.wait(within: .seconds(60)) { $0.contains { $0.level.decibelsBelowFullScale < 60 } }, "somebody plays")
    pipeline.stop()
  }
}

/// What v4l2loopback passes on as a camera's.
private struct MotionJPEGWriter: ~Copyable {
  private let descriptor: Int32

  init?(_ path: String) {
    descriptor = open(path, O_RDWR | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    var format = v4l2_format()
    format.type = V4L2_BUF_TYPE_VIDEO_OUTPUT.rawValue
    format.fmt.pix.width = 64
    format.fmt.pix.height = 48
    format.fmt.pix.pixelformat = 0x4750_4a4d  // MJPG
    format.fmt.pix.sizeimage = 65_536
    let status = withUnsafeMutableBytes(of: &format) { perch_v4l2_ioctl(descriptor, PERCH_S_FMT, $0.baseAddress) }
    if status != 0 { return nil }
  }

  deinit { close(descriptor) }

  func write(_ bytes: [UInt8]) { _ = Glibc.write(descriptor, bytes, bytes.count) }
}
