internal import LinuxIO
internal import Wire

/// The test picture, paced as a camera would be. Used by the capturing thread only.
final class TestSource {
  let width: Int
  let height: Int
  let frameRate: Int
  /// When the next picture is due.
  private(set) var nextFrame: Instant
  private var pool = PicturePool()
  private var painter: TestPicture
  private let start: Instant
  private var index: Int64 = 0

  /// The first picture is due at once.
  init(_ constraints: CaptureConstraints, now: Instant) {
    let size = { (range: CaptureConstraints.Range, fallback: Double, least: Int, most: Int) in
      let wanted = range.ideal ?? range.maximum ?? range.minimum ?? fallback
      return Int(min(max(wanted, Double(least)), Double(most))) & ~1
    }
    width = size(constraints.width, 640, 64, 4096)
    height = size(constraints.height, 480, 48, 4096)
    frameRate = Int(min(max(constraints.frameRate.ideal ?? constraints.frameRate.maximum ?? 30, 1), 120).rounded())
    painter = TestPicture(width: width, height: height)
    start = now
    nextFrame = now
  }

  /// Paints the picture that is due, held for its reader; nil when all are in use or there is no memory.
  func paint(counter: UInt32, now: Instant) -> Picture? {
    // From the number of pictures, not from the last one: no drift. After a long stop (a suspended machine) from now on.
    let next = { self.start + .nanoseconds(self.index * 1_000_000_000 / Int64(self.frameRate)) }
    index += 1
    if next() <= now { index = (now - start).nanoseconds * Int64(frameRate) / 1_000_000_000 + 1 }
    nextFrame = next()
    guard let picture = try? pool.take(width: width, height: height) else { return nil }
    painter.paint(picture, counter: counter, at: now, wall: Clock.wall())
    picture.captured = now
    picture.hold()
    return picture
  }
}
