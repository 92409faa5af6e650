package import Wire

/// What one stream sent and what its viewer says about it, under the names of W3C webrtc-stats (`outbound-rtp`,
/// `remote-inbound-rtp`).
package struct OutboundStatistics: Equatable, Sendable {
  /// Retransmissions included, also those on the RTX stream.
  package var packetsSent: UInt64 = 0
  /// Payload bytes, retransmissions included.
  package var bytesSent: UInt64 = 0
  /// Bytes of RTP headers and their extensions.
  package var headerBytesSent: UInt64 = 0
  package var retransmittedPacketsSent: UInt64 = 0
  package var retransmittedBytesSent: UInt64 = 0
  /// Video frames whose last packet has been written.
  package var framesSent: UInt64 = 0
  package var nackCount: UInt64 = 0
  package var pliCount: UInt64 = 0
  package var firCount: UInt64 = 0

  /// `packetsLost` of remote-inbound-rtp: negative when the viewer got duplicates.
  package var remotePacketsLost: Int64 = 0
  /// 0 to 1, over the viewer's last reporting interval.
  package var remoteFractionLost = 0.0
  /// In seconds.
  package var remoteJitter = 0.0
  package var roundTripTime: Interval?
  package var totalRoundTripTime = Interval.zero
  package var roundTripTimeMeasurements: UInt64 = 0

  package init() {}
}
