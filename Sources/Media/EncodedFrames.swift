package import RTP
package import Wire

/// One compressed picture, complete, as it goes to every viewer.
package struct EncodedVideoFrame: Sendable {
  /// A VP8 frame (RFC 6386), to be packetised as RFC 7741 says.
  package var bytes: [UInt8]
  package var isKeyframe: Bool
  /// Luma samples.
  package var width: Int
  package var height: Int
  /// When the camera took it: the time that its RTP timestamp stands for.
  package var captured: Instant
  /// Temporal layer (RFC 7741 TID). One layer is made, so 0.
  package var temporalID: UInt8

  package init(
    bytes: [UInt8], isKeyframe: Bool, width: Int, height: Int, captured: Instant, temporalID: UInt8 = 0
  ) {
    self.bytes = bytes
    self.isKeyframe = isKeyframe
    self.width = width
    self.height = height
    self.captured = captured
    self.temporalID = temporalID
  }
}

/// One Opus packet.
package struct EncodedAudioFrame: Sendable {
  /// An Opus packet (RFC 6716), the payload of one RTP packet (RFC 7587).
  package var bytes: [UInt8]
  /// When its first sample was captured.
  package var captured: Instant
  /// Which sample that is, at 48 kHz since the source was made: the RTP timestamp is this, truncated. It jumps where sound was
  /// lost, by as much as was lost, and never goes back.
  package var position: Int64
  /// How many samples at 48 kHz (per channel) it holds.
  package var sampleCount: Int
  package var level: AudioLevel
}
