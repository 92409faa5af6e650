import Glibc
import Media
import RTP
import NetSim
import Testing
import Wire

@Suite struct OpusEncoderTests {
  /// A sine of the amplitude, from the sample on.
  static func sine(_ amplitude: Double, from start: Int, channels: Int = 1) -> [Int16] {
    (0..<960 * channels).map { Int16(amplitude * sin(2 * .pi * 440 * Double(start + $0 / channels) / 48_000)) }
  }

  static func rootMeanSquare(_ samples: [Int16]) -> Double {
    (samples.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(max(1, samples.count))).squareRoot()
  }

  static func encode(_ samples: [Int16], with encoder: inout OpusEncoder) throws -> EncodedAudioFrame {
    var result: EncodedAudioFrame?
    try samples.withUnsafeBufferPointer {
      result = try encoder.encode($0, captured: Instant(nanoseconds: 0), position: 0)
    }
    return try #require(result)
  }

  @Test(arguments: [1, 2]) func decodesToTheSoundThatWentIn(channels: Int) throws {
    var encoder = try OpusEncoder(OpusSettings(channels: channels))
    let decoder = OpusDecoder(channels: channels)
    var heard: [Int16] = []
    for packet in 0..<25 {
      let samples = Self.sine(8_000, from: packet * 960, channels: channels)
      heard = decoder.decode(try Self.encode(samples, with: &encoder).bytes)
      #expect(heard.count == 960 * channels)
    }
    #expect(abs(Self.rootMeanSquare(heard) - 8_000 / 2.0.squareRoot()) < 600)
  }

  @Test func aLostPacketComesBackFromTheNextOne() throws {
    var encoder = try OpusEncoder(OpusSettings(expectedLoss: 20))
    let decoder = OpusDecoder(channels: 1)
    var packets: [[UInt8]] = []
    for packet in 0..<30 {
      packets.append(try Self.encode(Self.sine(8_000, from: packet * 960), with: &encoder).bytes)
    }
    for packet in packets[..<28] { _ = decoder.decode(packet) }
    let recovered = decoder.decode(packets[29], recoveringPrevious: true)
    #expect(Self.rootMeanSquare(recovered) > 2_000)
  }

  @Test func followsANewBitrate() throws {
    var encoder = try OpusEncoder(OpusSettings(bitrate: 64_000))
    var random = SeededGenerator(seed: 3)
    func bytesInASecond(_ encoder: inout OpusEncoder) throws -> Int {
      var total = 0
      for _ in 0..<50 {
        let noise = (0..<960).map { _ in Int16(truncatingIfNeeded: random.next()) / 4 }
        total += try Self.encode(noise, with: &encoder).bytes.count
      }
      return total
    }
    let high = try bytesInASecond(&encoder)
    var settings = encoder.settings
    settings.bitrate = 16_000
    encoder.apply(settings)
    let low = try bytesInASecond(&encoder)
    #expect(abs(high - 8_000) < 2_000)
    #expect(abs(low - 2_000) < 700)
  }

  @Test(arguments: [(32_767.0, 3), (3_276.7, 23), (327.67, 43)])
  func measuresTheLevelOfASine(amplitude: Double, decibels: Int) throws {
    // RFC 6464 §3: root mean square over full scale; a full-scale sine is 3 dB below.
    var encoder = try OpusEncoder(OpusSettings())
    let level = try Self.encode(Self.sine(amplitude, from: 0), with: &encoder).level
    #expect(abs(Int(level.decibelsBelowFullScale) - decibels) <= 1)
  }

  @Test func silenceIs127AndNoVoice() throws {
    var encoder = try OpusEncoder(OpusSettings())
    #expect(try Self.encode([Int16](repeating: 0, count: 960), with: &encoder).level == .silence)
  }

  @Test func soundAboveTheBackgroundIsVoice() throws {
    var encoder = try OpusEncoder(OpusSettings())
    let voice = try [300.0, 8_000, 300].map { try Self.encode(Self.sine($0, from: 0), with: &encoder).level.isVoice }
    #expect(voice == [false, true, false])
  }
}
