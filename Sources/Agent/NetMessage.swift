internal import Control
internal import JSON
internal import Media
internal import RTP
internal import Signaling
internal import Telemetry
internal import Wire

/// What other threads tell the `net` thread.
enum NetMessage: Sendable {
  // From `http`.
  case createViewer(ViewerID, offer: String, client: SocketAddress, Reply<ViewerAnswer>)
  case updateViewer(ViewerID, fragment: String, Precondition, Reply<ViewerUpdate>)
  case removeViewer(ViewerID, Reply<Void>)
  case statistics(Reply<String>)
  // From `encode` and `mic`.
  case video(PacketisedVideoFrame)
  case audio(PacketisedAudioFrame)
  case videoEvent(VideoEvent)
  case audioEvent(AudioEvent)
  // From `sensors`.
  case samples([Sample], WallClock)
  /// A device has answered: the completion with this number gets it.
  case answer(UInt64, Result<JSONValue, RPCError>)
  /// Say goodbye to all viewers and end the loop.
  case stop
}
