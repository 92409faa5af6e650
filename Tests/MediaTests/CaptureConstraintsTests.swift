import Testing

@testable import Media

@Suite struct CaptureConstraintsTests {
  static func capability(_ format: PixelFormat, _ width: Int, _ height: Int, _ rates: UInt32...) -> CameraCapability {
    CameraCapability(
      format: format, widths: .init(width), heights: .init(height), frameRates: .discrete(rates.map { FrameRate($0) }))
  }

  /// A webcam as they are sold: raw up to VGA at full rate, Motion-JPEG beyond.
  static let webcam = [
    capability(.mjpeg, 1280, 720, 30, 15), capability(.mjpeg, 640, 480, 30), capability(.yuyv, 640, 480, 30, 15),
    capability(.yuyv, 320, 240, 30), capability(.yuyv, 1280, 720, 10, 5), capability(.mjpeg, 1920, 1080, 30),
  ]

  static func best(_ width: Double?, _ height: Double?, _ rate: Double?) -> String? {
    CaptureConstraints(width: .init(ideal: width), height: .init(ideal: height), frameRate: .init(ideal: rate))
      .rank(webcam).first?.description
  }

  @Test(arguments: [
    (640.0, 480.0, 30.0, "640x480 YUYV 30 fps"),  // raw rather than Motion-JPEG
    (1280, 720, 30, "1280x720 MJPEG 30 fps"),  // unless only that has the rate
    (1280, 720, 10, "1280x720 YUYV 10 fps"),
    (1920, 1080, 30, "1920x1080 MJPEG 30 fps"),
    (320, 240, 15, "320x240 YUYV 30 fps"),  // too fast is no distance
    (640, 480, 60, "640x480 YUYV 30 fps"),
    (800, 600, 30, "640x480 YUYV 30 fps"),
  ])
  func takesTheNearestMode(width: Double, height: Double, rate: Double, mode: String) {
    #expect(Self.best(width, height, rate) == mode)
  }

  @Test func boundsExcludeModes() {
    let constraints = CaptureConstraints(
      width: .init(minimum: 1000, ideal: 640), height: .init(ideal: 480), frameRate: .init(minimum: 20, ideal: 30))
    #expect(constraints.rank(Self.webcam).map(\.description) == ["1280x720 MJPEG 30 fps", "1920x1080 MJPEG 30 fps"])
  }

  @Test func aFormatThatIsAskedForIsTheOnlyOneTaken() {
    let constraints = CaptureConstraints(format: .mjpeg)
    #expect(constraints.rank(Self.webcam).first?.description == "640x480 MJPEG 30 fps")
    #expect(constraints.rank(Self.webcam).allSatisfy { $0.format == .mjpeg })
    let impossible = CaptureConstraints(format: .nv12)
    #expect(impossible.rank(Self.webcam).isEmpty)
    #expect(impossible.nearest(Self.webcam)?.description == "640x480 YUYV 30 fps")
  }

  @Test func tellsWhatCanBeChosen() {
    let choices = VideoChoices(of: Self.webcam)
    #expect(choices.sizes == [.init(320, 240), .init(640, 480), .init(1280, 720), .init(1920, 1080)])
    #expect(choices.frameRates == [5, 10, 15, 30])
  }

  @Test func ofRangesTheUsualSizesAndRatesCanBeChosen() {
    let sensor = CameraCapability(
      format: .nv12, widths: .init(lower: 32, upper: 1296, step: 16), heights: .init(lower: 32, upper: 972, step: 2),
      frameRates: .between(FrameRate(1), FrameRate(42)))
    let choices = VideoChoices(of: [sensor])
    #expect(choices.sizes.last == .init(1296, 972))
    #expect(choices.sizes.contains(.init(1280, 720)) && !choices.sizes.contains(.init(1920, 1080)))
    #expect(choices.frameRates == [5, 10, 15, 20, 25, 30])
  }

  @Test func impossibleBoundsGiveNothingButTheNearestIsKnown() {
    let constraints = CaptureConstraints(width: .init(minimum: 4000), height: .init(), frameRate: .init())
    #expect(constraints.rank(Self.webcam).isEmpty)
    #expect(constraints.nearest(Self.webcam)?.description == "1920x1080 MJPEG 30 fps")
  }

  @Test func rangesOfSizesAreStepped() {
    let sensor = CameraCapability(
      format: .nv12, widths: .init(lower: 32, upper: 2592, step: 16), heights: .init(lower: 32, upper: 1944, step: 2),
      frameRates: .between(FrameRate(1), FrameRate(90)))
    let constraints = CaptureConstraints(
      width: .init(ideal: 645), height: .init(ideal: 481), frameRate: .init(ideal: 25))
    #expect(constraints.rank([sensor]).first?.description == "640x482 NV12 25 fps")
  }

  @Test func aCameraWithoutRatesIsTaken() {
    let silent = CameraCapability(format: .yuyv, widths: .init(640), heights: .init(480), frameRates: .unknown)
    #expect(CaptureConstraints().rank([silent]).first?.description == "640x480 YUYV")
  }
}
