/// The number of a test picture's frame, as a machine reads it back from a picture that has been compressed, decoded and scaled.
///
/// Along the top edge stand three rows of 16 cells, black (0) or white (1). In a picture of `width` by `height`, wherever it is
/// shown, cell (column, row) covers
///
///     x: column * width / 16  ..<  (column + 1) * width / 16
///     y: row * height / 24    ..<  (row + 1) * height / 24
///
/// (at 640x480: 40 by 20). A reader takes the mean luma of a cell's inner half each way, and a bit is 1 above 128 of 255. The
/// bits, row by row from the left:
///
///     row 0, row 1   the frame counter, 32 bits, the highest first
///     row 2          its checksum, 8 bits (CRC-8, polynomial 0x07, over the counter's four bytes, the highest first, from 0);
///                    then 1 0 1 0 0 1 0 1, by which it is recognised at all
///
/// In JavaScript, with a canvas' `data = context.getImageData(0, 0, width, height).data`, luma is near enough to the green
/// channel, `data[4 * (y * width + x) + 1]`.
package enum Barcode {
  package static let columns = 16
  package static let rows = 3
  /// A cell's height is this part of the picture's.
  package static let rowsInPicture = 24
  static let signature: UInt8 = 0b1010_0101

  /// All 48 cells, the first in bit 47.
  package static func cells(counter: UInt32) -> UInt64 {
    UInt64(counter) << 16 | UInt64(checksum(counter)) << 8 | UInt64(signature)
  }

  /// Reads the counter back from a luma plane; nil where there is no barcode or it is damaged.
  ///
  /// - Parameters:
  ///   - y: luma, `stride` bytes a row, video range or full range.
  ///   - width, height: at least 64 by 48, or there is nothing to read.
  package static func read(y: UnsafePointer<UInt8>, stride: Int, width: Int, height: Int) -> UInt32? {
    guard width >= 64, height >= 48 else { return nil }
    var cells: UInt64 = 0
    for row in 0..<rows {
      for column in 0..<columns {
        let left = column * width / columns
        let right = (column + 1) * width / columns
        let top = row * height / rowsInPicture
        let bottom = (row + 1) * height / rowsInPicture
        let marginX = (right - left) / 4
        let marginY = (bottom - top) / 4
        var sum = 0
        var count = 0
        for line in (top + marginY)..<max(bottom - marginY, top + marginY + 1) {
          for x in (left + marginX)..<max(right - marginX, left + marginX + 1) {
            sum += Int(y[line * stride + x])
            count += 1
          }
        }
        cells = cells << 1 | (sum > 128 * count ? 1 : 0)
      }
    }
    let counter = UInt32(truncatingIfNeeded: cells >> 16)
    return self.cells(counter: counter) == cells ? counter : nil
  }

  static func checksum(_ counter: UInt32) -> UInt8 {
    var remainder: UInt8 = 0
    for shift in [24, 16, 8, 0] {
      remainder ^= UInt8(truncatingIfNeeded: counter >> UInt32(shift))
      for _ in 0..<8 {
        remainder = remainder & 0x80 == 0 ? remainder << 1 : remainder << 1 ^ 0x07
      }
    }
    return remainder
  }
}
