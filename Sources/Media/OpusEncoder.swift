internal import COpus
package import Wire

/// What an Opus encoder is asked for.
package struct OpusSettings: Equatable, Sendable {
  /// 1 or 2.
  package var channels: Int
  /// Bits a second, 6,000 to 510,000.
  package var bitrate: Int
  /// The loss to protect against, in per cent. From 1 on, each packet carries a coarse copy of the one before (RFC 6716 §2.1.7).
  package var expectedLoss: Int
  /// 0 to 10. 5 is a middle for small boards: what is above it refines music more than a voice, and costs more.
  package var complexity: Int
  /// What is heard: it chooses between Opus' two modes.
  package var application: Application

  package enum Application: Sendable {
    /// Favours speech, and uses the mode that in-band FEC exists in (RFC 6716 §2.1.7): right for a board's microphone.
    case voice
    /// Favours fidelity: music.
    case audio
  }

  package init(
    channels: Int = 1, bitrate: Int = 32_000, expectedLoss: Int = 5, complexity: Int = 5,
    application: Application = .voice
  ) {
    self.channels = channels
    self.bitrate = bitrate
    self.expectedLoss = expectedLoss
    self.complexity = complexity
    self.application = application
  }
}

/// libopus, encoding packets of 20 ms from 48 kHz samples. Used by one thread.
///
/// Discontinuous transmission is off: a stream without packets looks dead to a viewer's statistics and to ours, and with a
/// variable bitrate silence takes few bytes anyway.
package struct OpusEncoder: ~Copyable {
  package static let sampleRate = 48_000
  /// Samples per channel in a packet: 20 ms, what RFC 7587 §6.1 takes when nothing is said.
  package static let samplesPerPacket = 960
  /// RFC 6716 §3.2.1: the largest frame.
  private static let maximumPacket = 1275

  private let encoder: OpaquePointer
  package private(set) var settings: OpusSettings
  private var meter = AudioLevelMeter()
  /// The packet as it is written; kept, so that only its bytes are allocated.
  private let scratch: UnsafeMutablePointer<UInt8>

  /// - Throws: ``MediaError/codec(_:)``.
  package init(_ settings: OpusSettings) throws(MediaError) {
    var status: Int32 = 0
    let application =
      switch settings.application {
      case .voice: OPUS_APPLICATION_VOIP
      case .audio: OPUS_APPLICATION_AUDIO
      }
    guard
      let encoder = opus_encoder_create(Int32(Self.sampleRate), Int32(settings.channels), application, &status)
    else { throw .codec("Opus refuses \(settings.channels) channels: \(String(cString: opus_strerror(status)))") }
    self.encoder = encoder
    self.settings = settings
    scratch = .allocate(capacity: Self.maximumPacket)
    _ = perch_opus_set(encoder, PERCH_OPUS_DTX, 0)
    configure()
  }

  deinit {
    opus_encoder_destroy(encoder)
    scratch.deallocate()
  }

  /// Takes a new bitrate, expected loss or complexity. Channels and application are the encoder's for life.
  package mutating func apply(_ new: OpusSettings) {
    precondition(
      new.channels == settings.channels && new.application == settings.application,
      "the pipeline makes a new encoder when these change")
    guard new != settings else { return }
    settings = new
    configure()
  }

  /// Encodes one packet.
  ///
  /// - Parameters:
  ///   - samples: `samplesPerPacket` times the channels, interleaved.
  ///   - captured: when the first of them was taken.
  ///   - position: which sample it is, see ``EncodedAudioFrame/position``.
  /// - Throws: ``MediaError/codec(_:)``.
  package mutating func encode(
    _ samples: UnsafeBufferPointer<Int16>, captured: Instant, position: Int64
  ) throws(MediaError) -> EncodedAudioFrame {
    precondition(samples.count == Self.samplesPerPacket * settings.channels, "microphones deliver whole packets")
    let size = opus_encode(
      encoder, samples.baseAddress!, Int32(Self.samplesPerPacket), scratch, Int32(Self.maximumPacket))
    guard size > 0 else { throw .codec("Opus cannot encode: \(String(cString: opus_strerror(size)))") }
    return EncodedAudioFrame(
      bytes: [UInt8](UnsafeBufferPointer(start: scratch, count: Int(size))), captured: captured, position: position,
      sampleCount: Self.samplesPerPacket, level: meter.measure(samples))
  }

  /// A refusal leaves the setting as it was, and the values are clamped into what Opus takes.
  private func configure() {
    _ = perch_opus_set(encoder, PERCH_OPUS_BITRATE, Int32(clamping: min(max(settings.bitrate, 6_000), 510_000)))
    _ = perch_opus_set(encoder, PERCH_OPUS_COMPLEXITY, Int32(clamping: min(max(settings.complexity, 0), 10)))
    _ = perch_opus_set(encoder, PERCH_OPUS_IN_BAND_FEC, settings.expectedLoss > 0 ? 1 : 0)
    _ = perch_opus_set(encoder, PERCH_OPUS_PACKET_LOSS, Int32(clamping: min(max(settings.expectedLoss, 0), 100)))
  }
}
