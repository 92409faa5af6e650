internal import LinuxIO
internal import Synchronization
internal import Wire

/// What the thread of an ``AudioPipeline`` has in hand.
struct AudioLoop: ~Copyable {
  private let configuration: AudioConfiguration
  private var usesTestTone: Bool
  private var opus: OpusSettings
  private let shared: SharedAudio
  private let onFrame: @Sendable (consuming EncodedAudioFrame) -> Void
  private let onEvent: @Sendable (AudioEvent) -> Void

  private var isActive = false
  private var isStopping = false
  private var source = Source.none
  private var encoder: OpusEncoder?
  private var watch: DeviceWatch?
  private var backoff = Backoff()
  private var retryAt: Instant?
  private var lastReported: MediaError?
  private var encoderFailed = false
  private var hadMicrophone = false
  private var timeline = AudioTimeline()
  private var packet: PacketAssembly
  private var batch: [SharedAudio.Command] = []

  private enum Source {
    case none
    case microphone(MicrophoneSource)
    case tone(ToneSource)
  }

  init(
    _ configuration: AudioConfiguration, shared: SharedAudio,
    onFrame: @escaping @Sendable (consuming EncodedAudioFrame) -> Void,
    onEvent: @escaping @Sendable (AudioEvent) -> Void
  ) {
    self.configuration = configuration
    self.shared = shared
    self.onFrame = onFrame
    self.onEvent = onEvent
    usesTestTone = configuration.usesTestTone
    opus = configuration.opus
    packet = PacketAssembly()
  }

  mutating func run() {
    while !isStopping {
      if isActive { work() } else { _ = waitForInput([shared.commands.descriptor], until: nil) }
      obey()
    }
  }

  private mutating func work() {
    switch source {
    case .none:
      if retryAt == nil, watch == nil { return openSource() }
      if let retryAt, retryAt <= Clock.now() { return openSource() }
      wait(until: retryAt)
    case .tone(let tone):
      wait(until: min(tone.nextPacket, retryAt ?? .distantFuture))
      let now = Clock.now()
      if now >= tone.nextPacket {
        tone.fill(&packet, now: now, timeline: &timeline)
        encode()
      }
      if let retryAt, now >= retryAt { openSource() }
    case .microphone(let microphone):
      do throws(MediaError) {
        try listen(to: microphone)
      } catch {
        source = .none
        lastReported = error
        onEvent(.lost(error))
        watch = Self.makeWatch()
        backoff.reset()
        retryAt = Clock.now() + backoff.wait()
      }
    }
  }

  private mutating func wait(until deadline: Instant?) {
    let ready = waitForInput([shared.commands.descriptor, watch?.raw ?? -1], until: deadline)
    guard ready & 2 != 0 else { return }
    watch = Self.makeWatch()  // anew, because /dev/snd may have come
    backoff.reset()
    // A card's files come one by one, and udev needs a moment to give the rights.
    retryAt = min(retryAt ?? .distantFuture, Clock.now() + .milliseconds(100))
  }

  private static func makeWatch() -> DeviceWatch? { try? DeviceWatch(["/dev", "/dev/snd"]) }

  private mutating func obey() {
    shared.commands.drain(into: &batch)
    for command in batch {
      switch command {
      case .stop: isStopping = true
      case .setActive(let wanted): setActive(wanted)
      case .setUsesTestTone(let wanted): setUsesTestTone(wanted)
      case .setBitrate(let bitrate): opus.bitrate = bitrate
      case .setExpectedLoss(let loss): opus.expectedLoss = loss
      }
    }
    if !batch.isEmpty { encoder?.apply(opus) }
    batch.removeAll(keepingCapacity: true)
  }
}

// MARK: Sound

extension AudioLoop {
  private mutating func listen(to microphone: MicrophoneSource) throws(MediaError) {
    let isReady = microphone.device.wait(or: shared.commands.descriptor, until: microphone.silentAt)
    guard isReady else {
      if Clock.now() >= microphone.silentAt { throw .deviceSilent(microphone.device.name) }
      return
    }
    reading: while true {
      switch try microphone.device.read(into: packet.rest) {
      case .nothing:
        break reading
      case .overrun:
        packet.removeAll()
        timeline.breakOff()
        shared.statistics.withLock { $0.overruns += 1 }
      case .samples(let count, let captured):
        microphone.heardSomething()
        if packet.isEmpty { packet.begin(captured: captured, position: timeline.position(at: captured)) }
        packet.add(count)
        if packet.isComplete {
          timeline.advance(by: OpusEncoder.samplesPerPacket)
          encode()
        }
      }
    }
  }

