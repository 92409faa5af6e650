/// One channel, as ``DataChannels`` keeps it.
///
///     connecting ──ACK, or any message──▶ open ──close, or the peer's reset──▶ closing ──both resets done──▶ (gone)
///
/// A closing channel still sends what was queued, unless the peer closed it, then resets its outgoing stream (RFC 8831 §6.7).
final class Channel {
  let info: ChannelInfo
  private(set) var state: ChannelState
  private(set) var closeReason = CloseReason.local
  var lowThreshold = 0
  var queue = MessageQueue()
  var assembly = MessageAssembly()

  /// How far the reset of our direction has got.
  var outgoingReset = Reset.none
  /// The peer has reset its direction.
  var isPeerDone = false

  enum Reset {
    case none
    /// To be asked for: an earlier one of the same stream is still under way.
    case wanted
    case requested
    case answered
  }

  var messagesSent: UInt64 = 0
  var bytesSent: UInt64 = 0
  var messagesReceived: UInt64 = 0
  var bytesReceived: UInt64 = 0

  init(_ info: ChannelInfo, state: ChannelState) {
    self.info = info
    self.state = state
  }

  var isClosed: Bool { outgoingReset == .answered && isPeerDone }

  func noteOpen() {
    if state == .connecting { state = .open }
  }

  func startClosing(_ reason: CloseReason) {
    guard state != .closing else { return }
    state = .closing
    closeReason = reason
    assembly.discard()
  }

  var statistics: ChannelStatistics {
    ChannelStatistics(
      label: info.label, protocol: info.subprotocol, dataChannelIdentifier: info.id.rawValue, state: state,
      messagesSent: messagesSent, bytesSent: bytesSent, messagesReceived: messagesReceived, bytesReceived: bytesReceived
    )
  }
}

/// Messages that SCTP's buffer had no room for, in order.
struct MessageQueue {
  struct Message {
    var payloadProtocol: UInt32
    var bytes: [UInt8]
    /// What it counts in `bufferedAmount`: nothing for control messages and empty ones.
    var size: Int
  }

  private var messages: [Message] = []
  private var first = 0
  private(set) var bufferedAmount = 0

  var isEmpty: Bool { first == messages.count }
  var count: Int { messages.count - first }
  var next: Message? { isEmpty ? nil : messages[first] }

  mutating func append(_ message: Message) {
    messages.append(message)
    bufferedAmount += message.size
  }

  mutating func removeFirst() {
    guard !isEmpty else { return }
    bufferedAmount -= messages[first].size
    messages[first].bytes = []
    first += 1
    if isEmpty {
      removeAll()
    } else if first > 64, first * 2 > messages.count {
      messages.removeFirst(first)
      first = 0
    }
  }

  mutating func removeAll() {
    messages = []  // a queue that filled once is not kept for good
    first = 0
    bufferedAmount = 0
  }
}

/// A message that comes in parts: SCTP's, when it does not wait for the whole, or those that the deprecated partial payload
/// protocols make (RFC 8831 §6.6).
struct MessageAssembly {
  private var bytes: [UInt8] = []
  /// Too large: the rest is read and thrown away.
  private var isOverflowing = false

  var isEmpty: Bool { bytes.isEmpty && !isOverflowing }

  /// Adds a part; false once the whole is larger than a message may be.
  mutating func append(_ part: UnsafeRawBufferPointer) -> Bool {
    guard !isOverflowing, bytes.count + part.count <= DataChannelLimits.maximumMessageSize else {
      discard()
      isOverflowing = true
      return false
    }
    bytes.append(contentsOf: part)
    return true
  }

  mutating func take() -> [UInt8] {
    defer { discard() }
    return bytes
  }

  mutating func discard() {
    bytes = []
    isOverflowing = false
  }
}
