/// What is wanted of a camera, as in `getUserMedia` (W3C Media Capture and Streams §11): `minimum` and `maximum` must hold,
/// `ideal` should be near.
package struct CaptureConstraints: Equatable, Sendable {
  package struct Range: Equatable, Sendable {
    package var minimum: Double?
    package var ideal: Double?
    package var maximum: Double?

    package init(minimum: Double? = nil, ideal: Double? = nil, maximum: Double? = nil) {
      self.minimum = minimum
      self.ideal = ideal
      self.maximum = maximum
    }

    fileprivate func allows(_ value: Double) -> Bool {
      value >= (minimum ?? -.infinity) - 0.005 && value <= (maximum ?? .infinity) + 0.005
    }

    /// The fitness distance of the specification: 0 where nothing is wished or the wish is met, towards 1 far away.
    fileprivate func distance(of value: Double) -> Double {
      guard let ideal, ideal != value else { return 0 }
      return abs(value - ideal) / max(abs(value), abs(ideal))
    }

    /// The value to try in a range of possible ones.
    fileprivate var target: Double? {
      let wish = ideal ?? maximum ?? minimum
      return wish.map { min(max($0, minimum ?? $0), maximum ?? max($0, minimum ?? $0)) }
    }
  }

  package var width: Range
  package var height: Range
  /// Frames a second.
  package var frameRate: Range
  /// The only pixel format that will do; nil leaves the choice to ``rank(_:)``.
  package var format: PixelFormat?

  package init(
    width: Range = Range(ideal: 640), height: Range = Range(ideal: 480), frameRate: Range = Range(ideal: 30),
    format: PixelFormat? = nil
  ) {
    self.width = width
    self.height = height
    self.frameRate = frameRate
    self.format = format
  }

  /// The modes within the bounds, the best first: by fitness distance, and among equals by the cost of their pixel format. The
  /// caller tries them in turn, because a driver may refuse what it has offered.
  ///
  /// A frame rate above the ideal is no distance: pictures are left out then.
  package func rank(_ capabilities: [CameraCapability]) -> [CameraMode] {
    let candidates = capabilities.flatMap(modes(of:)).filter(allows)
    return candidates.map { (mode: $0, distance: distance(of: $0)) }
      .sorted { left, right in
        if abs(left.distance - right.distance) > 1e-6 { return left.distance < right.distance }
        if left.mode.format != right.mode.format { return left.mode.format < right.mode.format }
        return (left.mode.frameRate?.perSecond ?? 0) < (right.mode.frameRate?.perSecond ?? 0)
      }
      .map(\.mode)
  }

  /// The mode that comes nearest, bounds or not: for messages.
  package func nearest(_ capabilities: [CameraCapability]) -> CameraMode? {
    let wishes = CaptureConstraints(
      width: Range(ideal: width.target), height: Range(ideal: height.target), frameRate: Range(ideal: frameRate.target))
    return wishes.rank(capabilities).first
  }

  private func allows(_ mode: CameraMode) -> Bool {
    width.allows(Double(mode.width)) && height.allows(Double(mode.height))
      && (mode.frameRate.map { $0.perSecond >= (frameRate.minimum ?? 0) - 0.005 } ?? true)
      && (format.map { $0 == mode.format } ?? true)
  }

  private func distance(of mode: CameraMode) -> Double {
    var distance = width.distance(of: Double(mode.width)) + height.distance(of: Double(mode.height))
    if let rate = mode.frameRate?.perSecond, rate < frameRate.target ?? 0 {
      distance += Range(ideal: frameRate.target).distance(of: rate)
    }
    return distance
  }

  /// The modes of a capability that may be the best: each discrete rate, and of ranges the values nearest to what is wanted.
  private func modes(of capability: CameraCapability) -> [CameraMode] {
    let mode = { (rate: FrameRate?) in
      CameraMode(
        format: capability.format,
        width: capability.widths.nearest(to: Int(width.target ?? Double(capability.widths.upper))),
        height: capability.heights.nearest(to: Int(height.target ?? Double(capability.heights.upper))),
        frameRate: rate)
    }
    switch capability.frameRates {
    case .unknown: return [mode(nil)]
    case .discrete(let rates): return rates.map { mode($0) }
    case .between(let low, let high):
      guard let wanted = frameRate.target else { return [mode(high)] }
      // Thousandths keep 29.97; the driver rounds to what it has.
      let exact = FrameRate(UInt32(max(1, min(wanted, 1_000)) * 1_000), per: 1_000)
      return [mode(min(max(exact, low), high))]
    }
  }
}
