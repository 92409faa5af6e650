/// The bounds of one session's data channels, in one place. What a peer does beyond them is refused; what we ourselves ask for
/// beyond them is a ``DataChannelError``.
package enum DataChannelLimits {
  /// Bytes of a message, in either direction: what Chromium announces, and what every browser takes.
  package static let maximumMessageSize = 256 * 1024
  /// Channels of a session, those that are closing included. A viewer needs three or four.
  package static let maximumChannels = 64
  /// Bytes of a label, and of a subprotocol's name. RFC 8832 allows 65,535; a peer could make us hold megabytes of names.
  package static let maximumNameBytes = 1024
  /// Bytes that may wait on a channel before ``DataChannels/send(_:as:on:now:)`` says that it is full: four of the largest
  /// messages. usrsctp's own buffer, 1 MiB for all channels of a session, comes before it.
  package static let maximumBufferedAmount = 1024 * 1024
  /// The same for all channels of a session together.
  package static let maximumTotalBufferedAmount = 4 * 1024 * 1024
  /// Messages that may wait on a channel: the smallest ones cost more than their bytes.
  package static let maximumBufferedMessages = 4096
  /// What a peer takes that does not say (RFC 8841 §6.1).
  package static let defaultPeerMessageSize = 64 * 1024
}

/// The number of a channel: of its two SCTP streams. It is used again for another channel after
/// ``DataChannels/Event/closed(_:_:)``.
package struct ChannelID: Hashable, Sendable, CustomStringConvertible {
  package let rawValue: UInt16

  package init(_ rawValue: UInt16) {
    self.rawValue = rawValue
  }

  package var description: String { "\(rawValue)" }
}

/// What a channel promises. Both ends know it: the opener tells, or both agreed beforehand.
package struct ChannelOptions: Hashable, Sendable {
  /// Messages arrive in the order in which they were sent.
  package var isOrdered: Bool
  package var reliability: Reliability

  package init(isOrdered: Bool = true, reliability: Reliability = .reliable) {
    self.isOrdered = isOrdered
    self.reliability = reliability
  }
}

package enum MessageKind: Hashable, Sendable {
  /// UTF-8.
  case text
  case binary
}

/// What is known of a channel that has been opened.
package struct ChannelInfo: Equatable, Sendable {
  package let id: ChannelID
  package let label: String
  package let subprotocol: String
  package let options: ChannelOptions
  /// The peer opened it.
  package let isRemote: Bool
  /// Both sides opened it by themselves, with a number agreed on beforehand.
  package let isNegotiated: Bool
}

/// Why a command could not be carried out. Nothing has changed then.
package enum DataChannelError: Error, Equatable, Sendable {
  /// There is no such channel, or it is closing.
  case notOpen
  /// The association is over.
  case associationLost
  /// The message has `size` bytes; this peer takes `limit` at most.
  case messageTooLarge(size: Int, limit: Int)
  /// Too much waits already: send again after ``DataChannels/Event/bufferedAmountLow(_:)``.
  case bufferFull(bufferedAmount: Int, limit: Int)
  /// The bytes of a text message are not UTF-8.
  case invalidText
  /// The label or the subprotocol has more bytes than `limit`.
  case nameTooLong(size: Int, limit: Int)
  case tooManyChannels(limit: Int)
  /// The agreed number is taken, or is beyond what the association carries (`limit` and above).
  case idUnavailable(ChannelID, limit: Int)
}

/// Why a channel is closed.
package enum CloseReason: Equatable, Sendable {
  /// ``DataChannels/close(_:)`` was called.
  case local
  /// The peer closed it.
  case remote
  /// The peer sent a message of more than ``DataChannelLimits/maximumMessageSize`` bytes.
  case messageTooLarge
  /// The association carries fewer streams than the channel's number needs.
  case noSuchStream
  /// SCTP refused a message: its `errno`.
  case sendFailed(errno: Int32)
  /// The association is over.
  case associationLost
}

/// The states of W3C's RTCDataChannelState.
package enum ChannelState: Hashable, Sendable {
  case connecting, open, closing
}

/// Figures of one channel, named as in W3C's RTCDataChannelStats.
package struct ChannelStatistics: Equatable, Sendable {
  package var label: String
  package var `protocol`: String
  package var dataChannelIdentifier: UInt16
  package var state: ChannelState
  package var messagesSent: UInt64 = 0
  package var bytesSent: UInt64 = 0
  package var messagesReceived: UInt64 = 0
  package var bytesReceived: UInt64 = 0
}
