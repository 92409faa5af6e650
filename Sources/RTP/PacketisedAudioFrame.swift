package import Wire

/// One encoded Opus frame, which is one packet (RFC 7587 §4.2): made once, sent to every viewer. Immutable and shared.
package final class PacketisedAudioFrame: Sendable {
  package let bytes: [UInt8]
  /// When the first sample was taken.
  package let captured: Instant
  /// On the 48 kHz clock, without a viewer's offset.
  package let timestamp: UInt32
  /// For the viewer's meters (RFC 6464); nil when nobody measured.
  package let level: AudioLevel?
  /// First packet after silence: the marker bit (RFC 3551 §4.1).
  package let startsTalkspurt: Bool

  /// RFC 7587 §4.2 and RFC 6716 §3.4: no Opus frame of 20 ms is longer than 1,275 bytes; what fits a datagram of 1,200 is kept.
  package static let maximumFrameSize = PacketisedVideoFrame.defaultMaximumPayload

  /// Nil for an empty frame or one larger than ``maximumFrameSize``.
  /// - Parameter timestamp: counted in samples by who captures, since a sound card's clock is not the monotonic clock's.
  package init?(
    bytes: [UInt8], captured: Instant, timestamp: UInt32, level: AudioLevel? = nil, startsTalkspurt: Bool = false
  ) {
    guard !bytes.isEmpty, bytes.count <= Self.maximumFrameSize else { return nil }
    self.bytes = bytes
    self.captured = captured
    self.timestamp = timestamp
    self.level = level
    self.startsTalkspurt = startsTalkspurt
  }
}
