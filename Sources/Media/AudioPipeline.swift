package import LinuxIO
package import RTP
internal import Synchronization
package import Wire

/// What an audio pipeline starts with.
package struct AudioConfiguration: Equatable, Sendable {
  package var source: SourceSelection
  /// Whether, with an automatic source and no microphone, the test tone is sent. Beside a real camera's picture silence is better.
  package var usesTestTone: Bool
  package var opus: OpusSettings

  package init(
    source: SourceSelection = .automatic, usesTestTone: Bool = true, opus: OpusSettings = OpusSettings()
  ) {
    self.source = source
    self.usesTestTone = usesTestTone
    self.opus = opus
  }
}

/// What the sound comes from.
package enum AudioSource: Equatable, Sendable {
  case microphone(name: String, channels: Int)
  case testTone
}

/// What happens to an audio pipeline, for the log and the viewers.
package enum AudioEvent: Equatable, Sendable {
  /// Sound comes from this source from now on.
  case started(AudioSource)
  /// Nobody listens: the source was closed.
  case slept
  /// The microphone went away or fell silent; it is looked for until it is back.
  case lost(MediaError)
  /// The microphone cannot be opened; it is tried again. Not repeated while the reason stays the same, nor said where another event
  /// has said it.
  case unavailable(MediaError)
  /// There is no microphone, none was named, and no test tone is wanted: silence until one is plugged in.
  case silent
  case encoderFailed(MediaError)
}

/// Counters of an audio pipeline since it was made.
package struct AudioStatistics: Equatable, Sendable {
  package var packetsEncoded: UInt64 = 0
  package var bytesEncoded: UInt64 = 0
  /// Times that sound was lost because the machine was too busy to read it.
  package var overruns: UInt64 = 0
  /// Of the last packet.
  package var level = AudioLevel.silence
  /// Time spent in libopus.
  package var totalEncodeTime = Interval.zero

  package init() {}
}

/// A microphone (or the test tone) and its encoder, on one thread: encoding a packet takes a hundredth of its length.
///
/// All methods may be called from any thread and return at once. Nothing runs unless it is active. Starts inactive; `stop()` must
/// be called before it is let go.
package final class AudioPipeline: Sendable {
  private let shared: SharedAudio
  private let thread: Thread

  /// - Parameters:
  ///   - onFrame: called on the pipeline's thread with each packet.
  ///   - onEvent: called on the pipeline's thread.
  /// - Throws: `SystemError` when a thread or descriptor cannot be had.
  package init(
    _ configuration: AudioConfiguration, onFrame: @escaping @Sendable (consuming EncodedAudioFrame) -> Void,
    onEvent: @escaping @Sendable (AudioEvent) -> Void
  ) throws(SystemError) {
    let shared = try SharedAudio()
    self.shared = shared
    thread = try Thread(named: "mic") {
      var loop = AudioLoop(configuration, shared: shared, onFrame: onFrame, onEvent: onEvent)
      loop.run()
    }
  }

  /// Wakes the source, or lets it sleep.
  package func setActive(_ isActive: Bool) { shared.commands.post(.setActive(isActive)) }

  /// See ``AudioConfiguration/usesTestTone``: the tone ends, or starts, at once.
  package func set(usesTestTone: Bool) { shared.commands.post(.setUsesTestTone(usesTestTone)) }

  /// - Parameter bitrate: bits a second, 6,000 to 510,000.
  package func set(bitrate: Int) { shared.commands.post(.setBitrate(bitrate)) }

  /// - Parameter expectedLoss: per cent, the worst of what the viewers report.
  package func set(expectedLoss: Int) { shared.commands.post(.setExpectedLoss(expectedLoss)) }

  package func statistics() -> AudioStatistics { shared.statistics.withLock { $0 } }

  /// Ends the thread and waits for it. Call once; nothing is delivered after it has returned.
  package func stop() {
    shared.commands.post(.stop)
    thread.join()
  }
}

/// What the pipeline's thread and the others have in common.
final class SharedAudio: Sendable {
  enum Command: Sendable {
    case setActive(Bool)
    case setUsesTestTone(Bool)
    case setBitrate(Int)
    case setExpectedLoss(Int)
    case stop
  }

  let commands: Mailbox<Command>
  let statistics = Mutex(AudioStatistics())

  init() throws(SystemError) {
    commands = try Mailbox(capacity: 256)  // the thread looks at it 50 times a second
  }
}
