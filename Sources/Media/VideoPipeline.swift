package import LinuxIO
internal import Synchronization
package import Wire

/// Where a pipeline's input comes from.
package enum SourceSelection: Equatable, Sendable {
  /// The first device that works; the test source when there is none at the start, until one comes.
  case automatic
  /// The test source.
  case test
  /// This device and no other: `/dev/video0`, `/dev/v4l/by-id/…` or a part of a camera's name; an ALSA PCM's name.
  case device(String)
}

/// What a video pipeline starts with. Bitrate, frame rate and size can be changed later.
package struct VideoConfiguration: Equatable, Sendable {
  package var source: SourceSelection
  package var constraints: CaptureConstraints
  /// Bits a second.
  package var bitrate: Int
  /// libvpx's speed, see ``VP8Settings/speed``.
  package var speed: Int
  /// See ``VP8Settings/threads``.
  package var threads: Int
  /// After this long a keyframe is made though nobody has asked for one; nil: never.
  package var longestKeyframeInterval: Interval?

  package init(
    source: SourceSelection = .automatic, constraints: CaptureConstraints = CaptureConstraints(),
    bitrate: Int = 1_000_000, speed: Int = 8, threads: Int = 1, longestKeyframeInterval: Interval? = nil
  ) {
    self.source = source
    self.constraints = constraints
    self.bitrate = bitrate
    self.speed = speed
    self.threads = threads
    self.longestKeyframeInterval = longestKeyframeInterval
  }
}

/// What the pictures come from.
package enum VideoSource: Equatable, Sendable {
  case camera(name: String, path: String, mode: CameraMode)
  case testPicture(width: Int, height: Int, frameRate: Int)
}

/// What happens to a video pipeline, for the log and the viewers.
package enum VideoEvent: Equatable, Sendable {
  /// Pictures come from this source from now on.
  case started(VideoSource)
  /// Nobody watches: the source was closed.
  case slept
  /// The camera went away or fell silent; it is looked for until it is back.
  case lost(MediaError)
  /// The camera cannot be opened; it is tried again. Not repeated while the reason stays the same, nor said where another event
  /// has said it: that the camera was lost, or that the test picture starts because there is none.
  case unavailable(MediaError)
  /// Pictures cannot be encoded; each second it is tried again.
  case encoderFailed(MediaError)
}

/// Counters of a video pipeline since it was made, named as in the W3C's webrtc-stats where there is a name.
package struct VideoStatistics: Equatable, Sendable {
  /// Pictures from the source (`RTCVideoSourceStats`).
  package var frames: UInt64 = 0
  /// Pictures that the driver dropped, or that were stale before they could be encoded.
  package var framesDropped: UInt64 = 0
  /// Pictures that arrived broken (half a Motion-JPEG, a transfer error).
  package var framesDamaged: UInt64 = 0
  package var framesEncoded: UInt64 = 0
  package var keyFramesEncoded: UInt64 = 0
  /// Time spent in libvpx.
  package var totalEncodeTime = Interval.zero
  package var bytesEncoded: UInt64 = 0
  /// Of the last encoded picture; 0 before.
  package var frameWidth = 0
  package var frameHeight = 0
  /// Pictures encoded a second, over the last one.
  package var framesPerSecond = 0.0
  /// Bits a second that the encoder aims at.
  package var targetBitrate = 0
  /// Pictures a second that it is set up for.
  package var targetFrameRate = 0

  package init() {}
}

/// A camera (or the test picture) and its encoder, on two threads of their own: `camera` captures, `encode` compresses the
/// newest picture and hands it to `onFrame`.
///
/// All methods may be called from any thread and return at once. Nothing runs, and device, pictures and encoder are freed,
/// unless it is active. Starts inactive; `stop()` must be called before it is let go.
package final class VideoPipeline: Sendable {
  private let capture: VideoCapture
  private let encoding: VideoEncoding
  private let threads: [Thread]

  /// - Parameters:
  ///   - onFrame: called on the encoding thread with each frame.
  ///   - onEvent: called on the thread where it happens.
  /// - Throws: `SystemError` when threads or descriptors cannot be had.
  package init(
    _ configuration: VideoConfiguration, onFrame: @escaping @Sendable (consuming EncodedVideoFrame) -> Void,
    onEvent: @escaping @Sendable (VideoEvent) -> Void
  ) throws(SystemError) {
    let encoding = try VideoEncoding(configuration, onFrame: onFrame, onEvent: onEvent)
    let capture = try VideoCapture(configuration, encoding: encoding, onEvent: onEvent)
    self.encoding = encoding
    self.capture = capture
    let encode = try Thread(named: "encode") { encoding.run() }
    do {
      threads = [try Thread(named: "camera") { capture.run() }, encode]
    } catch {
      encoding.stop()
      encode.join()
      throw error
    }
  }

  /// Wakes the source, or lets it sleep. The first frame after waking is a keyframe.
  package func setActive(_ isActive: Bool) { capture.post(.setActive(isActive)) }

  /// Makes the next frame a keyframe; requests within `VideoEncoding.keyframeSpacing` of the last one are answered by one at
  /// its end.
  package func requestKeyframe() { encoding.requestKeyframe() }

  /// - Parameter bitrate: bits a second.
  package func set(bitrate: Int) { encoding.set(bitrate: bitrate) }

  /// - Parameter frameRate: frames a second, 1 to 120; pictures are left out where the camera cannot go as slow.
  package func set(frameRate: Int) { capture.post(.setFrameRate(min(max(frameRate, 1), 120))) }

  /// The camera's nearest mode is taken, and scaled down to fit where that is larger. The next frame is a keyframe.
  package func set(width: Int, height: Int) {
    capture.post(.setSize(width: min(max(width, 64), 4096), height: min(max(height, 48), 4096)))
  }

  /// The camera's controls. `reply` is called on the camera's thread, with an error when there is no camera.
  package func listControls(_ reply: @escaping @Sendable (Result<[CameraControl], MediaError>) -> Void) {
    if !capture.post(.listControls(reply)) { reply(.failure(.deviceSilent("the camera"))) }
  }

  /// Sets a control, and again whenever the camera has been away. `reply` is called on the camera's thread.
  package func setControl(
    _ name: String, to value: Int, _ reply: @escaping @Sendable (Result<Void, MediaError>) -> Void
  ) {
    if !capture.post(.setControl(name, value, reply)) { reply(.failure(.deviceSilent("the camera"))) }
  }

  /// Calls back on the camera's thread when all that was asked before is done: after waking up, the source has started by then and
  /// its event is delivered, or has failed.
  package func settle(_ reply: @escaping @Sendable () -> Void) {
    if !capture.post(.settle(reply)) { reply() }
  }

  /// What can be chosen of the source that runs, or ran last.
  package func choices() -> VideoChoices { capture.choices() }

  package func statistics() -> VideoStatistics {
    var statistics = encoding.statistics()
    let counts = capture.counts()
    statistics.frames = counts.frames
    statistics.framesDropped += counts.dropped
    statistics.framesDamaged = counts.damaged
    return statistics
  }

  /// Ends both threads and waits for them. Call once; nothing is delivered after it has returned.
  package func stop() {
    capture.post(.stop)
    encoding.stop()
    for thread in threads { thread.join() }
  }
}
