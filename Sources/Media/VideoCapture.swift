internal import LinuxIO
internal import Synchronization
internal import Wire

/// The capturing half of a ``VideoPipeline``: the thread that owns the camera, or paints the test picture.
///
///     asleep ── active ──▶ searching ── opened ──▶ camera ── lost ──▶ searching
///                              │  no camera at all, automatic           ▲
///                              └───────────▶ test picture ── one came ──┘
final class VideoCapture: Sendable {
  enum Command: Sendable {
    case setActive(Bool)
    case setFrameRate(Int)
    case setSize(width: Int, height: Int)
    case listControls(@Sendable (Result<[CameraControl], MediaError>) -> Void)
    case setControl(String, Int, @Sendable (Result<Void, MediaError>) -> Void)
    case settle(@Sendable () -> Void)
    case stop
  }

  struct Counts: Sendable {
    var frames: UInt64 = 0
    var dropped: UInt64 = 0
    var damaged: UInt64 = 0
  }

  private let commands: Mailbox<Command>
  private let published = Mutex(Counts())
  private let offered = Mutex(VideoChoices())
  private let configuration: VideoConfiguration
  private let encoding: VideoEncoding
  private let onEvent: @Sendable (VideoEvent) -> Void

  /// - Throws: `SystemError` when there is no descriptor left.
  init(
    _ configuration: VideoConfiguration, encoding: VideoEncoding, onEvent: @escaping @Sendable (VideoEvent) -> Void
  ) throws(SystemError) {
    commands = try Mailbox(capacity: 256)  // control commands are as fast as people and pages: this never fills
    self.configuration = configuration
    self.encoding = encoding
    self.onEvent = onEvent
  }

  @discardableResult
  func post(_ command: Command) -> Bool { commands.post(command) }

  func counts() -> Counts { published.withLock { $0 } }
  func choices() -> VideoChoices { offered.withLock { $0 } }

  func run() {
    var loop = CaptureLoop(
      configuration, encoding: encoding, commands: commands, onEvent: onEvent,
      publish: { counts in self.published.withLock { $0 = counts } },
      offer: { choices in self.offered.withLock { $0 = choices } })
    loop.run()
  }
}

/// What the capturing thread has in hand.
private struct CaptureLoop: ~Copyable {
  private let selection: SourceSelection
  private var constraints: CaptureConstraints
  private let encoding: VideoEncoding
  private let commands: Mailbox<VideoCapture.Command>
  private let onEvent: @Sendable (VideoEvent) -> Void
  private let publish: (VideoCapture.Counts) -> Void
  private let offer: (VideoChoices) -> Void

  private var isActive = false
  private var isStopping = false
  private var source = Source.none
  private var finder: CameraFinder
  private var watch: DeviceWatch?
  private var backoff = Backoff()
  /// When to look for the camera again; nil when only the watch can tell.
  private var retryAt: Instant?
  private var lastReported: MediaError?
  /// Once a camera was there, its loss is no reason to show the test picture.
  private var hadCamera = false
  /// What was set at run time, to be set again on a camera that was away.
  private var controls: [String: Int] = [:]
  private var counter: UInt32 = 0
  private var counts = VideoCapture.Counts()
  private var batch: [VideoCapture.Command] = []

  private enum Source {
    case none
    case camera(CameraSource)
    case test(TestSource)
  }

  init(
    _ configuration: VideoConfiguration, encoding: VideoEncoding, commands: Mailbox<VideoCapture.Command>,
    onEvent: @escaping @Sendable (VideoEvent) -> Void, publish: @escaping (VideoCapture.Counts) -> Void,
    offer: @escaping (VideoChoices) -> Void
  ) {
    selection = configuration.source
    constraints = configuration.constraints
    finder = CameraFinder(configuration.source)
    self.encoding = encoding
    self.commands = commands
    self.onEvent = onEvent
    self.publish = publish
    self.offer = offer
  }

  mutating func run() {
    while !isStopping {
      if isActive { work() } else { _ = waitForInput([commands.descriptor], until: nil) }
      obey()
    }
  }

  /// Waits for the source, and passes on what it has.
  private mutating func work() {
    let now: Instant
    switch source {
    case .none:
      if let retryAt, retryAt > Clock.now() { wait(for: -1, until: retryAt) } else { openSource() }
    case .test(let test):
      wait(for: -1, until: min(test.nextFrame, retryAt ?? .distantFuture))
      now = Clock.now()
      if now >= test.nextFrame { paint(test, now: now) }
      if let retryAt, now >= retryAt { openSource() }
    case .camera(let camera):
      let isReadable = wait(for: camera.descriptor, until: camera.silentAt)
      now = Clock.now()
      do throws(MediaError) {
        if isReadable {
          try take(from: camera, now: now)
        } else if now >= camera.silentAt {
          throw .deviceSilent(camera.path)
        }
      } catch {
        lose(error, now: now)
      }
    }
  }

  /// - Returns: whether `descriptor` is readable. Whatever happened, commands are looked at next.
  @discardableResult
  private mutating func wait(for descriptor: Int32, until deadline: Instant) -> Bool {
    let watched = watch?.raw ?? -1  // poll leaves negative ones alone
    let ready = waitForInput([commands.descriptor, descriptor, watched], until: deadline)
    if ready & 4 != 0 {
      watch?.clear()
      backoff.reset()
      // udev needs a moment to give the rights and the names; what is tried too early is tried again.
      retryAt = min(retryAt ?? .distantFuture, Clock.now() + .milliseconds(50))
    }
    return ready & 2 != 0
  }

