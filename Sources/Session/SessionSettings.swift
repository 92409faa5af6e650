package import SDP
package import Secure
package import Wire

/// What a session is told about this end when it is made.
package struct SessionSettings: Sendable {
  /// The certificate of this board, shared by all sessions.
  package var identity: Identity
  /// Our addresses, each with the port of the shared socket: the host candidates.
  package var localAddresses: [SocketAddress]
  /// Which way video flows, seen from here; nil for none.
  package var video: Direction?
  package var audio: Direction?
  package var hasDataChannels: Bool
  /// The canonical name (RFC 7022) in RTCP and SDP: the same for audio and video, so that a player keeps them in sync.
  package var cname: String

  package init(
    identity: Identity, localAddresses: [SocketAddress], video: Direction?, audio: Direction?,
    hasDataChannels: Bool = true, cname: String
  ) {
    self.identity = identity
    self.localAddresses = localAddresses
    self.video = video
    self.audio = audio
    self.hasDataChannels = hasDataChannels
    self.cname = cname
  }
}
