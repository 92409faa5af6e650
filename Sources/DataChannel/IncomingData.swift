import Wire

/// What comes from SCTP: messages, the establishment protocol, and the end of channels.
extension DataChannels {
  func take(_ incoming: SCTPAssociation.Incoming) {
    switch incoming {
    case .data(let stream, let payloadProtocol, let bytes, let isEnd):
      let isStart = !isAmidMessage
      isAmidMessage = !isEnd
      if payloadProtocol == PayloadProtocol.control {
        // SCTP hands a message out in parts only when it is far larger than any DCEP message.
        if isStart { takeControl(bytes, isWhole: isEnd, stream: stream) }
      } else {
        takeUserData(bytes, payloadProtocol, isEnd: isEnd, stream: stream)
      }
    case .up(let outboundStreams):
      associationUp(outboundStreams)
    case .lost(let reason):
      lose(reason)
    case .peerReset(let streams):
      for stream in streams.isEmpty ? channels.keys.sorted() : streams { peerReset(stream) }
    case .resetAnswered(let streams):
      for stream in streams.isEmpty ? resetting.sorted() : streams { resetAnswered(stream) }
    }
  }

  private func associationUp(_ streams: Int) {
    outboundStreams = streams
    events.append(.associationUp)
    for channel in channels.values.sorted(by: { $0.info.id.rawValue < $1.info.id.rawValue }) {
      if Int(channel.info.id.rawValue) >= streams {
        remove(channel, .noSuchStream)
      } else if channel.info.isNegotiated {
        announceOpen(channel)
      }
    }
    flush()
  }

  // MARK: Messages

  private func takeUserData(
    _ bytes: UnsafeRawBufferPointer, _ payloadProtocol: UInt32, isEnd: Bool, stream: UInt16
  ) {
    guard let channel = channels[stream] else {
      if isEnd { messagesRefused &+= 1 }
      return
    }
    guard channel.state != .closing else { return }
    // RFC 8832 §6: a message means consent as the ACK does, which an unordered message can overtake.
    announceOpen(channel)
    let nothing = UnsafeRawBufferPointer(rebasing: bytes[..<0])
    switch payloadProtocol {
    case PayloadProtocol.text: deliver(.text, bytes, isEnd: isEnd, on: channel)
    case PayloadProtocol.binary: deliver(.binary, bytes, isEnd: isEnd, on: channel)
    case PayloadProtocol.emptyText: deliver(.text, nothing, isEnd: isEnd, on: channel)
    case PayloadProtocol.emptyBinary: deliver(.binary, nothing, isEnd: isEnd, on: channel)
    case PayloadProtocol.partialText, PayloadProtocol.partialBinary: deliver(.binary, bytes, isEnd: false, on: channel)
    default: if isEnd { messagesRefused &+= 1 }
    }
  }

  private func deliver(_ kind: MessageKind, _ part: UnsafeRawBufferPointer, isEnd: Bool, on channel: Channel) {
    var bytes: [UInt8]
    if isEnd, channel.assembly.isEmpty, part.count <= DataChannelLimits.maximumMessageSize {
      bytes = Array(part)
    } else {
      guard channel.assembly.append(part) else { return close(channel, .messageTooLarge) }
      guard isEnd else { return }
      bytes = channel.assembly.take()
    }
    channel.messagesReceived &+= 1
    channel.bytesReceived &+= UInt64(bytes.count)
    if kind == .text, !bytes.withUnsafeBytes(isUTF8) {
      bytes = Array(String(decoding: bytes, as: UTF8.self).utf8)
    }
    events.append(.message(channel.info.id, kind, bytes))
  }

  // MARK: Establishment

  private func takeControl(_ bytes: UnsafeRawBufferPointer, isWhole: Bool, stream: UInt16) {
    guard isWhole, let message = try? ControlMessage(parsing: bytes.bytes) else {
      messagesRefused &+= 1
      if channels[stream] == nil { refuse(stream) }
      return
    }
    switch message {
    case .acknowledge:
      guard let channel = channels[stream], !channel.info.isRemote else { return messagesRefused &+= 1 }
      announceOpen(channel)
    case .open(let opening):
      takeOpening(opening, stream: stream)
    }
  }

