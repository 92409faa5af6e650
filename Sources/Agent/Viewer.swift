internal import DataChannel
internal import Session
internal import Signaling
internal import Wire

/// One viewer as the `net` thread knows it: its session, and what its channels are for.
final class Viewer {
  let id: ViewerID
  /// What logs and statistics call it: `id` is the viewer's secret.
  let number: Int
  let client: SocketAddress
  let session: Session
  let created: Instant
  /// Changes with an ICE restart (RFC 9725 §4.3.1).
  let entityTag: String
  var connected: Instant?
  var telemetry: ChannelID?
  var control: ChannelID?
  var echo: ChannelID?

  init(id: ViewerID, number: Int, client: SocketAddress, session: Session, created: Instant, entityTag: String) {
    self.id = id
    self.number = number
    self.client = client
    self.session = session
    self.created = created
    self.entityTag = entityTag
  }
}
