internal import CV4L
internal import Glibc

/// An open V4L2 device, through libv4l2. Used by one thread.
struct V4L2Device: ~Copyable {
  let path: String
  /// To be polled for reading.
  let descriptor: Int32
  let name: String
  let driver: String
  let bus: String

  /// - Throws: ``MediaError``: not found, busy, denied, no camera.
  init(_ path: String) throws(MediaError) {
    let descriptor = perch_v4l2_open(path)
    guard descriptor >= 0 else { throw Self.error("open", path, -descriptor) }
    var capability = v4l2_capability()
    let status = perch_v4l2_ioctl(descriptor, PERCH_QUERYCAP, &capability)
    let flags =
      capability.capabilities & Self.hasDeviceCapabilities == 0 ? capability.capabilities : capability.device_caps
    guard status == 0, flags & Self.captures != 0, flags & Self.streams != 0 else {
      v4l2_close(descriptor)
      throw .notACaptureDevice(path)
    }
    self.path = path
    self.descriptor = descriptor
    name = text(capability.card)
    driver = text(capability.driver)
    bus = text(capability.bus_info)
  }

  deinit {
    v4l2_close(descriptor)
  }

  /// Calls the driver; the error of a device that went away is ``MediaError/deviceLost(_:)``.
  func call<Argument>(
    _ request: perch_v4l2_request, _ argument: inout Argument, _ what: StaticString
  ) throws(MediaError) {
    let status = withUnsafeMutableBytes(of: &argument) { perch_v4l2_ioctl(descriptor, request, $0.baseAddress) }
    if status != 0 { throw Self.error(what.description, path, status) }
  }

  /// The same where a refusal is an answer: false then.
  func accepts<Argument>(_ request: perch_v4l2_request, _ argument: inout Argument) -> Bool {
    withUnsafeMutableBytes(of: &argument) { perch_v4l2_ioctl(descriptor, request, $0.baseAddress) } == 0
  }

  static func error(_ what: String, _ path: String, _ code: Int32) -> MediaError {
    switch code {
    case ENOENT, ENXIO: .deviceNotFound(path)
    case ENODEV, EIO, EPROTO, ESHUTDOWN: what == "open" ? .deviceNotFound(path) : .deviceLost(path)
    case EBUSY: .deviceBusy(path, holder: DeviceHolder.find(path))
    case EACCES, EPERM: .accessDenied(path)
    default: .system("\(what) \(path)", code: code)
    }
  }

  // Macros in <linux/videodev2.h> with types that the importer leaves out.
  private static let captures: UInt32 = 0x0000_0001  // V4L2_CAP_VIDEO_CAPTURE
  private static let streams: UInt32 = 0x0400_0000  // V4L2_CAP_STREAMING
  private static let hasDeviceCapabilities: UInt32 = 0x8000_0000  // V4L2_CAP_DEVICE_CAPS
}

/// A C string in a fixed array.
func text<Characters>(_ characters: Characters) -> String {
  withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}

extension V4L2Device {
  /// A driver that answers for ever (a fault that exists) is cut off here.
  private static let maximumEntries: UInt32 = 256

  /// All that the camera can do in formats that we understand, in the driver's order.
  func capabilities() -> [CameraCapability] {
    var found: [CameraCapability] = []
    var hasNative = false
    for index in 0..<Self.maximumEntries {
      var description = v4l2_fmtdesc()
      description.index = index
      description.type = V4L2_BUF_TYPE_VIDEO_CAPTURE.rawValue
      guard accepts(PERCH_ENUM_FMT, &description) else { break }
      let isEmulated = description.flags & 0x0002 != 0  // V4L2_FMT_FLAG_EMULATED
      guard let format = PixelFormat(fourCC: description.pixelformat, isEmulated: isEmulated) else { continue }
      if !isEmulated { hasNative = true }
      found += sizes(of: format, description.pixelformat)
    }
    // libv4l offers its conversions for every camera: they count only where there is nothing else.
    return hasNative ? found.filter { $0.format != .converted } : found
  }

  private func sizes(of format: PixelFormat, _ fourCC: UInt32) -> [CameraCapability] {
    var found: [CameraCapability] = []
    for index in 0..<Self.maximumEntries {
      var size = v4l2_frmsizeenum()
      size.index = index
      size.pixel_format = fourCC
      guard accepts(PERCH_ENUM_FRAMESIZES, &size) else { break }
      if size.type == V4L2_FRMSIZE_TYPE_DISCRETE.rawValue {
        let width = size.discrete.width
        let height = size.discrete.height
        found.append(
          CameraCapability(
            format: format, widths: .init(Int(width)), heights: .init(Int(height)),
            frameRates: rates(fourCC, width, height)))
      } else {
        let range = size.stepwise
        found.append(
          CameraCapability(
            format: format,
            widths: .init(lower: Int(range.min_width), upper: Int(range.max_width), step: Int(range.step_width)),
            heights: .init(lower: Int(range.min_height), upper: Int(range.max_height), step: Int(range.step_height)),
            // Rates may depend on the size; the smallest has all of them.
            frameRates: rates(fourCC, range.min_width, range.min_height)))
        break
      }
    }
    return found
  }

  private func rates(_ fourCC: UInt32, _ width: UInt32, _ height: UInt32) -> CameraCapability.Rates {
    var found: [FrameRate] = []
    for index in 0..<Self.maximumEntries {
      var interval = v4l2_frmivalenum()
      interval.index = index
      interval.pixel_format = fourCC
      interval.width = width
      interval.height = height
      guard accepts(PERCH_ENUM_FRAMEINTERVALS, &interval) else { break }
      guard interval.type == V4L2_FRMIVAL_TYPE_DISCRETE.rawValue else {
        let range = interval.stepwise
        return .between(
          FrameRate(range.max.denominator, per: range.max.numerator),
          FrameRate(range.min.denominator, per: range.min.numerator))
      }
      found.append(FrameRate(interval.discrete.denominator, per: interval.discrete.numerator))
    }
    return found.isEmpty ? .unknown : .discrete(found)
  }
}

extension PixelFormat {
  init?(fourCC: UInt32, isEmulated: Bool) {
    switch (fourCC, isEmulated) {
    case (PixelFormat.code("YU12"), false): self = .i420
    case (PixelFormat.code("YU12"), true): self = .converted
    case (PixelFormat.code("NV12"), false): self = .nv12
    case (PixelFormat.code("YUYV"), false): self = .yuyv
    case (PixelFormat.code("UYVY"), false): self = .uyvy
    case (PixelFormat.code("MJPG"), false), (PixelFormat.code("JPEG"), false): self = .mjpeg
    case (_, _): return nil
    }
  }

  /// The kernel's code.
  var fourCC: UInt32 {
    switch self {
    case .i420, .converted: PixelFormat.code("YU12")
    case .nv12: PixelFormat.code("NV12")
    case .yuyv: PixelFormat.code("YUYV")
    case .uyvy: PixelFormat.code("UYVY")
    case .mjpeg: PixelFormat.code("MJPG")
    }
  }

  private static func code(_ letters: StaticString) -> UInt32 {
    letters.withUTF8Buffer { $0.reversed().reduce(0) { $0 << 8 | UInt32($1) } }
  }
}