  private func takeOpening(_ opening: ChannelOpening, stream: UInt16) {
    if let former = channels[stream] {
      // The peer has seen both resets and uses the number again, before the answer to ours has reached us.
      guard former.isPeerDone, former.outgoingReset == .requested else { return messagesRefused &+= 1 }
      remove(former, former.closeReason)
    }
    guard channels.count < DataChannelLimits.maximumChannels, Int(stream) < outboundStreams else {
      messagesRefused &+= 1
      return refuse(stream)
    }
    // RFC 8832 §6 has the peer open even or odd numbers only, so that the two sides cannot collide; one that does otherwise harms
    // but itself.
    let options = ChannelOptions(isOrdered: opening.isOrdered, reliability: opening.reliability)
    let info = ChannelInfo(
      id: ChannelID(stream), label: opening.label, subprotocol: opening.subprotocol, options: options, isRemote: true,
      isNegotiated: false)
    let channel = Channel(info, state: .connecting)
    channels[stream] = channel
    transmit(.acknowledge, on: channel)
    announceOpen(channel)
  }

  /// Tells the application that a channel is open, once.
  func announceOpen(_ channel: Channel) {
    guard channel.state == .connecting else { return }
    channel.noteOpen()
    events.append(.opened(channel.info))
  }

  /// A stream that is no channel of ours is closed like one (RFC 8832 §6).
  private func refuse(_ stream: UInt16) {
    guard Int(stream) < outboundStreams, resetting.insert(stream).inserted else { return }
    association.resetOutgoing(streams: [stream])
  }

  // MARK: Ends

  /// RFC 8831 §6.7: both directions are reset, each by its sender.
  func close(_ channel: Channel, _ reason: CloseReason) {
    guard channel.state != .closing else { return }
    channel.startClosing(reason)
    guard association.isEstablished else { return remove(channel, reason) }
    if reason != .local { dropQueue(of: channel) }  // there is nobody to read it
    resetIfDrained(channel)
  }

  func resetIfDrained(_ channel: Channel) {
    guard channel.state == .closing, channel.queue.isEmpty, channel.outgoingReset == .none else { return }
    channel.outgoingReset = .wanted
    requestReset(of: channel)
  }

  private func requestReset(of channel: Channel) {
    guard resetting.insert(channel.info.id.rawValue).inserted else { return }
    channel.outgoingReset = .requested
    association.resetOutgoing(streams: [channel.info.id.rawValue])
  }

  private func peerReset(_ stream: UInt16) {
    guard let channel = channels[stream] else { return }
    channel.isPeerDone = true
    close(channel, .remote)
    dropQueue(of: channel)
    resetIfDrained(channel)
    if channel.isClosed { remove(channel, channel.closeReason) }
  }

  private func resetAnswered(_ stream: UInt16) {
    resetting.remove(stream)
    if resetting.isEmpty { association.noteAllResetsAnswered() }
    guard let channel = channels[stream] else { return }
    switch channel.outgoingReset {
    case .none, .answered: flush()  // a new channel, which had to wait for the end of the former one
    case .wanted: requestReset(of: channel)
    case .requested: channel.outgoingReset = .answered
    }
    if channel.isClosed { remove(channel, channel.closeReason) }
  }

  func remove(_ channel: Channel, _ reason: CloseReason) {
    dropQueue(of: channel)
    channels[channel.info.id.rawValue] = nil
    events.append(.closed(channel.info.id, reason))
  }

  func lose(_ reason: ParseError.StaticReason) {
    guard !isLost else { return }
    isLost = true
    for channel in channels.values.sorted(by: { $0.info.id.rawValue < $1.info.id.rawValue }) {
      remove(channel, .associationLost)
    }
    events.append(.failed(reason))
  }
}

func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
  (try? UTF8Span(validating: bytes.assumingMemoryBound(to: UInt8.self).span)) != nil
}
