import Wire

/// What goes to SCTP: directly while it has room, by the channels' queues while it has none.
extension DataChannels {
  /// The lowest number that is ours to give (RFC 8832 §6) and free.
  func freeID() throws(DataChannelError) -> ChannelID {
    let first = isDTLSClient ? 0 : 1
    for number in stride(from: first, to: outboundStreams, by: 2) where channels[UInt16(number)] == nil {
      return ChannelID(UInt16(number))
    }
    throw .tooManyChannels(limit: outboundStreams / 2)
  }

  func checkRoom(for size: Int, on channel: Channel) throws(DataChannelError) {
    let queue = channel.queue
    if queue.bufferedAmount + size > DataChannelLimits.maximumBufferedAmount
      || queue.count >= DataChannelLimits.maximumBufferedMessages
    {
      throw .bufferFull(bufferedAmount: queue.bufferedAmount, limit: DataChannelLimits.maximumBufferedAmount)
    }
    if totalBufferedAmount + size > DataChannelLimits.maximumTotalBufferedAmount {
      throw .bufferFull(bufferedAmount: totalBufferedAmount, limit: DataChannelLimits.maximumTotalBufferedAmount)
    }
  }

  func transmit(_ message: ControlMessage, on channel: Channel) {
    message.bytes.withUnsafeBytes { _ = transmit($0, size: 0, PayloadProtocol.control, on: channel) }
  }

  /// Hands a message to SCTP, or queues a copy. Returns whether SCTP has it.
  func transmit(
    _ bytes: UnsafeRawBufferPointer, size: Int, _ payloadProtocol: UInt32, on channel: Channel
  ) -> Bool {
    if channel.queue.isEmpty, association.isEstablished {
      switch hand(bytes, payloadProtocol, on: channel) {
      case .sent: return true
      case .wouldBlock: break
      case .failed(let number):
        close(channel, .sendFailed(errno: number))
        return false
      }
    }
    if channel.queue.isEmpty { waiting.append(channel.info.id.rawValue) }
    channel.queue.append(MessageQueue.Message(payloadProtocol: payloadProtocol, bytes: Array(bytes), size: size))
    totalBufferedAmount += size
    return false
  }

  /// Gives SCTP what it takes from the queues, a message of each channel in turn.
  func flush() {
    guard association.isEstablished else { return }
    var refusals = 0
    while refusals < waiting.count {
      let id = waiting.removeFirst()
      guard let channel = channels[id], let message = channel.queue.next else { continue }
      let result = message.bytes.withUnsafeBytes { hand($0, message.payloadProtocol, on: channel) }
      switch result {
      case .sent:
        refusals = 0
        removeFirst(of: channel)
        if channel.queue.isEmpty { resetIfDrained(channel) } else { waiting.append(id) }
      case .wouldBlock:
        // A full buffer refuses all; a stream amid a reset only its own messages.
        refusals += 1
        waiting.append(id)
      case .failed(let number):
        close(channel, .sendFailed(errno: number))
        dropQueue(of: channel)
        resetIfDrained(channel)
      }
    }
  }

  func dropQueue(of channel: Channel) {
    totalBufferedAmount -= channel.queue.bufferedAmount
    channel.queue.removeAll()
    waiting.removeAll { $0 == channel.info.id.rawValue }
  }

  private func removeFirst(of channel: Channel) {
    let before = channel.queue.bufferedAmount
    channel.queue.removeFirst()
    let after = channel.queue.bufferedAmount
    totalBufferedAmount -= before - after
    if before > channel.lowThreshold, after <= channel.lowThreshold {
      events.append(.bufferedAmountLow(channel.info.id))
    }
  }

  private func hand(
    _ bytes: UnsafeRawBufferPointer, _ payloadProtocol: UInt32, on channel: Channel
  ) -> SCTPAssociation.SendResult {
    let isControl = payloadProtocol == PayloadProtocol.control
    return association.send(
      bytes, stream: channel.info.id.rawValue, payloadProtocol: payloadProtocol,
      // RFC 8832 §6: in order until the peer has agreed, so that nothing overtakes the OPEN.
      isOrdered: isControl || channel.state == .connecting || channel.info.options.isOrdered,
      reliability: isControl ? .reliable : channel.info.options.reliability)
  }
}
