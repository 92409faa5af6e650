import Media
import NetSim
import Testing
import Wire

@Suite struct VP8EncoderTests {
  /// Paints and encodes pictures of the test source at 30 a second; each frame is shown with the picture that it was made of.
  static func encode(
    _ count: Int, with encoder: inout VP8Encoder, from start: Int = 0, keyframeAt keyframe: Int? = nil,
    _ body: (EncodedVideoFrame, Picture) -> Void
  ) throws {
    let settings = encoder.settings
    var painter = TestPicture(width: settings.width, height: settings.height)
    let picture = try Picture(width: settings.width, height: settings.height)
    for index in start..<(start + count) {
      let now = Instant(nanoseconds: 1_000_000_000 + Int64(index) * 1_000_000_000 / 30)
      painter.paint(picture, counter: UInt32(index), at: now, wall: WallClock(microseconds: now.nanoseconds / 1000))
      let frame = try encoder.encode(picture.planes, captured: now, forceKeyframe: index == keyframe)
      body(try #require(frame), picture)
    }
  }

  @Test func decodesToThePictureThatWentIn() throws {
    var encoder = try VP8Encoder(VP8Settings(width: 320, height: 240, bitrate: 500_000))
    let decoder = VP8Decoder()
    var worst = 100.0
    try Self.encode(30, with: &encoder) { frame, picture in
      worst = min(worst, decoder.decode(frame) { peakSignalToNoise($0, picture.planes) } ?? 0)
    }
    #expect(worst > 24)
  }

  @Test func keepsTheBarcodeReadableAt300KilobitsASecond() throws {
    var encoder = try VP8Encoder(VP8Settings(width: 640, height: 480, bitrate: 300_000))
    let decoder = VP8Decoder()
    var read: [UInt32?] = []
    try Self.encode(60, with: &encoder, from: 1_000_000) { frame, _ in read.append(decoder.counter(in: frame)) }
    #expect(read == (0..<60).map { UInt32(1_000_000 + $0) })
  }

  @Test func makesKeyframesOnRequestOnly() throws {
    var encoder = try VP8Encoder(VP8Settings(width: 320, height: 240, bitrate: 500_000))
    var keyframes: [Int] = []
    var index = 0
    try Self.encode(300, with: &encoder, keyframeAt: 211) { frame, _ in
      if frame.isKeyframe { keyframes.append(index) }
      index += 1
    }
    #expect(keyframes == [0, 211])
  }

  @Test func followsANewBitrateWithoutAKeyframe() throws {
    // Noise, so that there is something to spend bits on.
    var encoder = try VP8Encoder(VP8Settings(width: 320, height: 240, bitrate: 1_000_000))
    let picture = try Picture(width: 320, height: 240)
    var random = SeededGenerator(seed: 7)
    var index: Int64 = 0
    func encode(_ count: Int, _ encoder: inout VP8Encoder) throws -> (bits: Int, keyframes: Int) {
      var result = (bits: 0, keyframes: 0)
      for _ in 0..<count {
        // Noise that is not new everywhere in each frame: one row in four.
        for row in stride(from: Int(index % 4), to: 240, by: 4) {
          for column in 0..<320 {
            picture.planes.y[row * picture.planes.yStride + column] = 96 + UInt8(random.next() & 63)
          }
        }
        let frame = try #require(try encoder.encode(picture.planes, captured: Instant(nanoseconds: index * 33_333_333)))
        result.bits += frame.bytes.count * 8
        result.keyframes += frame.isKeyframe ? 1 : 0
        index += 1
      }
      return result
    }
    _ = try encode(60, &encoder)
    let high = try encode(60, &encoder)
    var settings = encoder.settings
    settings.bitrate = 500_000
    try encoder.apply(settings)
    _ = try encode(60, &encoder)  // time to get there
    let low = try encode(60, &encoder)
    #expect(low.keyframes == 0)
    #expect(high.bits > 1_600_000 && high.bits < 2_400_000, "two seconds at 1 Mbit/s: \(high)")
    #expect(low.bits > 800_000 && low.bits < 1_300_000, "two seconds at 0.5 Mbit/s: \(low)")
  }

  @Test func spendsNoMinuteOfBitsOnTheFrameAfterAPause() throws {
    var encoder = try VP8Encoder(VP8Settings(width: 320, height: 240, bitrate: 300_000))
    var sizes: [Int] = []
    try Self.encode(60, with: &encoder) { frame, _ in sizes.append(frame.bytes.count) }
    try Self.encode(30, with: &encoder, from: 60 * 30) { frame, _ in sizes.append(frame.bytes.count) }
    #expect(sizes[60...].max()! < sizes[0] * 2)
    #expect(sizes[60...].reduce(0, +) * 8 < 600_000)
  }

  @Test func aKeyframeOfANoisyPictureStaysWithinItsShareOfASecond() throws {
    var encoder = try VP8Encoder(VP8Settings(width: 640, height: 480, bitrate: 1_000_000))
    let picture = try Picture(width: 640, height: 480)
    var random = SeededGenerator(seed: 11)
    for byte in 0..<(picture.planes.yStride * 480) { picture.planes.y[byte] = 96 + UInt8(random.next() & 31) }
    var size = 0
    for index in 0...30 {
      let frame = try encoder.encode(
        picture.planes, captured: Instant(nanoseconds: Int64(index) * 33_333_333), forceKeyframe: index == 30)
      size = try #require(frame).bytes.count
    }
    #expect(size < 35_000)
  }

  @Test func refusesASizeThatCannotBe() {
    #expect(throws: MediaError.self) { _ = try VP8Encoder(VP8Settings(width: 0, height: 480)) }
  }
}
