import Media
import Testing
import Wire

@Suite struct TestPictureTests {
  @Test(arguments: [(640, 480), (320, 240), (1280, 720), (642, 482), (160, 120), (64, 48)])
  func carriesItsNumberForMachines(width: Int, height: Int) throws {
    var painter = TestPicture(width: width, height: height)
    let picture = try Picture(width: width, height: height)
    for counter: UInt32 in [0, 1, 2, 3, 255, 256, 0x8000_0000, .max, 7] {
      painter.paint(picture, counter: counter, at: Instant(nanoseconds: 0), wall: WallClock(microseconds: 0))
      let planes = picture.planes
      #expect(Barcode.read(y: planes.y, stride: planes.yStride, width: width, height: height) == counter)
    }
  }

  @Test func aPictureWithoutBarcodeHasNoNumber() throws {
    let picture = try Picture(width: 640, height: 480)
    #expect(Barcode.read(y: picture.planes.y, stride: picture.planes.yStride, width: 640, height: 480) == nil)
  }

  @Test func aDamagedBarcodeHasNoNumber() throws {
    var painter = TestPicture(width: 640, height: 480)
    let picture = try Picture(width: 640, height: 480)
    painter.paint(picture, counter: 12_345, at: Instant(nanoseconds: 0), wall: WallClock(microseconds: 0))
    for row in 0..<20 { (picture.planes.y + row * picture.planes.yStride).update(repeating: 235, count: 40) }
    #expect(Barcode.read(y: picture.planes.y, stride: picture.planes.yStride, width: 640, height: 480) == nil)
  }

  @Test func paintingOverAnOldFrameGivesTheSamePictureAsPaintingAfresh() throws {
    var reused = TestPicture(width: 320, height: 240)
    let picture = try Picture(width: 320, height: 240)
    for index in 0..<90 {
      let now = Instant(nanoseconds: Int64(index) * 33_333_333)
      let wall = WallClock(microseconds: 1_000_000_000_000 + Int64(index) * 33_333)
      reused.paint(picture, counter: UInt32(index), at: now, wall: wall)
      guard index % 10 == 9 else { continue }
      var fresh = TestPicture(width: 320, height: 240)
      let other = try Picture(width: 320, height: 240)
      fresh.paint(other, counter: UInt32(index), at: now, wall: wall)
      #expect(peakSignalToNoise(picture.planes, other.planes) == 100)
    }
  }

  @Test func flashesForATenthOfEachSecond() {
    let on = (0..<200).filter { TestSignal.isOn(at: Instant(nanoseconds: Int64($0) * 10_000_000)) }
    #expect(on == Array(0..<10) + Array(100..<110))
  }
}