  /// Encodes the complete packet and starts the next one.
  private mutating func encode() {
    defer { packet.removeAll() }
    do throws(MediaError) {
      let start = Clock.now()
      guard let frame = try encoder?.encode(packet.samples, captured: packet.captured, position: packet.position) else {
        return
      }
      let took = Clock.now() - start
      let (level, byteCount) = (frame.level, frame.bytes.count)
      shared.statistics.withLock {
        $0.packetsEncoded += 1
        $0.bytesEncoded += UInt64(byteCount)
        $0.level = level
        $0.totalEncodeTime = $0.totalEncodeTime + took
      }
      encoderFailed = false
      onFrame(frame)
    } catch {
      if !encoderFailed { onEvent(.encoderFailed(error)) }
      encoderFailed = true
    }
  }
}

// MARK: Sources come and go

extension AudioLoop {
  private mutating func openSource() {
    guard configuration.source != .test else { return startTone() }
    let now = Clock.now()
    do throws(MediaError) {
      let microphone = MicrophoneSource(try findMicrophone())
      try prepare(channels: microphone.device.channels)
      source = .microphone(microphone)
      hadMicrophone = true
      watch = nil
      retryAt = nil
      lastReported = nil
      backoff.reset()
      onEvent(.started(.microphone(name: microphone.device.name, channels: microphone.device.channels)))
    } catch {
      if watch == nil { watch = Self.makeWatch() }
      let isAbsent = if case .deviceNotFound(_) = error { true } else { false }
      retryAt = isAbsent && watch != nil ? nil : now + backoff.wait()
      // That one is not there was said when it was lost, or is by the tone or the silence that follow.
      if lastReported != error, !(isAbsent && (configuration.source == .automatic || lastReported?.isLoss == true)) {
        lastReported = error
        onEvent(.unavailable(error))
      }
      guard case .none = source, configuration.source == .automatic, !hadMicrophone else { return }
      if usesTestTone {
        startTone()
      } else if isAbsent, lastReported != error {
        lastReported = error
        onEvent(.silent)
      }
    }
  }

  private mutating func setUsesTestTone(_ wanted: Bool) {
    guard wanted != usesTestTone else { return }
    usesTestTone = wanted
    guard isActive, configuration.source == .automatic else { return }
    switch source {
    case .tone where !wanted, .none where wanted:
      source = .none
      lastReported = nil
      openSource()
    case .none, .tone, .microphone:
      break
    }
  }

  /// The first microphone that opens: the cards' own devices, which have the least delay, then ALSA's default, which may be a
  /// sound server that holds them.
  private func findMicrophone() throws(MediaError) -> AlsaMicrophone {
    if case .device(let name) = configuration.source {
      return try AlsaMicrophone(name, channels: opus.channels)
    }
    var reason: MediaError?
    for name in Microphones.list().map(\.pcm) + ["default"] {
      do throws(MediaError) {
        return try AlsaMicrophone(name, channels: opus.channels)
      } catch {
        // A card's own answer says more than the default's.
        reason = reason ?? (name == "default" ? .deviceNotFound("a microphone") : error)
      }
    }
    throw reason ?? .deviceNotFound("a microphone")
  }

  private mutating func startTone() {
    do throws(MediaError) {
      try prepare(channels: opus.channels)
      source = .tone(ToneSource(channels: opus.channels, now: Clock.now()))
      onEvent(.started(.testTone))
    } catch {
      onEvent(.encoderFailed(error))
      retryAt = Clock.now() + backoff.wait()
    }
  }

  /// Makes the encoder and the packet for a source that starts.
  private mutating func prepare(channels: Int) throws(MediaError) {
    var settings = opus
    settings.channels = channels
    if encoder?.settings != settings {
      encoder = nil
      encoder = try OpusEncoder(settings)
    }
    opus.channels = channels
    packet = PacketAssembly(channels: channels)
    timeline.breakOff()
  }

