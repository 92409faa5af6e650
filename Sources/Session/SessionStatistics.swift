package import DataChannel
package import ICE
package import RTP

/// What is known of a session, layer by layer, under the names of W3C webrtc-stats.
package struct SessionStatistics {
  /// `candidate-pair`: of the selected one.
  package var pair: CandidatePair.Statistics?
  /// `outbound-rtp` and `remote-inbound-rtp`.
  package var video: OutboundStatistics?
  package var audio: OutboundStatistics?
  /// What the viewer's feedback says of the network.
  package var estimates: PeerEstimates?
  /// `inbound-rtp`.
  package var received: (video: InboundStatistics?, audio: InboundStatistics?)
  /// `data-channel`.
  package var channels: [ChannelStatistics]
}