  private mutating func obey() {
    commands.drain(into: &batch)
    for command in batch {
      switch command {
      case .stop: isStopping = true
      case .setActive(let wanted): setActive(wanted)
      case .setFrameRate(let rate): setFrameRate(rate)
      case .setSize(let width, let height): setSize(width, height)
      case .listControls(let reply): reply(listControls())
      case .setControl(let name, let value, let reply): reply(setControl(name, value))
      case .settle(let reply): reply()
      }
    }
    batch.removeAll(keepingCapacity: true)
  }
}

// MARK: Pictures

extension CaptureLoop {
  private mutating func take(from camera: CameraSource, now: Instant) throws(MediaError) {
    let (picture, fresh) = try camera.newestPicture(now: now)
    if fresh.frames + fresh.dropped + fresh.damaged > 0 {
      counts.frames += fresh.frames
      counts.dropped += fresh.dropped
      counts.damaged += fresh.damaged
      publish(counts)
    }
    if let picture { encoding.submit(picture) }
  }

  private mutating func paint(_ test: TestSource, now: Instant) {
    if let picture = test.paint(counter: counter, now: now) { encoding.submit(picture) }
    counter &+= 1
    counts.frames += 1
    publish(counts)
  }
}

// MARK: Sources come and go

extension CaptureLoop {
  /// Opens the camera that is to be used, or the test picture where that is right.
  private mutating func openSource() {
    guard selection != .test else { return startTestPicture() }
    let now = Clock.now()
    do throws(MediaError) {
      let camera = CameraSource(try finder.open(constraints), constraints: constraints)
      source = .camera(camera)
      hadCamera = true
      watch = nil
      retryAt = nil
      lastReported = nil
      backoff.reset()
      for (name, value) in controls { try? camera.setControl(name, to: value) }
      encoding.set(frameRate: camera.frameRate(atMost: constraints))
      offer(VideoChoices(of: camera.capabilities))
      onEvent(.started(.camera(name: camera.name, path: camera.path, mode: camera.mode)))
    } catch {
      if watch == nil { watch = try? DeviceWatch(["/dev"]) }
      // Nothing there: the watch tells. There, but not usable: that may end without anything in /dev changing.
      let isAbsent = if case .deviceNotFound(_) = error { true } else { false }
      retryAt = isAbsent && watch != nil ? nil : now + backoff.wait()
      // That one is not there was said when it was lost, or is by the test picture.
      if lastReported != error, !(isAbsent && (selection == .automatic || lastReported?.isLoss == true)) {
        lastReported = error
        onEvent(.unavailable(error))
      }
      guard case .none = source else { return }
      if selection == .automatic, !hadCamera { startTestPicture() } else { retryAt = retryAt ?? now + backoff.wait() }
    }
  }

  private mutating func startTestPicture() {
    let test = TestSource(constraints, now: Clock.now())
    source = .test(test)
    encoding.set(frameRate: test.frameRate)
    offer(.ofTheTestPicture)
    onEvent(.started(.testPicture(width: test.width, height: test.height, frameRate: test.frameRate)))
  }

  private mutating func lose(_ error: MediaError, now: Instant) {
    source = .none
    lastReported = error
    onEvent(.lost(error))
    watch = try? DeviceWatch(["/dev"])
    backoff.reset()
    retryAt = now + backoff.wait()
  }

  private mutating func setActive(_ wanted: Bool) {
    guard wanted != isActive else { return }
    isActive = wanted
    encoding.setActive(wanted)
    // At once, so that commands behind this one find the source.
    guard !wanted else { return openSource() }
    close()
    onEvent(.slept)
  }

  private mutating func close() {
    source = .none
    watch = nil
    retryAt = nil
    lastReported = nil
    backoff.reset()
  }

  private mutating func setFrameRate(_ rate: Int) {
    constraints.frameRate.ideal = Double(rate)
    adapt()
  }

  private mutating func setSize(_ width: Int, _ height: Int) {
    constraints.width.ideal = Double(width)
    constraints.height.ideal = Double(height)
    adapt()
  }

  /// Lets the running source follow new constraints; a camera is closed and opened again only if it has a better mode.
  private mutating func adapt() {
    switch source {
    case .none:
      break
    case .test:
      source = .none
      startTestPicture()
    case .camera(let camera):
      if camera.adapt(to: constraints) {
        encoding.set(frameRate: camera.frameRate(atMost: constraints))
      } else {
        source = .none
        retryAt = nil
      }
    }
  }
}

// MARK: Controls

extension CaptureLoop {
  private mutating func listControls() -> Result<[CameraControl], MediaError> {
    switch source {
    case .camera(let camera): .success(camera.controls())
    case .none, .test: .failure(.deviceNotFound("a camera"))
    }
  }

  private mutating func setControl(_ name: String, _ value: Int) -> Result<Void, MediaError> {
    switch source {
    case .camera(let camera):
      do throws(MediaError) {
        try camera.setControl(name, to: value)
        controls[name] = value
        return .success(())
      } catch {
        return .failure(error)
      }
    case .none, .test:
      return .failure(.deviceNotFound("a camera"))
    }
  }
}
