internal import CYUV

/// Turns what a camera delivers into I420, by libyuv.
enum PixelConversion {
  /// A picture as it lies in a camera's buffer.
  struct Source {
    var format: PixelFormat
    var bytes: UnsafeRawBufferPointer
    /// Bytes of a row of the first plane; 0 for Motion-JPEG.
    var stride: Int
  }

  /// How many bytes a picture must have; 0 where it varies.
  static func byteCount(of format: PixelFormat, stride: Int, height: Int) -> Int {
    switch format {
    case .yuyv, .uyvy: stride * height
    case .nv12: stride * height + stride * ((height + 1) / 2)
    case .i420, .converted: stride * height + 2 * ((stride + 1) / 2) * ((height + 1) / 2)
    case .mjpeg: 0
    }
  }

  /// The planes of an I420 picture in place; nil for other formats and where bytes are missing.
  static func planes(of source: Source, width: Int, height: Int) -> I420Planes? {
    switch source.format {
    case .i420, .converted:
      guard source.stride >= width, let base = source.bytes.baseAddress,
        source.bytes.count >= byteCount(of: source.format, stride: source.stride, height: height)
      else { return nil }
      // Never written through: pictures over a camera's buffer are only read.
      let y = UnsafeMutablePointer(mutating: base.assumingMemoryBound(to: UInt8.self))
      let uvStride = (source.stride + 1) / 2
      let u = y + source.stride * height
      let v = u + uvStride * ((height + 1) / 2)
      return I420Planes(y: y, u: u, v: v, yStride: source.stride, uvStride: uvStride, width: width, height: height)
    case .nv12, .yuyv, .uyvy, .mjpeg:
      return nil
    }
  }

  /// Converts a picture of the target's size.
  ///
  /// - Returns: false when bytes are missing or, for Motion-JPEG, broken: the target holds anything then.
  static func convert(_ source: Source, to target: I420Planes) -> Bool {
    guard let base = source.bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
      source.bytes.count >= byteCount(of: source.format, stride: source.stride, height: target.height)
    else { return false }
    let stride = Int32(source.stride)
    switch source.format {
    case .yuyv:
      return source.stride >= 2 * target.width && perch_yuy2_to_i420(base, stride, target.asC) == 0
    case .uyvy:
      return source.stride >= 2 * target.width && perch_uyvy_to_i420(base, stride, target.asC) == 0
    case .nv12:
      let chroma = base + source.stride * target.height
      return source.stride >= target.width && perch_nv12_to_i420(base, stride, chroma, stride, target.asC) == 0
    case .mjpeg:
      // Without the end marker the bottom of the picture is missing: libjpeg would fill it with grey.
      return hasEndMarker(source.bytes) && perch_mjpeg_to_i420(base, source.bytes.count, target.asC) == 0
    case .i420, .converted:
      guard let planes = planes(of: source, width: target.width, height: target.height) else { return false }
      return perch_i420_copy(planes.asC, target.asC) == 0
    }
  }

  /// Scales one picture into another, for cameras that have no mode as small as is wanted.
  static func scale(_ source: I420Planes, to target: I420Planes) -> Bool {
    perch_i420_scale(source.asC, target.asC) == 0
  }

  /// Whether a Motion-JPEG picture is complete. Compressed data never contains the marker (a 0xff in it is followed by 0), and
  /// cameras put all sorts of padding after it.
  private static func hasEndMarker(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var end = bytes.count
    while end > 2 {
      if bytes[end - 1] == 0xd9, bytes[end - 2] == 0xff { return true }
      end -= 1
    }
    return false
  }
}
