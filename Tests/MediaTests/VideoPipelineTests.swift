import LinuxIO
import Media
import Testing
import Wire

@Suite(.serialized) struct VideoPipelineTests {
  let frames: Inbox<EncodedVideoFrame>
  let events: Inbox<VideoEvent>

  init() throws {
    frames = try Inbox()
    events = try Inbox()
  }

  func pipeline(_ configuration: VideoConfiguration) throws -> VideoPipeline {
    let (frames, events) = (frames, events)
    return try VideoPipeline(configuration, onFrame: { frames.add($0) }, onEvent: { events.add($0) })
  }

  static let small = VideoConfiguration(
    source: .test,
    constraints: CaptureConstraints(width: .init(ideal: 320), height: .init(ideal: 240), frameRate: .init(ideal: 30)),
    bitrate: 400_000)

  @Test func theTestPictureArrivesInOrderAndDecodable() throws {
    let pipeline = try pipeline(Self.small)
    pipeline.setActive(true)
    #expect(frames.wait { $0.count >= 20 })
    pipeline.stop()
    let decoder = VP8Decoder()
    let counters = frames.all.prefix(20).map { decoder.counter(in: $0) }
    let read = counters.compactMap { $0 }
    #expect(read.count == 20)
    #expect(zip(read, read.dropFirst()).allSatisfy { $0 < $1 })
    #expect(frames.all[0].isKeyframe)
    #expect(zip(frames.all, frames.all.dropFirst()).allSatisfy { $0.captured < $1.captured })
    #expect(events.all.first == .started(.testPicture(width: 320, height: 240, frameRate: 30)))
  }

  @Test func nothingComesBeforeItIsActive() throws {
    let pipeline = try pipeline(Self.small)
    pipeline.stop()
    #expect(frames.all.isEmpty)
    #expect(events.all.isEmpty)
  }

  @Test func startsWithAKeyframeAgainAfterSleep() throws {
    let pipeline = try pipeline(Self.small)
    pipeline.setActive(true)
    #expect(frames.wait { $0.count >= 3 })
    pipeline.setActive(false)
    #expect(events.wait { $0.last == .slept })
    pipeline.setActive(true)
    #expect(frames.wait { $0.filter(\.isKeyframe).count == 2 })
    pipeline.stop()
  }

  /// However short: the encoding thread may have been too busy to see it.
  @Test func anUnnoticedSleepEndsInAKeyframeToo() throws {
    let pipeline = try pipeline(Self.small)
    for round in 1...5 {
      pipeline.setActive(true)
      #expect(frames.wait { $0.filter(\.isKeyframe).count == round })
      pipeline.setActive(false)
    }
    pipeline.stop()
  }

  @Test func makesAKeyframeUnaskedAfterTheLongestInterval() throws {
    var configuration = Self.small
    configuration.longestKeyframeInterval = .milliseconds(500)
    let pipeline = try pipeline(configuration)
    pipeline.setActive(true)
    #expect(frames.wait { $0.filter(\.isKeyframe).count == 3 })
    pipeline.stop()
    let keyframes = frames.all.filter(\.isKeyframe).map(\.captured)
    #expect(zip(keyframes, keyframes.dropFirst()).allSatisfy { $1 - $0 >= .milliseconds(450) })
  }

  @Test func aBurstOfKeyframeRequestsMakesOneAndNotBeforeItsTime() throws {
    let pipeline = try pipeline(Self.small)
    pipeline.setActive(true)
    #expect(frames.wait { $0.count >= 2 })
    for _ in 0..<50 { pipeline.requestKeyframe() }
    #expect(frames.wait { $0.filter(\.isKeyframe).count == 2 })
    let seen = frames.all.count
    #expect(frames.wait { $0.count >= seen + 15 })
    pipeline.stop()
    let keyframes = frames.all.filter(\.isKeyframe)
    #expect(keyframes.count == 2)
    #expect(keyframes[1].captured - keyframes[0].captured >= .milliseconds(250))
  }

  @Test func changesSizeWithAKeyframe() throws {
    let pipeline = try pipeline(Self.small)
    pipeline.setActive(true)
    #expect(frames.wait { $0.count >= 3 })
    pipeline.set(width: 160, height: 120)
    #expect(frames.wait { $0.contains { $0.width == 160 } })
    pipeline.stop()
    let first = try #require(frames.all.first { $0.width == 160 })
    #expect(first.isKeyframe)
    #expect(first.height == 120)
  }

  @Test func changesTheFrameRate() throws {
    let pipeline = try pipeline(Self.small)
    pipeline.setActive(true)
    #expect(frames.wait { $0.count >= 3 })
    pipeline.set(frameRate: 10)
    #expect(events.wait { $0.contains(.started(.testPicture(width: 320, height: 240, frameRate: 10))) })
    let seen = frames.all.count
    #expect(frames.wait { $0.count >= seen + 6 })
    pipeline.stop()
    let slow = frames.all.suffix(4).map(\.captured)
    #expect(slow[3] - slow[0] > .milliseconds(150))
  }

  @Test func countsWhatItDoes() throws {
    let pipeline = try pipeline(Self.small)
    pipeline.setActive(true)
    #expect(frames.wait { $0.count >= 10 })
    let statistics = pipeline.statistics()
    pipeline.stop()
    #expect(statistics.framesEncoded >= 10)
    #expect(statistics.frames >= statistics.framesEncoded)
    #expect(statistics.keyFramesEncoded == 1)
    #expect(statistics.frameWidth == 320 && statistics.frameHeight == 240)
    #expect(statistics.totalEncodeTime > .zero)
    #expect(statistics.targetBitrate == 400_000)
  }

  @Test func aCameraThatIsNotThereIsReportedOnceAndLookedFor() throws {
    var configuration = Self.small
    configuration.source = .device("/dev/no-such-camera")
    let pipeline = try pipeline(configuration)
    pipeline.setActive(true)
    #expect(events.wait { !$0.isEmpty })
    pipeline.setActive(false)
    #expect(events.wait { $0.last == .slept })
    pipeline.stop()
    #expect(events.all == [.unavailable(.deviceNotFound("/dev/no-such-camera")), .slept])
    #expect(frames.all.isEmpty)
  }

  @Test func controlsOfTheTestPictureAreRefused() throws {
    let pipeline = try pipeline(Self.small)
    let answers = try Inbox<MediaError?>()
    pipeline.setActive(true)
    #expect(frames.wait { !$0.isEmpty })
    pipeline.setControl("brightness", to: 1) { result in
      if case .failure(let error) = result { answers.add(error) } else { answers.add(nil) }
    }
    #expect(answers.wait { $0 == [.deviceNotFound("a camera")] })
    pipeline.stop()
  }
}
