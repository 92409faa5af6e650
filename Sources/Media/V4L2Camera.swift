internal import CV4L
internal import Glibc
internal import LinuxIO
internal import Wire

/// A camera that streams. Used by one thread.
///
/// Poll `descriptor` for reading, then call `newest()`, use the frame, and give its buffer back by `requeue(_:)`. When anything
/// throws, the camera is of no more use: let it go and open another.
struct V4L2Camera: ~Copyable {
  private let device: V4L2Device
  let mode: CameraMode
  /// Bytes from one row of the first plane to the next.
  let stride: Int
  private let buffers: [MappedBuffer]
  private var lastSequence: UInt32?
  /// Since they were last set to 0: frames that the driver dropped or that were stale when we came, and that arrived damaged.
  var framesDropped: UInt64 = 0
  var framesDamaged: UInt64 = 0
  /// What it offers, for a change of mode.
  let capabilities: [CameraCapability]

  /// A frame in one of the camera's buffers, which is the reader's until it is queued again.
  struct Frame {
    var index: Int
    var bytes: UnsafeRawBufferPointer
    var captured: Instant
    /// Keeps `bytes` mapped, even after the camera was closed.
    var owner: MappedBuffer
  }

  /// One with the reader, one waiting for it, two for the driver to fill in turn.
  private static let buffersWanted: UInt32 = 4
  /// How many modes are tried before a camera counts as unusable.
  private static let maximumAttempts = 6

  /// Opens a camera and starts it in the best mode that it accepts.
  ///
  /// - Throws: ``MediaError``: what `V4L2Device` throws, or that no mode fits or all were refused.
  init(path: String, constraints: CaptureConstraints) throws(MediaError) {
    let device = try V4L2Device(path)
    let capabilities = device.capabilities()
    let modes = constraints.rank(capabilities)
    guard !modes.isEmpty else {
      throw .noFittingMode(path, nearest: constraints.nearest(capabilities)?.description)
    }
    var refusal: MediaError?
    for mode in modes.prefix(Self.maximumAttempts) {
      do {
        let started = try Self.start(device, mode)
        self.device = device
        self.mode = started.mode
        stride = started.stride
        buffers = started.buffers
        self.capabilities = capabilities
        return
      } catch {
        Self.stop(device)
        switch error {
        case .system(_, _), .noFittingMode(_, _): refusal = error  // this mode; the next may do
        default: throw error  // the device: no other mode will help
        }
      }
    }
    throw refusal ?? .noFittingMode(path, nearest: nil)
  }

  deinit {
    var type = V4L2_BUF_TYPE_VIDEO_CAPTURE.rawValue
    _ = device.accepts(PERCH_STREAMOFF, &type)
  }

  /// Readable when a frame waits.
  var descriptor: Int32 { device.descriptor }
  var name: String { device.name }
  var bus: String { device.bus }
  var path: String { device.path }
  var bufferCount: Int { buffers.count }
  /// Whether a reader may keep a frame in its buffer for long without the driver running out.
  var hasSpareBuffers: Bool { buffers.count >= Int(Self.buffersWanted) }

  /// The latest frame; the older ones that wait are given back unseen and counted. nil when none is there or it is damaged.
  mutating func newest() throws(MediaError) -> Frame? {
    var newest: Frame?
    for _ in 0..<buffers.count {
      var buffer = Self.emptyBuffer()
      let status = withUnsafeMutableBytes(of: &buffer) {
        perch_v4l2_ioctl(device.descriptor, PERCH_DQBUF, $0.baseAddress)
      }
      if status == EAGAIN { break }
      if status != 0 { throw V4L2Device.error("take a frame from", device.path, status) }
      guard Int(buffer.index) < buffers.count else { throw .deviceLost(device.path) }
      countGaps(buffer.sequence)
      if let stale = newest {
        framesDropped += 1
        try requeue(stale.index)
        newest = nil
      }
      let mapped = buffers[Int(buffer.index)]
      let used = min(Int(buffer.bytesused), mapped.bytes.count)
      if buffer.flags & Self.isDamaged != 0 || used == 0 {
        framesDamaged += 1
        try requeue(Int(buffer.index))
        continue
      }
      newest = Frame(
        index: Int(buffer.index), bytes: UnsafeRawBufferPointer(rebasing: mapped.bytes[..<used]),
        captured: Self.captureTime(of: buffer), owner: mapped)
    }
    return newest
  }

  /// Gives a frame's buffer back to the driver.
  func requeue(_ index: Int) throws(MediaError) {
    var buffer = Self.emptyBuffer()
    buffer.index = UInt32(index)
    try device.call(PERCH_QBUF, &buffer, "return a buffer to")
  }

  func controls() -> [CameraControl] { device.controls() }
  func setControl(_ name: String, to value: Int) throws(MediaError) { try device.setControl(name, to: value) }

  private mutating func countGaps(_ sequence: UInt32) {
    if let lastSequence, sequence &- lastSequence > 1, sequence &- lastSequence < 1 << 16 {
      framesDropped += UInt64(sequence &- lastSequence - 1)
    }
    lastSequence = sequence
  }

  /// The kernel's stamp where it is one of the monotonic clock and plausible, otherwise now.
  private static func captureTime(of buffer: v4l2_buffer) -> Instant {
    let now = Clock.now()
    guard buffer.flags & clockMask == monotonicClock else { return now }
    let stamp = Instant(
      nanoseconds: Int64(buffer.timestamp.tv_sec) &* 1_000_000_000 &+ Int64(buffer.timestamp.tv_usec) &* 1_000)
    let age = now - stamp
    return age >= .zero && age < .seconds(1) ? stamp : now
  }

