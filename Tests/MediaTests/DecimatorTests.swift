import NetSim
import Testing
import Wire

@testable import Media

@Suite struct DecimatorTests {
  /// How many of the pictures of ten seconds are kept.
  static func kept(from source: Double, known: Bool = true, to target: Double, jitter: Int64 = 0) -> Int {
    var decimator = Decimator(source: known ? FrameRate(UInt32(source * 1000), per: 1000) : nil, target: target)
    var random = SeededGenerator(seed: 5)
    return (0..<Int(source * 10)).filter { index in
      let noise = jitter == 0 ? 0 : Int64.random(in: -jitter...jitter, using: &random)
      return decimator.keeps(Instant(nanoseconds: 1_000_000_000 + Int64(Double(index) * 1e9 / source) + noise))
    }.count
  }

  @Test func keepsAllOfACameraAtItsRate() {
    #expect(Self.kept(from: 30, to: 30, jitter: 8_000_000) == 300)
    #expect(Self.kept(from: 29.97, to: 30) == 299)
    #expect(Self.kept(from: 15, to: 30) == 150)
  }

  @Test(arguments: [15.0, 10, 5, 20, 7]) func leavesOutWhatIsTooMuch(target: Double) {
    #expect(abs(Self.kept(from: 30, to: target, jitter: 4_000_000) - Int(target * 10)) <= 2)
  }

  @Test func worksWithoutKnowingTheCamerasRate() {
    #expect(abs(Self.kept(from: 30, known: false, to: 10) - 100) <= 2)
  }
}
