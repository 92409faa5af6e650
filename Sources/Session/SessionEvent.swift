package import DataChannel
package import Wire

/// What a session has to tell its owner, in the order in which it happened.
package enum SessionEvent: Sendable {
  /// ICE found a path and DTLS agreed on keys: media flows from now on, video from the next keyframe.
  case connected(NetworkPath)
  /// The viewer says that it cannot decode what comes next without a keyframe.
  case keyframeRequested
  case channelOpened(ChannelInfo)
  case message(ChannelID, MessageKind, [UInt8])
  case channelClosed(ChannelID)
  /// A channel's queue has fallen below its threshold: more may be sent.
  case bufferedAmountLow(ChannelID)
  /// The last event: the session is over and can be forgotten.
  case closed(SessionClosure)
}

/// Why a session is over.
package enum SessionClosure: Equatable, Sendable, CustomStringConvertible {
  case byUs
  case byPeer
  /// ICE found no path, or lost the one it had; the text says what was tried.
  case noPath(String)
  /// DTLS failed: wrong certificate, no common cipher, no answer.
  case notSecure(String)

  package var description: String {
    switch self {
    case .byUs: "closed here"
    case .byPeer: "closed by the viewer"
    case .noPath(let reason), .notSecure(let reason): reason
    }
  }
}
