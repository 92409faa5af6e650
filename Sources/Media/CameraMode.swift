/// How a camera packs its pixels, of the ways that we understand, from the cheapest to turn into what the encoder takes to the
/// dearest.
package enum PixelFormat: Int, CaseIterable, Comparable, Sendable {
  /// Three planes of 4:2:0, used where they are.
  case i420
  /// A luma plane and one of both chromas.
  case nv12
  /// 4:2:2, interleaved.
  case yuyv
  case uyvy
  /// Motion-JPEG: has to be decoded first, but carries a large picture over USB 2 at full rate.
  case mjpeg
  /// What libv4l makes of a format of the camera that is none of these.
  case converted

  package static func < (left: PixelFormat, right: PixelFormat) -> Bool { left.rawValue < right.rawValue }
}

extension PixelFormat: CustomStringConvertible {
  package var description: String {
    switch self {
    case .i420: "I420"
    case .nv12: "NV12"
    case .yuyv: "YUYV"
    case .uyvy: "UYVY"
    case .mjpeg: "MJPEG"
    case .converted: "I420 by libv4l"
    }
  }
}

/// Frames a second as the kernel has it: an interval of `denominator / numerator` seconds.
package struct FrameRate: Hashable, Comparable, Sendable {
  /// Frames in `denominator` seconds.
  package var numerator: UInt32
  package var denominator: UInt32

  package init(_ numerator: UInt32, per denominator: UInt32 = 1) {
    self.numerator = numerator
    self.denominator = max(1, denominator)
  }

  package var perSecond: Double { Double(numerator) / Double(denominator) }

  package static func < (left: FrameRate, right: FrameRate) -> Bool { left.perSecond < right.perSecond }
}

extension FrameRate: CustomStringConvertible {
  /// `30`, `7.5`
  package var description: String {
    let hundredths = Int((perSecond * 100).rounded())
    if hundredths % 100 == 0 { return "\(hundredths / 100)" }
    let fraction = hundredths % 100
    let digits = fraction % 10 == 0 ? "\(fraction / 10)" : fraction < 10 ? "0\(fraction)" : "\(fraction)"
    return "\(hundredths / 100).\(digits)"
  }
}

/// One way to run a camera.
package struct CameraMode: Hashable, Sendable {
  package var format: PixelFormat
  /// Luma samples.
  package var width: Int
  package var height: Int
  /// nil when the driver does not say.
  package var frameRate: FrameRate?

  package init(format: PixelFormat, width: Int, height: Int, frameRate: FrameRate?) {
    self.format = format
    self.width = width
    self.height = height
    self.frameRate = frameRate
  }
}

extension CameraMode: CustomStringConvertible {
  /// `640x480 YUYV 30 fps`
  package var description: String {
    "\(width)x\(height) \(format)" + (frameRate.map { " \($0) fps" } ?? "")
  }
}

/// What a camera offers in one pixel format at one size, or in a range of sizes.
package struct CameraCapability: Equatable, Sendable {
  package var format: PixelFormat
  package var widths: SteppedRange
  package var heights: SteppedRange
  package var frameRates: Rates

  package enum Rates: Equatable, Sendable {
    case unknown
    case discrete([FrameRate])
    case between(FrameRate, FrameRate)
  }

  /// Values that a driver takes: `lower`, `lower + step`, … up to `upper`.
  package struct SteppedRange: Equatable, Sendable {
    package var lower: Int
    package var upper: Int
    package var step: Int

    package init(_ value: Int) {
      self.init(lower: value, upper: value, step: 1)
    }

    package init(lower: Int, upper: Int, step: Int) {
      self.lower = lower
      self.upper = max(lower, upper)
      self.step = max(1, step)
    }

    /// The value of the range that is nearest to `value`.
    package func nearest(to value: Int) -> Int {
      let clamped = min(max(value, lower), upper)
      let steps = (clamped - lower + step / 2) / step
      return min(lower + steps * step, upper - (upper - lower) % step)
    }
  }

  package init(format: PixelFormat, widths: SteppedRange, heights: SteppedRange, frameRates: Rates) {
    self.format = format
    self.widths = widths
    self.heights = heights
    self.frameRates = frameRates
  }
}

extension CameraCapability: CustomStringConvertible {
  /// `YUYV 640x480 at 30, 15 fps`
  package var description: String {
    let size =
      widths.lower == widths.upper && heights.lower == heights.upper
      ? "\(widths.lower)x\(heights.lower)"
      : "\(widths.lower)x\(heights.lower) to \(widths.upper)x\(heights.upper)"
    return switch frameRates {
    case .unknown: "\(format) \(size)"
    case .discrete(let rates): "\(format) \(size) at \(rates.map(\.description).joined(separator: ", ")) fps"
    case .between(let low, let high): "\(format) \(size) at \(low) to \(high) fps"
    }
  }
}

/// A camera that is there.
package struct CameraDescription: Equatable, Sendable {
  /// `/dev/video0`: changes when it is plugged in again.
  package var path: String
  /// `/dev/v4l/by-id/…`, which stays; nil where udev makes none.
  package var stablePath: String?
  /// What the driver calls it.
  package var name: String
  package var driver: String
  /// Where it is plugged in: `usb-0000:01:00.0-1.2`.
  package var bus: String
  package var capabilities: [CameraCapability]

  package init(
    path: String, stablePath: String?, name: String, driver: String, bus: String, capabilities: [CameraCapability]
  ) {
    self.path = path
    self.stablePath = stablePath
    self.name = name
    self.driver = driver
    self.bus = bus
    self.capabilities = capabilities
  }
}
