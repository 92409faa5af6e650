package import Wire

/// The picture that is sent where there is no camera: nobody takes it for one. Colour bars, a ball that bounces, the words PERCH
/// TEST PICTURE, the frame's number and the time in large digits, a flash once a second, and along the top edge the frame's
/// number for machines (``Barcode``).
///
/// Only what changed is painted anew, on pictures that come back from a pool with an older frame on them. Used by one thread.
package struct TestPicture {
  private let width: Int
  private let height: Int
  /// What each picture of the pool shows now.
  private var shown: [ObjectIdentifier: Frame] = [:]

  /// What changes from frame to frame.
  private struct Frame {
    var cells: UInt64
    var counter: Line
    var clock: Line
    var ball: (x: Int, y: Int)
    var flash: Bool
  }

  /// - Parameters: luma samples, at least 64 by 48 for the parts to have a size.
  package init(width: Int, height: Int) {
    self.width = width
    self.height = height
  }

  /// Paints a frame.
  ///
  /// - Parameters:
  ///   - picture: of this size; any content, as long as only this painter has written to it.
  ///   - at: decides about the flash and the ball.
  ///   - wall: the time of day that is shown, in UTC.
  package mutating func paint(_ picture: Picture, counter: UInt32, at now: Instant, wall: WallClock) {
    precondition(picture.planes.width == width && picture.planes.height == height, "the pool is of this painter's size")
    let canvas = Canvas(planes: picture.planes)
    let identity = ObjectIdentifier(picture)
    let old = shown[identity]
    if old == nil { paintBackground(canvas) }
    let new = Frame(
      cells: Barcode.cells(counter: counter), counter: Self.digits(of: counter), clock: Self.timeOfDay(wall),
      ball: ballPosition(at: now), flash: TestSignal.isOn(at: now))

    paintBarcode(canvas, old: old?.cells, new: new.cells)
    paintText(canvas, old: old?.counter, new: new.counter, row: 0)
    paintText(canvas, old: old?.clock, new: new.clock, row: 1)
    if let old { canvas.fill(ballBox(at: old.ball), .night) }
    canvas.disc(ballBox(at: new.ball), .white)
    if old?.flash != new.flash { canvas.fill(flashBox, new.flash ? .white : .night) }
    shown[identity] = new
  }

  /// Forgets the pictures of a pool that was emptied; new ones may have old ones' identities.
  package mutating func forget() { shown.removeAll() }

  /// The characters of one line of large digits.
  private typealias Line = InlineArray<12, UInt8>

  // MARK: Layout, from top to bottom: barcode, bars with the words, ball and flash, digits

  private var barcodeBottom: Int { height / Barcode.rowsInPicture * Barcode.rows + Barcode.rows }
  private var barsBottom: Int { even(height * 45 / 100) }
  private var ballBottom: Int { even(height * 65 / 100) }
  /// Dots of a large digit: 12 characters with their gaps fill nine tenths of the width.
  private var dot: Int { max(1, min(width * 9 / 10 / (12 * (BitmapFont.width + 1)), (height - ballBottom) / 18)) }
  private var ballSize: Int { max(4, even((ballBottom - barsBottom) * 2 / 3)) }
  private var flashBox: Box {
    let size = ballSize
    return Box(
      x: even(width - size - size / 4), y: even((barsBottom + ballBottom - size) / 2), width: size, height: size)
  }

  private func paintBackground(_ canvas: Canvas) {
    canvas.fill(Box(x: 0, y: 0, width: width, height: height), .night)
    let bars: [Colour] = [.white, .yellow, .cyan, .green, .magenta, .red, .blue]
    for (index, colour) in bars.enumerated() {
      let left = even(index * width / bars.count)
      let right = index == bars.count - 1 ? width : even((index + 1) * width / bars.count)
      canvas.fill(
        Box(x: left, y: even(barcodeBottom), width: right - left, height: barsBottom - even(barcodeBottom)), colour)
    }
    let words = Array("PERCH TEST PICTURE".utf8)
    let size = max(1, width * 8 / 10 / (words.count * (BitmapFont.width + 1)))
    let wide = words.count * (BitmapFont.width + 1) * size
    let box = Box(
      x: even((width - wide) / 2) - 2 * size, y: even((even(barcodeBottom) + barsBottom - 11 * size) / 2),
      width: wide + 3 * size,
      height: 11 * size)
    canvas.fill(box, .night)
    for (index, character) in words.enumerated() {
      canvas.glyph(
        character, x: box.x + 2 * size + index * (BitmapFont.width + 1) * size, y: box.y + 2 * size, dot: size)
    }
  }

  private func paintBarcode(_ canvas: Canvas, old: UInt64?, new: UInt64) {
    let changed = old.map { $0 ^ new } ?? .max
    for index in 0..<(Barcode.columns * Barcode.rows) where changed >> UInt64(47 - index) & 1 == 1 {
      let column = index % Barcode.columns
      let row = index / Barcode.columns
      let left = column * width / Barcode.columns
      let top = row * height / Barcode.rowsInPicture
      let box = Box(
        x: left, y: top, width: (column + 1) * width / Barcode.columns - left,
        height: (row + 1) * height / Barcode.rowsInPicture - top)
      canvas.fillLuma(box, new >> UInt64(47 - index) & 1 == 1 ? Colour.white.y : Colour.night.y)
    }
  }

  private func paintText(_ canvas: Canvas, old: Line?, new: Line, row: Int) {
    let step = (BitmapFont.width + 1) * dot
    let left = (width - new.count * step) / 2
    let top = ballBottom + dot + row * (BitmapFont.height + 2) * dot
    for index in new.indices where old?[index] != new[index] {
      canvas.glyph(new[index], x: left + index * step, y: top, dot: dot)
    }
  }

  // MARK: What moves

  /// Back and forth once in four seconds, and up and down three times meanwhile.
  private func ballPosition(at now: Instant) -> (x: Int, y: Int) {
    let milliseconds = Int((now.nanoseconds / 1_000_000) % 4_000)
    let room = (x: flashBox.x - 2 * ballSize, y: ballBottom - barsBottom - ballSize)
    let x = Self.triangle(milliseconds, period: 4_000, room.x)
    let y = Self.triangle(milliseconds * 3, period: 4_000, room.y)
    return (even(x), even(barsBottom + y))
  }

  private static func triangle(_ time: Int, period: Int, _ height: Int) -> Int {
    let phase = time % period
    return max(0, height) * (phase < period / 2 ? phase : period - phase) / (period / 2)
  }

  private func ballBox(at position: (x: Int, y: Int)) -> Box {
    Box(x: position.x, y: position.y, width: ballSize, height: ballSize)
  }

  /// `F 0000001234`, as wide as the clock.
  private static func digits(of counter: UInt32) -> Line {
    var text = Line(repeating: UInt8(ascii: " "))
    text[0] = UInt8(ascii: "F")
    put(Int(counter), into: &text, at: 2, digits: 10)
    return text
  }

  /// `12:34:56.789`
  private static func timeOfDay(_ wall: WallClock) -> Line {
    let milliseconds = Int(wall.microseconds / 1_000 % 86_400_000)
    var text = Line(repeating: UInt8(ascii: ":"))
    text[8] = UInt8(ascii: ".")
    put(milliseconds / 3_600_000, into: &text, at: 0, digits: 2)
    put(milliseconds / 60_000 % 60, into: &text, at: 3, digits: 2)
    put(milliseconds / 1_000 % 60, into: &text, at: 6, digits: 2)
    put(milliseconds % 1_000, into: &text, at: 9, digits: 3)
    return text
  }

  private static func put(_ value: Int, into text: inout Line, at start: Int, digits: Int) {
    var rest = value
    for index in stride(from: start + digits - 1, through: start, by: -1) {
      text[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
  }
}

/// Down to an even number: chroma has half the samples.
private func even(_ value: Int) -> Int { value & ~1 }

private struct Box {
  var x: Int
  var y: Int
  var width: Int
  var height: Int
}

/// ITU-R BT.601, video range.
private struct Colour {
  var y: UInt8
  var u: UInt8
  var v: UInt8

  static let night = Colour(y: 16, u: 128, v: 128)
  static let white = Colour(y: 235, u: 128, v: 128)
  static let yellow = Colour(y: 162, u: 44, v: 142)
  static let cyan = Colour(y: 131, u: 156, v: 44)
  static let green = Colour(y: 112, u: 72, v: 58)
  static let magenta = Colour(y: 84, u: 184, v: 198)
  static let red = Colour(y: 65, u: 100, v: 212)
  static let blue = Colour(y: 35, u: 212, v: 114)
}

/// Draws on a picture's planes; all that falls outside is cut off.
private struct Canvas {
  let planes: I420Planes

  func fill(_ box: Box, _ colour: Colour) {
    fillLuma(box, colour.y)
    let right = min((box.x + box.width + 1) / 2, planes.chromaWidth)
    let left = min(max(0, box.x / 2), right)
    for row in max(0, box.y / 2)..<max(max(0, box.y / 2), min((box.y + box.height + 1) / 2, planes.chromaHeight)) {
      (planes.u + row * planes.uvStride + left).update(repeating: colour.u, count: right - left)
      (planes.v + row * planes.uvStride + left).update(repeating: colour.v, count: right - left)
    }
  }

  func fillLuma(_ box: Box, _ value: UInt8) {
    let right = min(box.x + box.width, planes.width)
    let left = min(max(0, box.x), right)
    for row in max(0, box.y)..<max(max(0, box.y), min(box.y + box.height, planes.height)) {
      (planes.y + row * planes.yStride + left).update(repeating: value, count: max(0, right - left))
    }
  }

  /// The largest disc in a square box, on a grey ground: luma only.
  func disc(_ box: Box, _ colour: Colour) {
    let diameter = box.height
    for row in 0..<diameter {
      let dy = 2 * row + 1 - diameter
      var half = 0
      while (2 * half + 1) * (2 * half + 1) + dy * dy <= diameter * diameter { half += 1 }
      fillLuma(Box(x: box.x + diameter / 2 - half, y: box.y + row, width: 2 * half, height: 1), colour.y)
    }
  }

  /// A character with its ground, white on black.
  func glyph(_ character: UInt8, x: Int, y: Int, dot: Int) {
    for (row, bits) in BitmapFont.rows(of: character).enumerated() {
      for column in 0..<BitmapFont.width {
        let isSet = bits >> UInt8(BitmapFont.width - 1 - column) & 1 == 1
        fillLuma(
          Box(x: x + column * dot, y: y + row * dot, width: dot, height: dot), isSet ? Colour.white.y : Colour.night.y)
      }
    }
  }
}
