import NetSim
import Testing

@testable import Media

@Suite struct PixelConversionTests {
  static let width = 64
  static let height = 48

  /// A picture in the format whose luma is a ramp and whose chroma is one colour.
  static func source(_ format: PixelFormat, padding: Int = 0) -> (bytes: [UInt8], stride: Int) {
    let ramp = { (x: Int, y: Int) in UInt8(16 + 2 * x + y) }
    let (u, v): (UInt8, UInt8) = (90, 160)
    var bytes: [UInt8] = []
    let pad = [UInt8](repeating: 0xaa, count: padding)
    for y in 0..<height {
      for x in 0..<width {
        let chroma = x % 2 == 0 ? u : v
        switch format {
        case .yuyv: bytes += [ramp(x, y), chroma]
        case .uyvy: bytes += [chroma, ramp(x, y)]
        case .i420, .nv12, .converted, .mjpeg: bytes.append(ramp(x, y))
        }
      }
      bytes += pad
    }
    switch format {
    case .nv12:
      for _ in 0..<height / 2 { bytes += (0..<width).map { $0 % 2 == 0 ? u : v } + pad }
    case .i420, .converted:
      let half = [UInt8](repeating: 0xaa, count: (padding + 1) / 2)
      for chroma in [u, v] { for _ in 0..<height / 2 { bytes += [UInt8](repeating: chroma, count: width / 2) + half } }
    case .yuyv, .uyvy, .mjpeg: break
    }
    return (bytes, bytes.isEmpty ? 0 : width * ([.yuyv, .uyvy].contains(format) ? 2 : 1) + padding)
  }

  @Test(arguments: [PixelFormat.i420, .nv12, .yuyv, .uyvy, .converted], [0, 32])
  func keepsLumaAndChroma(format: PixelFormat, padding: Int) throws {
    let (bytes, stride) = Self.source(format, padding: padding)
    let picture = try Picture(width: Self.width, height: Self.height)
    let isDone = bytes.withUnsafeBytes {
      PixelConversion.convert(.init(format: format, bytes: $0, stride: stride), to: picture.planes)
    }
    #expect(isDone)
    let planes = picture.planes
    for y in 0..<Self.height {
      for x in 0..<Self.width { #expect(planes.y[y * planes.yStride + x] == UInt8(16 + 2 * x + y)) }
    }
    #expect(planes.u[5 * planes.uvStride + 7] == 90)
    #expect(planes.v[5 * planes.uvStride + 7] == 160)
  }

  @Test(arguments: [PixelFormat.i420, .nv12, .yuyv, .uyvy, .converted])
  func refusesAPictureThatEndsTooEarly(format: PixelFormat) throws {
    let (bytes, stride) = Self.source(format)
    let picture = try Picture(width: Self.width, height: Self.height)
    for missing in [1, bytes.count / 2, bytes.count] {
      let isDone = bytes.dropLast(missing).withUnsafeBytes {
        PixelConversion.convert(.init(format: format, bytes: $0, stride: stride), to: picture.planes)
      }
      #expect(!isDone)
    }
  }

  @Test func decodesMotionJPEG() throws {
    let picture = try Picture(width: 64, height: 48)
    let isDone = motionJPEG.withUnsafeBytes {
      PixelConversion.convert(.init(format: .mjpeg, bytes: $0, stride: 0), to: picture.planes)
    }
    #expect(isDone)
    // Left half dark, right half light.
    #expect(picture.planes.y[24 * picture.planes.yStride + 8] < 60)
    #expect(picture.planes.y[24 * picture.planes.yStride + 56] > 180)
  }

  @Test func refusesMotionJPEGThatWasCutOffAtAnyLength() throws {
    let picture = try Picture(width: 64, height: 48)
    for length in 0..<motionJPEG.count - 1 {
      let isDone = motionJPEG.prefix(length).withUnsafeBytes {
        PixelConversion.convert(.init(format: .mjpeg, bytes: $0, stride: 0), to: picture.planes)
      }
      #expect(!isDone, "\(length) bytes")
    }
  }

  @Test func survivesMotionJPEGWithFlippedBits() throws {
    let picture = try Picture(width: 64, height: 48)
    var random = SeededGenerator(seed: 2026)
    for _ in 0..<3_000 {
      var bytes = motionJPEG
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] ^= 1 << UInt8.random(in: 0...7, using: &random)
      }
      _ = bytes.withUnsafeBytes {
        PixelConversion.convert(.init(format: .mjpeg, bytes: $0, stride: 0), to: picture.planes)
      }
    }
  }

  @Test func refusesMotionJPEGOfAnotherSize() throws {
    let picture = try Picture(width: 32, height: 48)
    let isDone = motionJPEG.withUnsafeBytes {
      PixelConversion.convert(.init(format: .mjpeg, bytes: $0, stride: 0), to: picture.planes)
    }
    #expect(!isDone)
  }

  @Test func scalesDown() throws {
    let large = try Picture(width: 128, height: 96)
    let small = try Picture(width: 64, height: 48)
    for row in 0..<96 { (large.planes.y + row * large.planes.yStride).update(repeating: UInt8(row * 2), count: 128) }
    #expect(PixelConversion.scale(large.planes, to: small.planes))
    #expect(abs(Int(small.planes.y[24 * small.planes.yStride + 10]) - 97) <= 2)
  }
}
