internal import CVPX
package import Wire

/// What a VP8 encoder is asked for.
package struct VP8Settings: Equatable, Sendable {
  /// Luma samples, 16 to 16383 (RFC 6386 §9.1 has 14 bits).
  package var width: Int
  package var height: Int
  /// Frames a second, 1 to 120: what the rate control starts from; it then follows the capture times.
  package var frameRate: Int
  /// Bits a second.
  package var bitrate: Int
  /// libvpx's `cpu-used`, 0 (best) to 16 (fastest). From 9 on it skips what a clean picture does not need.
  package var speed: Int
  /// Threads that encode one frame. More than one costs CPU to save time, and pays from 720p up only.
  package var threads: Int

  package init(
    width: Int = 640, height: Int = 480, frameRate: Int = 30, bitrate: Int = 1_000_000, speed: Int = 8, threads: Int = 1
  ) {
    self.width = width
    self.height = height
    self.frameRate = frameRate
    self.bitrate = bitrate
    self.speed = speed
    self.threads = threads
  }
}

/// libvpx's VP8 encoder, set up for live video: constant bitrate, no look-ahead, one spatial and one temporal layer, keyframes
/// only on request. Used by one thread.
///
/// Error resilience is off. It would reset the entropy contexts with each frame, so that a decoder can go on after a lost one,
/// for about a tenth more bits. Here a lost packet is sent again (NACK, RTX), and where that fails the viewer asks for a
/// keyframe (PLI): no decoder ever goes on without a frame.
package struct VP8Encoder: ~Copyable {
  /// On the heap, because libvpx may keep its address.
  private let context: UnsafeMutablePointer<vpx_codec_ctx_t>
  private var configuration: vpx_codec_enc_cfg_t
  package private(set) var settings: VP8Settings
  /// The encoder's own time, in microseconds: that of the captures without gaps longer than `longestInterval`.
  private var time: Int64 = 0
  private var lastCapture: Instant?

  /// A longer pause between two captures counts as this much: the rate control takes the interval for the frame rate, and after
  /// a pause of a minute it would give a minute's bits to one frame.
  private static let longestInterval = Interval.milliseconds(500)

  /// A buffer of half a second is the least with which the quantiser stays calm; what it holds is never queued anywhere, it
  /// only bounds how far the encoder may run ahead of the rate.
  private static let bufferMilliseconds: UInt32 = 500
  /// A keyframe may take as much as this share of a second's bits: at 1 Mbit/s 25 KB, which a path of twice the rate carries in
  /// 100 ms.
  private static let keyframeShareOfASecond = 0.2

  /// - Throws: ``MediaError/codec(_:)`` when libvpx refuses the settings or has no memory.
  package init(_ settings: VP8Settings) throws(MediaError) {
    perch_keep_heap_small()
    var configuration = vpx_codec_enc_cfg_t()
    guard perch_vp8_defaults(&configuration) == VPX_CODEC_OK else { throw .codec("libvpx has no VP8 encoder") }
    Self.fill(&configuration, from: settings)
    let context = UnsafeMutablePointer<vpx_codec_ctx_t>.allocate(capacity: 1)
    context.initialize(to: vpx_codec_ctx_t())
    guard perch_vp8_encoder_open(context, &configuration) == VPX_CODEC_OK else {
      let reason = Self.explain(context)
      context.deallocate()
      throw .codec("libvpx refuses \(settings.width)x\(settings.height) at \(settings.bitrate) bit/s: \(reason)")
    }
    self.context = context
    self.configuration = configuration
    self.settings = settings
    control(VP8E_SET_CPUUSED, -Int32(clamping: settings.speed))  // negative: no adaptation to the time left
    control(VP8E_SET_STATIC_THRESHOLD, 1)  // blocks that did not change are not looked at
    control(VP8E_SET_NOISE_SENSITIVITY, 0)  // denoising costs as much as encoding
    control(VP8E_SET_TOKEN_PARTITIONS, 0)  // one: more would only help a decoder with more threads
    control(VP8E_SET_SCREEN_CONTENT_MODE, 0)
    limitKeyframes()
  }

  deinit {
    vpx_codec_destroy(context)
    context.deallocate()
  }

  /// Encodes one picture; nil when the encoder drops it, which it does not with these settings.
  ///
  /// - Parameters:
  ///   - planes: of the size in `settings`; read during the call only.
  ///   - captured: later than that of the picture before.
  /// - Throws: ``MediaError/codec(_:)``.
  package mutating func encode(
    _ planes: I420Planes, captured: Instant, forceKeyframe: Bool = false
  ) throws(MediaError) -> EncodedVideoFrame? {
    precondition(
      planes.width == settings.width && planes.height == settings.height,
      "the pipeline changes the encoder's size before it hands in a picture of another size")
    let nominal = Interval.nanoseconds(1_000_000_000) / Int64(settings.frameRate)
    let elapsed = lastCapture.map { captured - $0 } ?? nominal
    // libvpx wants time to move on, whatever the camera's clock does.
    let duration = max(1, min(elapsed, Self.longestInterval).microseconds)
    if lastCapture != nil { time += duration }
    lastCapture = captured

    var pointers = (UnsafePointer<UInt8>?(planes.y), UnsafePointer<UInt8>?(planes.u), UnsafePointer<UInt8>?(planes.v))
    var strides = (Int32(planes.yStride), Int32(planes.uvStride), Int32(planes.uvStride))
    let status = withUnsafePointer(to: &pointers) { pointers in
      withUnsafePointer(to: &strides) { strides in
        perch_vp8_encode(
          context, UInt32(planes.width), UInt32(planes.height),
          UnsafeRawPointer(pointers).assumingMemoryBound(to: UnsafePointer<UInt8>?.self),
          UnsafeRawPointer(strides).assumingMemoryBound(to: Int32.self),
          time, UInt(nominal.microseconds), forceKeyframe ? 1 : 0)
      }
    }
    guard status == VPX_CODEC_OK else { throw .codec("libvpx cannot encode: \(Self.explain(context))") }

    var iterator: vpx_codec_iter_t?
    var size = 0
    var isKeyframe: Int32 = 0
    guard let data = perch_vpx_frame(context, &iterator, &size, &isKeyframe) else { return nil }
    return EncodedVideoFrame(
      bytes: [UInt8](UnsafeRawBufferPointer(start: data, count: size)), isKeyframe: isKeyframe != 0,
      width: settings.width, height: settings.height, captured: captured)
  }

  /// Takes a new bitrate, frame rate or speed at once, without a keyframe. The size and the threads must stay the same: make
  /// a new encoder for those (libvpx cannot grow a picture in place, and a keyframe is due in any case).
  ///
  /// - Throws: ``MediaError/codec(_:)``; the old settings hold then.
  package mutating func apply(_ new: VP8Settings) throws(MediaError) {
    precondition(canApply(new), "the pipeline asks canApply first")
    guard new != settings else { return }
    var changed = configuration
    Self.fill(&changed, from: new)
    guard vpx_codec_enc_config_set(context, &changed) == VPX_CODEC_OK else {
      throw .codec("libvpx refuses \(new.bitrate) bit/s at \(new.frameRate) frames a second: \(Self.explain(context))")
    }
    configuration = changed
    if new.speed != settings.speed { control(VP8E_SET_CPUUSED, -Int32(clamping: new.speed)) }
    settings = new
    limitKeyframes()
  }

  /// Whether `apply` can take these without a new encoder.
  package func canApply(_ new: VP8Settings) -> Bool {
    new.width == settings.width && new.height == settings.height && new.threads == settings.threads
  }

  private static func fill(_ configuration: inout vpx_codec_enc_cfg_t, from settings: VP8Settings) {
    configuration.g_w = UInt32(clamping: settings.width)
    configuration.g_h = UInt32(clamping: settings.height)
    configuration.g_threads = UInt32(clamping: settings.threads)
    configuration.g_timebase = vpx_rational_t(num: 1, den: 1_000_000)
    configuration.g_error_resilient = 0
    configuration.g_lag_in_frames = 0
    configuration.g_pass = VPX_RC_ONE_PASS
    configuration.kf_mode = VPX_KF_DISABLED
    configuration.rc_end_usage = VPX_CBR
    configuration.rc_target_bitrate = UInt32(clamping: max(1, settings.bitrate / 1000))
    configuration.rc_dropframe_thresh = 0
    configuration.rc_resize_allowed = 0
    configuration.rc_min_quantizer = 2  // below, bits buy nothing that can be seen
    configuration.rc_max_quantizer = 56
    configuration.rc_undershoot_pct = 100
    configuration.rc_overshoot_pct = 15
    configuration.rc_buf_sz = bufferMilliseconds
    configuration.rc_buf_initial_sz = bufferMilliseconds / 2
    configuration.rc_buf_optimal_sz = bufferMilliseconds * 3 / 5
  }

  /// The bound is set in per cent of what one frame has on average.
  private func limitKeyframes() {
    let frames = Self.keyframeShareOfASecond * Double(settings.frameRate)
    control(VP8E_SET_MAX_INTRA_BITRATE_PCT, Int32(max(3, frames) * 100))
  }

  /// These settings exist in every libvpx with VP8, and the values are in range: a refusal cannot be acted upon.
  private func control(_ setting: vp8e_enc_control_id, _ value: Int32) {
    _ = perch_vpx_control(context, Int32(setting.rawValue), value)
  }

  private static func explain(_ context: UnsafeMutablePointer<vpx_codec_ctx_t>) -> String {
    if let detail = vpx_codec_error_detail(context) { return String(cString: detail) }
    return vpx_codec_error(context).map { String(cString: $0) } ?? "no reason given"
  }
}
