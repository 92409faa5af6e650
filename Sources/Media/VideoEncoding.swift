internal import LinuxIO
internal import Synchronization
internal import Wire

/// The encoding half of a ``VideoPipeline``: one slot for the newest picture, and the thread that compresses it.
final class VideoEncoding: Sendable {
  /// No keyframe comes sooner after another, whoever asks: a crowd that joins or loses packets at once gets one, and a hostile
  /// viewer cannot turn the stream into keyframes.
  static let keyframeSpacing = Interval.milliseconds(300)
  /// After a failure the encoder is tried again no sooner.
  private static let retryInterval = Interval.seconds(1)

  private let input: Mutex<Input>
  private let longestKeyframeInterval: Interval?
  private let wake: EventSignal
  private let published = Mutex(VideoStatistics())
  private let onFrame: @Sendable (consuming EncodedVideoFrame) -> Void
  private let onEvent: @Sendable (VideoEvent) -> Void

  /// What other threads leave for the encoding one.
  private struct Input {
    var picture: Picture?
    var settings: VP8Settings
    var keyframeWanted = false
    var isActive = false
    /// How often it was put to sleep: the encoding thread may be too busy to see that it slept at all.
    var sleeps = 0
    var isStopping = false
    var dropped: UInt64 = 0
  }

  init(
    _ configuration: VideoConfiguration, onFrame: @escaping @Sendable (consuming EncodedVideoFrame) -> Void,
    onEvent: @escaping @Sendable (VideoEvent) -> Void
  ) throws(SystemError) {
    wake = try EventSignal()
    input = Mutex(
      Input(
        settings: VP8Settings(
          frameRate: Int((configuration.constraints.frameRate.ideal ?? 30).rounded()), bitrate: configuration.bitrate,
          speed: configuration.speed, threads: configuration.threads)))
    longestKeyframeInterval = configuration.longestKeyframeInterval
    self.onFrame = onFrame
    self.onEvent = onEvent
  }

  // MARK: From any thread

  func setActive(_ isActive: Bool) {
    change {
      $0.isActive = isActive
      guard !isActive else { return }
      $0.sleeps += 1
      if let picture = $0.picture.take() { picture.release() }
    }
  }

  func requestKeyframe() {
    input.withLock { $0.keyframeWanted = true }  // the next picture will see it: no reason to wake up
  }

  func set(bitrate: Int) {
    input.withLock { $0.settings.bitrate = min(max(bitrate, 30_000), 100_000_000) }
  }

  func set(frameRate: Int) {
    input.withLock { $0.settings.frameRate = frameRate }
  }

  func stop() {
    change { $0.isStopping = true }
  }

  func statistics() -> VideoStatistics {
    let (dropped, settings) = input.withLock { ($0.dropped, $0.settings) }
    var statistics = published.withLock { $0 }
    statistics.framesDropped = dropped
    statistics.targetBitrate = settings.bitrate
    statistics.targetFrameRate = settings.frameRate
    return statistics
  }

  // MARK: From the capturing thread

  /// Takes a picture that is held; one that still waits is given back, because a newer one is worth more.
  func submit(_ picture: Picture) {
    let (stale, isTaken) = input.withLock { input -> (Picture?, Bool) in
      guard input.isActive, !input.isStopping else { return (picture, false) }
      let stale = input.picture
      if stale != nil { input.dropped += 1 }
      input.picture = picture
      return (stale, stale == nil)
    }
    stale?.release()
    if isTaken { wake.signal() }
  }

  private func change(_ body: (inout Input) -> Void) {
    input.withLock { body(&$0) }
    wake.signal()
  }

  // MARK: The encoding thread

  private struct Work {
    var picture: Picture?
    var settings: VP8Settings
    var keyframeWanted: Bool
    var isActive: Bool
    var sleeps: Int
    var isStopping: Bool
  }

  func run() {
    var encoder: VP8Encoder?
    var lastKeyframe: Instant?
    var failure: MediaError?
    var retryAt = Instant(nanoseconds: 0)
    var meter = RateMeter()
    var sleeps = 0
    while true {
      _ = waitForInput([wake.raw], until: nil)
      wake.clear()
      let work = input.withLock { input in
        Work(
          picture: input.picture.take(), settings: input.settings, keyframeWanted: input.keyframeWanted,
          isActive: input.isActive, sleeps: input.sleeps, isStopping: input.isStopping)
      }
      if work.isStopping || !work.isActive || work.sleeps != sleeps {
        sleeps = work.sleeps
        encoder = nil
        lastKeyframe = nil
      }
      if work.isStopping || !work.isActive {
        work.picture?.release()
        if work.isStopping { return }
        continue
      }
      guard let picture = work.picture else { continue }
      defer { picture.release() }
      let start = Clock.now()
      guard failure == nil || start >= retryAt else { continue }
      var settings = work.settings
      settings.width = picture.planes.width
      settings.height = picture.planes.height
      do throws(MediaError) {
        if encoder == nil || encoder?.canApply(settings) == false {
          encoder = nil  // the old one's memory first
          encoder = try VP8Encoder(settings)
        } else {
          try encoder?.apply(settings)
        }
        let sinceKeyframe = lastKeyframe.map { start - $0 } ?? .zero  // a new encoder's first one needs no asking
        let isAllowed = sinceKeyframe >= Self.keyframeSpacing
        let isDue = longestKeyframeInterval.map { sinceKeyframe >= $0 } ?? false
        let frame = try encoder?.encode(
          picture.planes, captured: picture.captured, forceKeyframe: isAllowed && (work.keyframeWanted || isDue))
        failure = nil
        guard let frame = frame ?? nil else { continue }
        if frame.isKeyframe {
          lastKeyframe = start
          input.withLock { $0.keyframeWanted = false }
        }
        publish(frame, took: Clock.now() - start, rate: meter.count(at: start))
        onFrame(frame)
      } catch {
        encoder = nil
        retryAt = start + Self.retryInterval
        if failure != error { onEvent(.encoderFailed(error)) }
        failure = error
      }
    }
  }

  private func publish(_ frame: borrowing EncodedVideoFrame, took: Interval, rate: Double) {
    let byteCount = frame.bytes.count
    let (isKeyframe, width, height) = (frame.isKeyframe, frame.width, frame.height)
    published.withLock { statistics in
      statistics.framesEncoded += 1
      if isKeyframe { statistics.keyFramesEncoded += 1 }
      statistics.totalEncodeTime = statistics.totalEncodeTime + took
      statistics.bytesEncoded += UInt64(byteCount)
      statistics.frameWidth = width
      statistics.frameHeight = height
      statistics.framesPerSecond = rate
    }
  }
}

/// Counts events in windows of a second.
struct RateMeter {
  private var start: Instant?
  private var events = 0
  private var rate = 0.0

  /// One more; how many there were a second, in the last whole window.
  mutating func count(at now: Instant) -> Double {
    guard let start else {
      start = now
      return 0
    }
    events += 1
    let elapsed = now - start
    if elapsed >= .seconds(1) {
      rate = Double(events) / elapsed.inSeconds
      events = 0
      self.start = now
    }
    return rate
  }
}
