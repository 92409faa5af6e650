internal import COpus
internal import CVPX
internal import Glibc
internal import Media

/// libvpx's decoder: what a browser makes of our frames.
struct VP8Decoder: ~Copyable {
  private let context: UnsafeMutablePointer<vpx_codec_ctx_t>

  init() {
    context = .allocate(capacity: 1)
    context.initialize(to: vpx_codec_ctx_t())
    precondition(perch_vp8_decoder_open(context) == VPX_CODEC_OK)
  }

  deinit {
    vpx_codec_destroy(context)
    context.deallocate()
  }

  /// Shows the decoded picture to `body`; nil when the frame cannot be decoded.
  func decode<Result>(_ frame: EncodedVideoFrame, _ body: (I420Planes) -> Result) -> Result? {
    let status = frame.bytes.withUnsafeBufferPointer {
      vpx_codec_decode(context, $0.baseAddress, UInt32($0.count), nil, 0)
    }
    var iterator: vpx_codec_iter_t?
    guard status == VPX_CODEC_OK, let image = vpx_codec_get_frame(context, &iterator) else { return nil }
    let planes = image.pointee
    return body(
      I420Planes(
        y: planes.planes.0!, u: planes.planes.1!, v: planes.planes.2!, yStride: Int(planes.stride.0),
        uvStride: Int(planes.stride.1), width: Int(planes.d_w), height: Int(planes.d_h)))
  }

  /// The frame number in the barcode of the decoded picture.
  func counter(in frame: EncodedVideoFrame) -> UInt32? {
    decode(frame) { Barcode.read(y: $0.y, stride: $0.yStride, width: $0.width, height: $0.height) } ?? nil
  }
}

/// Peak signal-to-noise ratio of the luma planes, in decibels.
func peakSignalToNoise(_ a: I420Planes, _ b: I420Planes) -> Double {
  var squares = 0
  for row in 0..<a.height {
    for column in 0..<a.width {
      let difference = Int(a.y[row * a.yStride + column]) - Int(b.y[row * b.yStride + column])
      squares += difference * difference
    }
  }
  guard squares > 0 else { return 100 }
  return 10 * log10(255 * 255 * Double(a.width * a.height) / Double(squares))
}

/// libopus' decoder.
struct OpusDecoder: ~Copyable {
  private let decoder: OpaquePointer
  private let channels: Int

  init(channels: Int) {
    var status: Int32 = 0
    decoder = opus_decoder_create(48_000, Int32(channels), &status)!
    self.channels = channels
  }

  deinit { opus_decoder_destroy(decoder) }

  /// The samples of a packet; with `recoveringPrevious`, those of the packet before from this one's in-band copy.
  func decode(_ packet: [UInt8], recoveringPrevious: Bool = false) -> [Int16] {
    [Int16](unsafeUninitializedCapacity: 960 * channels) { buffer, count in
      let frames = opus_decode(
        decoder, packet, Int32(packet.count), buffer.baseAddress!, 960, recoveringPrevious ? 1 : 0)
      count = max(0, Int(frames)) * channels
    }
  }
}
