internal import LinuxIO
internal import Wire

/// A running camera with what makes pictures of its frames. Used by the capturing thread only.
final class CameraSource {
  private var camera: V4L2Camera
  private var pool = PicturePool()
  /// Where a camera's mode is larger than what is wanted: its picture before it is scaled.
  private var beforeScaling: Picture?
  private var outputSize: (width: Int, height: Int)
  private var decimator: Decimator
  /// Pictures over the camera's own buffers, where its format needs no conversion, by buffer; nil before the first use.
  private var views: [Picture?]
  /// Whether a buffer is out with the reader of its view.
  private var isLent: [Bool]
  /// When the camera counts as hung.
  private(set) var silentAt: Instant

  /// A camera that takes long exposures may be slow; none takes this long, not even to start.
  private static let patience = Interval.seconds(4)

  init(_ camera: consuming V4L2Camera, constraints: CaptureConstraints) {
    outputSize = Self.fit(camera.mode, constraints)
    decimator = Decimator(source: camera.mode.frameRate, target: constraints.frameRate.ideal)
    views = Array(repeating: nil, count: camera.bufferCount)
    isLent = Array(repeating: false, count: camera.bufferCount)
    silentAt = Clock.now() + Self.patience
    self.camera = camera
  }

  var descriptor: Int32 { camera.descriptor }
  var name: String { camera.name }
  var path: String { camera.path }
  var mode: CameraMode { camera.mode }
  var capabilities: [CameraCapability] { camera.capabilities }

  /// How many pictures a second come out.
  func frameRate(atMost constraints: CaptureConstraints) -> Int {
    let offered = mode.frameRate?.perSecond ?? 30
    return max(1, Int(min(offered, constraints.frameRate.ideal ?? offered).rounded()))
  }

  /// The newest frame as a picture, held for its reader; nil when there is none to send. And what was counted.
  func newestPicture(now: Instant) throws(MediaError) -> (Picture?, VideoCapture.Counts) {
    var counts = VideoCapture.Counts()
    try requeueReturned()
    let frame = try camera.newest()
    var picture: Picture?
    if let frame {
      silentAt = now + Self.patience
      counts.frames = 1
      if decimator.keeps(frame.captured) { picture = try self.picture(of: frame) }
      picture?.captured = frame.captured
      picture?.hold()
      if !isLent[frame.index] { try camera.requeue(frame.index) }
    }
    counts.dropped = camera.framesDropped
    counts.damaged = camera.framesDamaged
    camera.framesDropped = 0
    camera.framesDamaged = 0
    return (picture, counts)
  }

  /// Follows new constraints without reopening, where the mode that runs is still the best one. False when it is not.
  func adapt(to constraints: CaptureConstraints) -> Bool {
    guard let best = constraints.rank(camera.capabilities).first, best.format == mode.format, best.width == mode.width,
      best.height == mode.height, (best.frameRate?.perSecond ?? 0) <= (mode.frameRate?.perSecond ?? 0) + 0.01
    else { return false }
    outputSize = Self.fit(mode, constraints)
    decimator = Decimator(source: mode.frameRate, target: constraints.frameRate.ideal)
    return true
  }

  func controls() -> [CameraControl] { camera.controls() }
  func setControl(_ name: String, to value: Int) throws(MediaError) { try camera.setControl(name, to: value) }

  // MARK: From frame to picture

  private func picture(of frame: V4L2Camera.Frame) throws(MediaError) -> Picture? {
    let source = PixelConversion.Source(format: mode.format, bytes: frame.bytes, stride: camera.stride)
    let isScaled = outputSize.width != mode.width || outputSize.height != mode.height
    if !isScaled, camera.hasSpareBuffers, let planes = inPlace(source) {
      let view = views[frame.index] ?? Picture(over: planes, owner: frame.owner)
      views[frame.index] = view
      isLent[frame.index] = true
      return view
    }
    guard let picture = try pool.take(width: outputSize.width, height: outputSize.height) else { return nil }
    let target = isScaled ? try fullSize() : picture
    guard PixelConversion.convert(source, to: target.planes) else {
      camera.framesDamaged += 1
      return nil
    }
    if isScaled { _ = PixelConversion.scale(target.planes, to: picture.planes) }
    return picture
  }

  private func inPlace(_ source: PixelConversion.Source) -> I420Planes? {
    // What libv4l converts goes away with the device, while a reader may still have it.
    guard source.format == .i420 else { return nil }
    return PixelConversion.planes(of: source, width: mode.width, height: mode.height)
  }

  private func fullSize() throws(MediaError) -> Picture {
    if let beforeScaling { return beforeScaling }
    let picture = try Picture(width: mode.width, height: mode.height)
    beforeScaling = picture
    return picture
  }

  private func requeueReturned() throws(MediaError) {
    for index in isLent.indices where isLent[index] && views[index]?.isHeld == false {
      isLent[index] = false
      try camera.requeue(index)
    }
  }

  /// The size to send: the camera's, or as much smaller as fits into the ideal one, in its own shape. Encoding a picture that
  /// is larger than was asked for costs more than scaling it.
  private static func fit(_ mode: CameraMode, _ constraints: CaptureConstraints) -> (width: Int, height: Int) {
    let factor = min(
      (constraints.width.ideal ?? .infinity) / Double(mode.width),
      (constraints.height.ideal ?? .infinity) / Double(mode.height))
    guard factor < 1 else { return (mode.width, mode.height) }
    let even = { (value: Double) in max(16, Int((value / 2).rounded()) * 2) }
    return (even(Double(mode.width) * factor), even(Double(mode.height) * factor))
  }
}

/// Leaves pictures out where a camera is faster than is wanted.
struct Decimator {
  private let interval: Interval?
  private let tolerance: Interval
  private var due: Instant?

  /// - Parameters:
  ///   - source: the camera's rate, where it is known.
  ///   - target: frames a second; nil wants all.
  init(source: FrameRate?, target: Double?) {
    let offered = source?.perSecond
    // A tenth more is not worth the stutter that leaving out every tenth picture makes.
    guard let target, target > 0, offered.map({ $0 > target * 1.1 }) ?? true else {
      interval = nil
      tolerance = .zero
      return
    }
    let interval = Interval(nanoseconds: Int64(1e9 / target))
    self.interval = interval
    // A picture is early by up to half the time to the camera's next one.
    tolerance = offered.map { Interval(nanoseconds: Int64(0.5e9 / $0)) } ?? interval / 4
  }

  mutating func keeps(_ captured: Instant) -> Bool {
    guard let interval else { return true }
    guard let due, captured < due + .seconds(1) else {
      due = captured + interval
      return true
    }
    guard captured >= due - tolerance else { return false }
    self.due = due + interval
    return true
  }
}
