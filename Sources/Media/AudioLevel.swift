internal import Glibc
package import RTP

extension AudioLevel {
  /// No sound at all.
  package static let silence = AudioLevel(decibelsBelowFullScale: 127, isVoice: false)
}

/// Measures levels packet by packet, and keeps an estimate of the background to tell voice from it.
struct AudioLevelMeter {
  /// The background, in decibels below full scale; falls to a quieter packet at once and rises slowly. nil before any sound.
  private var background: Double?
  /// Decibels a packet: half a minute of steady noise of any loudness becomes background.
  private static let rise = 0.05
  /// What speech has over the background in a quiet room, less some margin.
  private static let voiceAbove = 9.0
  /// Quieter than this is never voice: it is a microphone's own noise.
  private static let voiceFloor = 60.0

  mutating func measure(_ samples: UnsafeBufferPointer<Int16>) -> AudioLevel {
    var energy: UInt64 = 0
    for sample in samples {
      let value = Int32(sample)
      energy &+= UInt64(UInt32(bitPattern: value &* value))
    }
    guard energy > 0 else { return .silence }  // a muted device says nothing about the room
    let meanSquare = Double(energy) / Double(samples.count) / (32_768.0 * 32_768.0)
    let decibels = min(127, max(0, -10 * log10(meanSquare)))
    let background = max(decibels, background.map { $0 - Self.rise } ?? decibels)
    self.background = background
    let isVoice = decibels < Self.voiceFloor && decibels < background - Self.voiceAbove
    return AudioLevel(decibelsBelowFullScale: UInt8(decibels.rounded()), isVoice: isVoice)
  }
}
