"""The number of a test picture's frame, as Sources/Media/Barcode.swift paints it: 16 by 3 cells along the top edge."""

import numpy

COLUMNS, ROWS, ROWS_IN_PICTURE = 16, 3, 24
SIGNATURE = 0b1010_0101


def checksum(counter):
    remainder = 0
    for byte in counter.to_bytes(4, "big"):
        remainder ^= byte
        for _ in range(8):
            remainder = (remainder << 1 ^ 0x07) & 0xFF if remainder & 0x80 else remainder << 1
    return remainder


def cells(counter):
    """All 48 cells, the first in bit 47."""
    return counter << 16 | checksum(counter) << 8 | SIGNATURE


def boxes(width, height):
    """Each cell's pixels, in the order of the bits."""
    for row in range(ROWS):
        for column in range(COLUMNS):
            yield (
                slice(row * height // ROWS_IN_PICTURE, (row + 1) * height // ROWS_IN_PICTURE),
                slice(column * width // COLUMNS, (column + 1) * width // COLUMNS),
            )


def inner(box):
    margin = (box.stop - box.start) // 4
    return slice(box.start + margin, box.stop - margin)


def read(luma: numpy.ndarray):
    """The counter that a picture's luma shows; None where there is none or it is damaged."""
    height, width = luma.shape
    read = 0
    for rows, columns in boxes(width, height):
        read = read << 1 | int(luma[inner(rows), inner(columns)].mean() > 128)
    counter = read >> 16
    return counter if cells(counter) == read else None


def paint(luma: numpy.ndarray, counter: int):
    height, width = luma.shape
    for index, (rows, columns) in enumerate(boxes(width, height)):
        luma[rows, columns] = 235 if cells(counter) >> 47 - index & 1 else 16


# The same reader for a page: the counter that a video element shows now, or null.
JAVASCRIPT_READER = """
(video) => {
  const [width, height] = [video.videoWidth, video.videoHeight];
  if (!width) return null;
  const canvas = new OffscreenCanvas(width, Math.ceil(height / 8));
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(video, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
  const isWhite = (row, column) => {
    const [top, bottom] = [row, row + 1].map((n) => Math.floor((n * height) / 24));
    const [left, right] = [column, column + 1].map((n) => Math.floor((n * width) / 16));
    const [marginX, marginY] = [(right - left) >> 2, (bottom - top) >> 2];
    let [sum, count] = [0, 0];
    for (let y = top + marginY; y < bottom - marginY; y++) {
      for (let x = left + marginX; x < right - marginX; x++, count++) sum += pixels[4 * (y * width + x) + 1];
    }
    return sum > 128 * count;
  };
  const bits = Array.from({ length: 48 }, (_, n) => (isWhite(n >> 4, n & 15) ? 1 : 0));
  const number = (from, to) => bits.slice(from, to).reduce((value, bit) => value * 2 + bit, 0);
  const counter = number(0, 32);
  let remainder = 0;
  for (const shift of [24, 16, 8, 0]) {
    remainder ^= (counter >>> shift) & 0xff;
    for (let n = 0; n < 8; n++) remainder = remainder & 0x80 ? ((remainder << 1) ^ 0x07) & 0xff : remainder << 1;
  }
  return number(40, 48) === 0b10100101 && number(32, 40) === remainder ? counter : null;
}
"""
