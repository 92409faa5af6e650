/// The sizes and frame rates that one may choose from for a source: its own ones. Any other below the largest can be had too, by
/// scaling and by leaving pictures out.
package struct VideoChoices: Equatable, Sendable {
  package struct Size: Hashable, Sendable {
    package var width: Int
    package var height: Int

    package init(_ width: Int, _ height: Int) {
      self.width = width
      self.height = height
    }

    package var pixels: Int { width * height }
  }

  /// From the smallest to the largest; empty before anything has run.
  package var sizes: [Size] = []
  /// Pictures a second, rounded, from the slowest.
  package var frameRates: [Int] = []

  package init() {}

  /// What people expect to find, for sources that can do anything.
  private static let usualSizes = [
    Size(320, 240), Size(640, 360), Size(640, 480), Size(848, 480), Size(1280, 720), Size(1920, 1080),
  ]
  private static let usualRates = [5, 10, 15, 20, 25, 30, 60]

  static var ofTheTestPicture: VideoChoices {
    var choices = VideoChoices()
    choices.sizes = usualSizes
    choices.frameRates = usualRates
    return choices
  }

  init(of capabilities: [CameraCapability]) {
    var sizes: Set<Size> = []
    var rates: Set<Int> = []
    for capability in capabilities {
      let largest = Size(capability.widths.upper, capability.heights.upper)
      sizes.insert(largest)
      if capability.widths.lower < largest.width {
        sizes.formUnion(Self.usualSizes.filter { $0.width < largest.width && $0.height < largest.height })
      }
      switch capability.frameRates {
      case .unknown: rates.formUnion(Self.usualRates.filter { $0 <= 30 })
      case .discrete(let offered): rates.formUnion(offered.map { max(1, Int($0.perSecond.rounded())) })
      case .between(_, let fastest): rates.formUnion(Self.usualRates.filter { Double($0) <= fastest.perSecond })
      }
    }
    self.sizes = sizes.sorted { ($0.pixels, $0.width) < ($1.pixels, $1.width) }
    frameRates = rates.sorted()
  }
}
