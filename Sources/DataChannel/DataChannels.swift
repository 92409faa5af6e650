package import Wire

/// The data channels of one session (RFC 8831) and their establishment protocol (RFC 8832), over one SCTP association.
///
/// Sans-IO, and confined to one thread: all sessions of a process must be on the same one, since they share usrsctp.
/// Call ``start(now:)`` once DTLS is up, then for every SCTP packet out of DTLS ``handle(_:now:)`` and at ``deadline``
/// ``handleTimeout(now:)``. After each of these, and after each command, drain: first ``pollEvent()`` until nil (which may send),
/// then ``popOutgoing(_:)`` until false. An event not polled is back-pressure on the peer: messages are read from SCTP as they
/// are polled, so the memory that a peer can fill is SCTP's window.
package final class DataChannels {
  package enum Event: Equatable, Sendable {
    /// The association stands: messages flow.
    case associationUp
    /// A channel is open: the peer opened it, or has acknowledged ours, or it was agreed and the association stands.
    case opened(ChannelInfo)
    /// A whole message. Text is always valid UTF-8: what was not has been replaced by U+FFFD, as W3C's "UTF-8 decode" does.
    case message(ChannelID, MessageKind, [UInt8])
    /// `bufferedAmount` has come down to the threshold.
    case bufferedAmountLow(ChannelID)
    /// A channel that was opened, by either side, is gone, and so is all that it had not delivered. The number is free.
    case closed(ChannelID, CloseReason)
    /// The association is over; all channels have been closed. The text is for people.
    case failed(ParseError.StaticReason)
  }

  let association: SCTPAssociation
  let isDTLSClient: Bool
  /// Bytes of the largest message that may be sent: the peer's word, and ours.
  package let maximumMessageSize: Int
  var channels: [UInt16: Channel] = [:]
  /// Channels with messages in their queue, in the order in which they get their turn.
  var waiting: [UInt16] = []
  var totalBufferedAmount = 0
  /// Channels whose outgoing stream has been asked to be reset and is not yet.
  var resetting: Set<UInt16> = []
  var events: [Event] = []
  private var firstEvent = 0
  var outboundStreams = Int(SCTPAssociation.streams)
  var isLost = false
  /// SCTP has begun to hand out a message in parts.
  var isAmidMessage = false
  /// Messages on streams without a channel, DCEP messages that made no sense, messages of an unknown kind.
  package internal(set) var messagesRefused = 0

  /// - Parameters:
  ///   - isDTLSClient: decides which numbers our channels get: even for the client, odd for the server (RFC 8832 §6).
  ///   - peerMaximumMessageSize: the peer's a=max-message-size in bytes; 0 when it takes any (RFC 8841 §6.1).
  ///   - remotePort: the peer's a=sctp-port; ours is `localPort`.
  /// Throws ``DataChannelError/associationLost`` when usrsctp has no room for another association.
  package init(
    isDTLSClient: Bool, peerMaximumMessageSize: Int = DataChannelLimits.defaultPeerMessageSize,
    localPort: UInt16 = 5000,
    remotePort: UInt16 = 5000, now: Instant
  ) throws(DataChannelError) {
    self.isDTLSClient = isDTLSClient
    let ours = DataChannelLimits.maximumMessageSize
    maximumMessageSize = peerMaximumMessageSize > 0 ? min(peerMaximumMessageSize, ours) : ours
    do {
      association = try SCTPAssociation(localPort: localPort, remotePort: remotePort, now: now)
    } catch {
      throw .associationLost
    }
  }

  // MARK: Time and packets

  /// When ``handleTimeout(now:)`` is next to be called; nil when nothing is under way, as between messages.
  package var deadline: Instant? { association.deadline }

  /// DTLS is up: starts the SCTP handshake, which the peer does too.
  package func start(now: Instant) {
    do {
      try association.connect(now: now)
    } catch {
      lose("SCTP could not be started")
    }
  }

  /// Takes an SCTP packet that came out of DTLS.
  package func handle(_ packet: UnsafeRawBufferPointer, now: Instant) {
    association.handle(packet, now: now)
    flush()
  }

  package func handleTimeout(now: Instant) {
    association.handleTimeout(now: now)
    flush()
  }

  /// Takes the oldest SCTP packet for DTLS out and shows it to `body`; false when there is none. Never longer than 1,160 bytes.
  /// `body` must not call this object.
  package func popOutgoing(_ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
    association.popOutgoing(body)
  }

  // MARK: Commands

  /// Opens a channel. It can be sent on at once; ``Event/opened(_:)`` follows when the peer has agreed. May be called before the
  /// association stands.
  /// - Parameter negotiatedID: the number, where both sides open the channel by themselves (W3C's `negotiated`); nil to tell the
  ///   peer.
  package func open(
    label: String, subprotocol: String = "", options: ChannelOptions = ChannelOptions(), negotiatedID: ChannelID? = nil,
    now: Instant
  ) throws(DataChannelError) -> ChannelID {
    guard !isLost else { throw .associationLost }
    let limit = DataChannelLimits.maximumNameBytes
    for name in [label, subprotocol] where name.utf8.count > limit {
      throw .nameTooLong(size: name.utf8.count, limit: limit)
    }
    guard channels.count < DataChannelLimits.maximumChannels else {
      throw .tooManyChannels(limit: DataChannelLimits.maximumChannels)
    }
    let id = if let negotiatedID { negotiatedID } else { try freeID() }
    guard Int(id.rawValue) < outboundStreams, channels[id.rawValue] == nil else {
      throw .idUnavailable(id, limit: outboundStreams)
    }
    SCTPStack.shared.advance(to: now)
    let info = ChannelInfo(
      id: id, label: label, subprotocol: subprotocol, options: options, isRemote: false,
      isNegotiated: negotiatedID != nil)
    let channel = Channel(info, state: .connecting)
    channels[id.rawValue] = channel
    if info.isNegotiated {
      if association.isEstablished { announceOpen(channel) }
    } else {
      let opening = ChannelOpening(
        label: label, subprotocol: subprotocol, isOrdered: options.isOrdered, reliability: options.reliability)
      transmit(.open(opening), on: channel)
    }
    return id
  }

  /// Sends a message, or queues it. Returns whether it went to SCTP at once.
  @discardableResult
  package func send(
    _ bytes: UnsafeRawBufferPointer, as kind: MessageKind, on id: ChannelID, now: Instant
  ) throws(DataChannelError) -> Bool {
    guard !isLost else { throw .associationLost }
    guard let channel = channels[id.rawValue], channel.state != .closing else { throw .notOpen }
    guard bytes.count <= maximumMessageSize else {
      throw .messageTooLarge(size: bytes.count, limit: maximumMessageSize)
    }
    if kind == .text, !isUTF8(bytes) { throw .invalidText }
    try checkRoom(for: bytes.count, on: channel)
    SCTPStack.shared.advance(to: now)
    let payloadProtocol: UInt32 =
      switch (kind, bytes.isEmpty) {
      case (.text, false): PayloadProtocol.text
      case (.text, true): PayloadProtocol.emptyText
      case (.binary, false): PayloadProtocol.binary
      case (.binary, true): PayloadProtocol.emptyBinary
      }
    channel.messagesSent &+= 1
    channel.bytesSent &+= UInt64(bytes.count)
    if bytes.isEmpty {
      // RFC 8831 §6.6: SCTP cannot carry nothing, so a zero byte goes, which the receiver ignores.
      return withUnsafeBytes(of: UInt8(0)) { transmit($0, size: 0, payloadProtocol, on: channel) }
    }
    return transmit(bytes, size: bytes.count, payloadProtocol, on: channel)
  }

  /// Sends a text message: ``send(_:as:on:now:)``.
  @discardableResult
  package func send(_ text: String, on id: ChannelID, now: Instant) throws(DataChannelError) -> Bool {
    try text.utf8.span.withUnsafeBytes { (bytes) throws(DataChannelError) in
      try send(bytes, as: .text, on: id, now: now)
    }
  }

  /// Sends a binary message: ``send(_:as:on:now:)``.
  @discardableResult
  package func send(_ bytes: [UInt8], on id: ChannelID, now: Instant) throws(DataChannelError) -> Bool {
    try bytes.span.withUnsafeBytes { (bytes) throws(DataChannelError) in
      try send(bytes, as: .binary, on: id, now: now)
    }
  }

  /// Closes a channel, once all that was sent has arrived. No message of it is delivered from here on;
  /// ``Event/closed(_:_:)`` follows when the peer has closed its direction too. Nothing happens if it is not open.
  package func close(_ id: ChannelID, now: Instant) {
    guard let channel = channels[id.rawValue] else { return }
    SCTPStack.shared.advance(to: now)
    close(channel, .local)
  }

  /// Ends the association. The packet that tells the peer is among the outgoing ones afterwards; there are no more events.
  package func abort() {
    association.abort()
    isLost = true
    channels = [:]
    waiting = []
    events = []
    firstEvent = 0
  }

  // MARK: What is known

  /// Bytes of messages that wait for room in SCTP's buffer (which holds 1 MiB for all channels of the session).
  package func bufferedAmount(of id: ChannelID) -> Int { channels[id.rawValue]?.queue.bufferedAmount ?? 0 }

  /// Asks for ``Event/bufferedAmountLow(_:)`` when the amount falls to `threshold` bytes from above; 0 at first.
  package func setBufferedAmountLowThreshold(_ threshold: Int, of id: ChannelID) {
    channels[id.rawValue]?.lowThreshold = max(0, threshold)
  }

  /// Nil when there is no such channel (any more).
  package func state(of id: ChannelID) -> ChannelState? { channels[id.rawValue]?.state }

  /// Figures of all channels, by number.
  package var statistics: [ChannelStatistics] {
    channels.values.map(\.statistics).sorted { $0.dataChannelIdentifier < $1.dataChannelIdentifier }
  }

  /// SCTP's smoothed round trip time in whole milliseconds; nil before the association stands. Acknowledgements are delayed by up
  /// to 20 ms, so this is more than ICE's.
  package var smoothedRoundTripTime: Interval? { association.smoothedRoundTripTime }

  /// SCTP packets of the peer that were not let in.
  package var packetsRefused: Int { association.packetsRefused }

  // MARK: Events

  /// The next event; nil when there is none. Reads from SCTP, which may give rise to packets.
  package func pollEvent() -> Event? {
    while true {
      if firstEvent < events.count {
        let event = events[firstEvent]
        firstEvent += 1
        if firstEvent == events.count {
          events.removeAll(keepingCapacity: true)
          firstEvent = 0
        }
        return event
      }
      guard !isLost, let incoming = association.receive() else { return nil }
      take(incoming)
    }
  }
}