  private mutating func setActive(_ wanted: Bool) {
    guard wanted != isActive else { return }
    isActive = wanted
    guard !wanted else { return }
    source = .none
    encoder = nil
    packet = PacketAssembly()
    watch = nil
    retryAt = nil
    lastReported = nil
    opus.channels = configuration.opus.channels
    backoff.reset()
    Microphones.freeConfiguration()
    onEvent(.slept)
  }
}

/// An open microphone and when it counts as hung.
final class MicrophoneSource {
  var device: AlsaMicrophone
  private(set) var silentAt: Instant

  /// A hundred packets: a working microphone is never as late.
  private static let patience = Interval.seconds(2)

  init(_ device: consuming AlsaMicrophone) {
    self.device = device
    silentAt = Clock.now() + Self.patience
  }

  func heardSomething() { silentAt = Clock.now() + Self.patience }
}

/// The test tone, paced as a microphone would be.
final class ToneSource {
  /// When the next packet is complete.
  private(set) var nextPacket: Instant
  private let tone: TestTone
  private static let packetLength = Interval.milliseconds(20)

  init(channels: Int, now: Instant) {
    tone = TestTone(channels: channels)
    nextPacket = now + Self.packetLength
  }

  /// Makes the packet that is due. The next one is due a packet's length later, whenever this one was made: no drift.
  func fill(_ packet: inout PacketAssembly, now: Instant, timeline: inout AudioTimeline) {
    if now - nextPacket > .seconds(1) {
      // The machine was suspended: what is past is past.
      nextPacket = now
      timeline.breakOff()
    }
    let captured = nextPacket - Self.packetLength
    nextPacket = nextPacket + Self.packetLength
    let position = timeline.position(at: captured)
    packet.begin(captured: captured, position: position)
    tone.fill(packet.rest, captured: captured, position: position)
    packet.add(OpusEncoder.samplesPerPacket)
    timeline.advance(by: OpusEncoder.samplesPerPacket)
  }
}

/// Numbers samples. While sound is unbroken the number is that of the samples, by the sound card's own clock; after a break it
/// is made to fit the time that has passed.
struct AudioTimeline {
  private var epoch: Instant?
  private var next: Int64 = 0
  private var isBroken = true

  /// The next sample's number, captured then.
  mutating func position(at captured: Instant) -> Int64 {
    guard isBroken else { return next }
    isBroken = false
    guard let epoch else {
      epoch = captured
      return next
    }
    let elapsed = (captured - epoch).nanoseconds / 1_000 * Int64(OpusEncoder.sampleRate) / 1_000_000
    next = max(next, elapsed)
    return next
  }

  mutating func advance(by count: Int) { next += Int64(count) }

  /// Sound is lost between the last sample and the next.
  mutating func breakOff() { isBroken = true }
}

/// A packet that fills up.
struct PacketAssembly: ~Copyable {
  private let memory: UnsafeMutableBufferPointer<Int16>
  private let channels: Int
  private var count = 0
  private(set) var captured = Instant(nanoseconds: 0)
  private(set) var position: Int64 = 0

  init(channels: Int = 1) {
    self.channels = channels
    memory = .allocate(capacity: OpusEncoder.samplesPerPacket * channels)
    memory.initialize(repeating: 0)
  }

  deinit { memory.deallocate() }

  var isEmpty: Bool { count == 0 }
  var isComplete: Bool { count == memory.count }
  /// All samples, interleaved; valid as long as the packet.
  var samples: UnsafeBufferPointer<Int16> { UnsafeBufferPointer(memory) }
  /// Where the next samples go.
  var rest: UnsafeMutableBufferPointer<Int16> { UnsafeMutableBufferPointer(rebasing: memory[count...]) }

  mutating func begin(captured: Instant, position: Int64) {
    self.captured = captured
    self.position = position
  }

  /// So many samples per channel were written to `rest`.
  mutating func add(_ frames: Int) { count = min(memory.count, count + frames * channels) }

  mutating func removeAll() { count = 0 }
}
