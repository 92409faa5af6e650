internal import Glibc
package import Wire

/// What the test picture and the test tone have in common: once a second, for a tenth of one, the picture flashes while the tone
/// beeps. Both follow the monotonic clock, so that whoever sees one without the other has found a fault in synchronisation.
package enum TestSignal {
  private static let period = Interval.seconds(1)
  private static let length = Interval.milliseconds(100)

  /// Whether the flash is shown and the beep sounds at this time.
  package static func isOn(at instant: Instant) -> Bool {
    let phase = instant.nanoseconds % period.nanoseconds
    return phase >= 0 && phase < length.nanoseconds
  }
}

/// The tone: 440 Hz beeps in step with the flash, silence between them.
///
/// Called by the thread that stands in for a microphone.
struct TestTone {
  private let channels: Int
  /// One full wave train: 440 Hz repeats after 11 periods, which are 1,200 samples.
  private static let waveLength = 1200
  private let wave: [Int16]

  init(channels: Int) {
    self.channels = channels
    wave = (0..<Self.waveLength).map { index in
      // A quarter of full scale: heard, never painful.
      Int16(8_192 * sin(2 * Double.pi * 440 * Double(index) / Double(OpusEncoder.sampleRate)))
    }
  }

  /// Fills one packet. `captured` is the time of its first sample, `position` that sample's number.
  func fill(_ samples: UnsafeMutableBufferPointer<Int16>, captured: Instant, position: Int64) {
    let perSample = Interval.seconds(1).nanoseconds / Int64(OpusEncoder.sampleRate)
    let count = samples.count / channels
    let isOn = { (frame: Int) in TestSignal.isOn(at: captured + .nanoseconds(Int64(frame) * perSample)) }
    // A packet is shorter than a beep and than the silence after it: where both ends are alike, so is all between.
    let isUniform = isOn(0) == isOn(count - 1)
    guard !isUniform || isOn(0) else { return samples.update(repeating: 0) }
    for frame in 0..<count {
      let value = isUniform || isOn(frame) ? wave[Int((position + Int64(frame)) % Int64(Self.waveLength))] : 0
      for channel in 0..<channels { samples[frame * channels + channel] = value }
    }
  }
}