  private static func emptyBuffer() -> v4l2_buffer {
    var buffer = v4l2_buffer()
    buffer.type = V4L2_BUF_TYPE_VIDEO_CAPTURE.rawValue
    buffer.memory = V4L2_MEMORY_MMAP.rawValue
    return buffer
  }

  // Macros in <linux/videodev2.h>.
  private static let isDamaged: UInt32 = 0x0040  // V4L2_BUF_FLAG_ERROR
  private static let clockMask: UInt32 = 0xe000  // V4L2_BUF_FLAG_TIMESTAMP_MASK
  private static let monotonicClock: UInt32 = 0x2000  // V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC
}

/// A buffer of a camera in our memory. It outlives the camera while a picture lies in it: the kernel keeps the pages.
final class MappedBuffer: @unchecked Sendable {
  // Never written by us; the driver writes only while the buffer is queued, when nobody reads.
  let bytes: UnsafeRawBufferPointer

  init?(_ descriptor: Int32, length: Int, offset: Int64) {
    let memory = v4l2_mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, offset)
    guard let memory, memory != MAP_FAILED else { return nil }
    bytes = UnsafeRawBufferPointer(start: memory, count: length)
  }

  deinit {
    v4l2_munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
  }
}

// MARK: Starting

extension V4L2Camera {
  private struct Started {
    var mode: CameraMode
    var stride: Int
    var buffers: [MappedBuffer]
  }

  private static func start(_ device: borrowing V4L2Device, _ mode: CameraMode) throws(MediaError) -> Started {
    var started = try setFormat(device, mode)
    started.mode.frameRate = setRate(device, mode.frameRate) ?? mode.frameRate
    started.buffers = try mapBuffers(device, started)
    for index in started.buffers.indices {
      var buffer = emptyBuffer()
      buffer.index = UInt32(index)
      try device.call(PERCH_QBUF, &buffer, "queue a buffer of")
    }
    var type = V4L2_BUF_TYPE_VIDEO_CAPTURE.rawValue
    try device.call(PERCH_STREAMON, &type, "start")
    return started
  }

  /// Undoes what `start` has done, so that another mode can be tried.
  private static func stop(_ device: borrowing V4L2Device) {
    var type = V4L2_BUF_TYPE_VIDEO_CAPTURE.rawValue
    _ = device.accepts(PERCH_STREAMOFF, &type)
    var request = v4l2_requestbuffers()
    request.type = type
    request.memory = V4L2_MEMORY_MMAP.rawValue
    _ = device.accepts(PERCH_REQBUFS, &request)
  }

  private static func setFormat(_ device: borrowing V4L2Device, _ mode: CameraMode) throws(MediaError) -> Started {
    var format = v4l2_format()
    format.type = V4L2_BUF_TYPE_VIDEO_CAPTURE.rawValue
    format.fmt.pix.width = UInt32(mode.width)
    format.fmt.pix.height = UInt32(mode.height)
    format.fmt.pix.pixelformat = mode.format.fourCC
    format.fmt.pix.field = V4L2_FIELD_NONE.rawValue
    try device.call(PERCH_S_FMT, &format, "set the format of")
    let pix = format.fmt.pix
    // A driver may take another size; never another format, whose bytes we would misread.
    guard
      pix.pixelformat == mode.format.fourCC
        || mode.format == .mjpeg && PixelFormat(fourCC: pix.pixelformat, isEmulated: false) == .mjpeg,
      (16...8192).contains(pix.width), (16...8192).contains(pix.height)
    else { throw .noFittingMode(device.path, nearest: nil) }
    var actual = mode
    actual.width = Int(pix.width)
    actual.height = Int(pix.height)
    let leastStride =
      switch mode.format {
      case .i420, .converted, .nv12: actual.width
      case .yuyv, .uyvy: actual.width * 2
      case .mjpeg: 0
      }
    return Started(
      mode: actual, stride: mode.format == .mjpeg ? 0 : max(leastStride, Int(pix.bytesperline)), buffers: [])
  }

  /// nil when the driver does not do rates.
  private static func setRate(_ device: borrowing V4L2Device, _ rate: FrameRate?) -> FrameRate? {
    guard let rate else { return nil }
    var parameters = v4l2_streamparm()
    parameters.type = V4L2_BUF_TYPE_VIDEO_CAPTURE.rawValue
    parameters.parm.capture.timeperframe = v4l2_fract(numerator: rate.denominator, denominator: rate.numerator)
    guard device.accepts(PERCH_S_PARM, &parameters) else { return nil }
    let interval = parameters.parm.capture.timeperframe
    return interval.numerator > 0 && interval.denominator > 0
      ? FrameRate(interval.denominator, per: interval.numerator) : nil
  }

  private static func mapBuffers(_ device: borrowing V4L2Device, _ started: Started) throws(MediaError)
    -> [MappedBuffer]
  {
    var request = v4l2_requestbuffers()
    request.count = buffersWanted
    request.type = V4L2_BUF_TYPE_VIDEO_CAPTURE.rawValue
    request.memory = V4L2_MEMORY_MMAP.rawValue
    try device.call(PERCH_REQBUFS, &request, "get buffers of")
    guard (2...32).contains(request.count) else { throw .system("get buffers of \(device.path)", code: ENOMEM) }
    var buffers: [MappedBuffer] = []
    for index in 0..<request.count {
      var buffer = emptyBuffer()
      buffer.index = index
      try device.call(PERCH_QUERYBUF, &buffer, "find a buffer of")
      guard let mapped = MappedBuffer(device.descriptor, length: Int(buffer.length), offset: Int64(buffer.m.offset))
      else {
        throw .system("map a buffer of \(device.path)", code: errno)
      }
      buffers.append(mapped)
    }
    return buffers
  }
}
