import CUsrsctp
import Glibc
import Wire

/// Why an SCTP association could not be had.
enum SCTPError: Error, Equatable {
  /// usrsctp refused: its `errno`, at a call.
  case refused(errno: Int32, call: String)
  case tooMany
}

/// One SCTP association over DTLS (RFC 8261), which owns a socket of usrsctp. All that is known of usrsctp's API ends here.
///
/// Packets go in by ``handle(_:now:)`` and come out in ``outgoing``; what arrived is read by ``receive()``. One thread: see
/// ``SCTPStack``. Ends with an ABORT to the peer: at once by ``abort()``, silently when it is released.
final class SCTPAssociation {
  /// What ``receive()`` yields. Bytes are valid until the next call on any association.
  enum Incoming {
    /// User data: all of a message, or a part of one; no other message comes between its parts.
    case data(stream: UInt16, payloadProtocol: UInt32, bytes: UnsafeRawBufferPointer, isEnd: Bool)
    /// The association stands.
    case up(outboundStreams: Int)
    /// It is no more. The text is for people.
    case lost(ParseError.StaticReason)
    /// The peer has reset its outgoing streams, after all that it had sent on them; empty means all.
    case peerReset(streams: [UInt16])
    /// The peer has answered our resets; empty means all.
    case resetAnswered(streams: [UInt16])
  }

  enum SendResult: Equatable {
    case sent
    /// The buffer is full, or the stream is being reset: try again when something has come in.
    case wouldBlock
    case failed(errno: Int32)
  }

  /// The largest packet. With the 13 bytes of a DTLS record's header and the 24 of AES-GCM it stays within 1,200 bytes
  /// (RFC 8831 §5, RFC 8261 §5), so it needs no discovery of the path's MTU.
  static let maximumPacketSize = 1160

  /// Streams in each direction. RFC 8831 §6.2 recommends 65,535, but usrsctp takes memory for each, about 100 bytes, and ``DataChannelLimits/maximumChannels`` need no more.
  static let streams: UInt16 = 128

  /// How often usrsctp's timers run while one of them matters whose end is not known: retransmission (200 ms and more).
  private static let pollInterval = Interval.milliseconds(50)

  /// While it waits for the peer usrsctp sends at least every 3 s, the longest retransmission timeout. Past this it has given up
  /// on what it sent: after the last of its FORWARD TSN chunks has been lost it waits for nothing, and nor do we.
  private static let longestSilence = Interval.seconds(10)

  /// More than one call into usrsctp can produce: a burst for each acknowledgement. What goes beyond is not lost: usrsctp is told,
  /// and keeps it for later.
  private static let maximumOutgoingBytes = 256 * 1024

  /// Enough to fill the buffer of 1 MiB from messages of 500 bytes on.
  private static let maximumMessagesUnsent = 2048

  /// A queue that had to grow past this, for a large message in one go, is not kept at that size.
  private static let keptOutgoingBytes = 16 * 1024

  private enum State {
    case idle, connecting, established, closed
  }

  /// Packets for DTLS.
  private var packets = PacketQueue(maximumBytes: maximumOutgoingBytes)
  /// Bytes that went into the queue since it was empty.
  private var queuedBytes = 0
  private var socket: OpaquePointer?
  private var stack: SCTPStack { .shared }
  private var slot = 0
  private var state = State.idle
  private var timers = SCTPTimers()
  private var forwardedGap = ForwardedGap()
  private let localPort: UInt16
  private let remotePort: UInt16
  /// Something waits to be read.
  private(set) var isReadable = false
  /// Messages in usrsctp's buffer of which the end has not been sent. The buffer is bounded by the bytes of messages alone, while
  /// the smallest message takes it half a kilobyte: so their number is bounded too.
  private var messagesUnsent = 0
  /// A stream reset of ours has not been answered.
  private var awaitsReset = false
  private var peerHasSentData = false
  /// Packets that were not let in, or were not SCTP.
  private(set) var packetsRefused = 0

  init(localPort: UInt16, remotePort: UInt16, now: Instant) throws(SCTPError) {
    self.localPort = localPort
    self.remotePort = remotePort
    guard let slot = SCTPStack.shared.register(self, now: now) else { throw .tooMany }
    self.slot = slot
    stack.advance(to: now)
    let socket = stack.call {
      usrsctp_socket(AF_CONN, Int32(SOCK_STREAM.rawValue), Int32(IPPROTO_SCTP), nil, nil, 0, nil)
    }
    guard let socket else {
      throw .refused(errno: errno, call: "socket")
    }
    self.socket = socket
    try configure(socket)
  }

  deinit {
    if slot != 0 { stack.unregister(slot: slot) }
    // With SO_LINGER 0 this ends in an ABORT, which goes nowhere now.
    if let socket { stack.call { usrsctp_close(socket) } }
  }

  var isEstablished: Bool { state == .established }

  /// When ``handleTimeout(now:)`` is next to be called; nil when nothing is under way. There are no heartbeats: ICE watches the
  /// path (RFC 7675), and a quiet association costs no wake-up.
  var deadline: Instant? {
    guard state == .connecting || state == .established else { return nil }
    let isWaiting = state == .connecting || awaitsReset || timers.awaitsAcknowledgement
    let poll =
      isWaiting && stack.timersRanUntil < timers.lastPacket + Self.longestSilence
      ? stack.timersRanUntil + Self.pollInterval : nil
    guard let due = timers.acknowledgementDue else { return poll }
    return poll.map { min($0, due) } ?? due
  }

  /// Starts the handshake. Both ends do, at once (RFC 8841 §9.3).
  func connect(now: Instant) throws(SCTPError) {
    guard let socket, state == .idle else { return }
    stack.advance(to: now)
    var local = address(port: localPort)
    var remote = address(port: remotePort)
    let size = socklen_t(MemoryLayout<sockaddr_conn>.size)
    let bound = withUnsafeMutablePointer(to: &local) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        stack.call { usrsctp_bind(socket, address, size) }
      }
    }
    guard bound == 0 else { throw .refused(errno: errno, call: "bind") }
    state = .connecting
    let connected = withUnsafeMutablePointer(to: &remote) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        stack.call { usrsctp_connect(socket, address, size) }
      }
    }
    guard connected == 0 || errno == EINPROGRESS else { throw .refused(errno: errno, call: "connect") }
  }

  /// Takes an SCTP packet that came out of DTLS.
  func handle(_ packet: UnsafeRawBufferPointer, now: Instant) {
    guard state == .connecting || state == .established else { return }
    stack.advance(to: now)
    let parsed = try? SCTPPacket(
      parsing: packet.bytes, localPort: localPort, remotePort: remotePort, forwarded: forwardedGap.forwarded)
    guard let summary = parsed,
      // A restart of an association that has carried data (RFC 9260 §5.2.2) does not exist in WebRTC: DTLS would start anew.
      !(summary.isInitiation && peerHasSentData)
    else { return packetsRefused &+= 1 }
    if summary.carriesData { peerHasSentData = true }
    timers.noteReceived(summary, now: now)
    if forwardedGap.withholds(summary), let offset = summary.offsetAfterForwarded {
      withUnsafeTemporaryAllocation(byteCount: packet.count, alignment: 4) { copy in
        copy.copyMemory(from: packet)
        copy[offset] = SCTPPacket.paddingChunk
        input(UnsafeRawBufferPointer(copy))
      }
    } else {
      input(packet)
    }
  }

  private func input(_ packet: UnsafeRawBufferPointer) {
    stack.call { usrsctp_conninput(UnsafeMutableRawPointer(bitPattern: slot), packet.baseAddress, packet.count, 0) }
  }

  func handleTimeout(now: Instant) {
    stack.advance(to: now)
    timers.noteTimersRan(now: now)
  }

  /// Takes the oldest packet for DTLS out and shows it to `body`; false when there is none.
  func popOutgoing(_ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
    guard packets.popFirst(body) != nil else { return false }
    if packets.isEmpty {
      if queuedBytes > Self.keptOutgoingBytes { packets = PacketQueue(maximumBytes: Self.maximumOutgoingBytes) }
      queuedBytes = 0
    }
    return true
  }

  /// Sends one message, whole or not at all.
  func send(
    _ bytes: UnsafeRawBufferPointer, stream: UInt16, payloadProtocol: UInt32, isOrdered: Bool, reliability: Reliability
  ) -> SendResult {
    guard let socket, state == .established else { return .failed(errno: ENOTCONN) }
    // What is left when usrsctp waits for nothing is what it gave up before it was sent.
    if !timers.awaitsAcknowledgement || stack.now > timers.lastPacket + Self.longestSilence { messagesUnsent = 0 }
    guard messagesUnsent < Self.maximumMessagesUnsent else { return .wouldBlock }
    var parameters = sctp_sendv_spa()
    parameters.sendv_flags = UInt32(SCTP_SEND_SNDINFO_VALID)
    parameters.sendv_sndinfo.snd_sid = stream
    parameters.sendv_sndinfo.snd_ppid = payloadProtocol.bigEndian
    parameters.sendv_sndinfo.snd_flags = isOrdered ? 0 : UInt16(SCTP_UNORDERED)
    switch reliability {
    case .reliable: break
    case .maximumRetransmits(let count):
      parameters.sendv_flags |= UInt32(SCTP_SEND_PRINFO_VALID)
      parameters.sendv_prinfo = sctp_prinfo(pr_policy: UInt16(SCTP_PR_SCTP_RTX), pr_value: UInt32(count))
    case .maximumLifetime(let milliseconds):
      parameters.sendv_flags |= UInt32(SCTP_SEND_PRINFO_VALID)
      parameters.sendv_prinfo = sctp_prinfo(pr_policy: UInt16(SCTP_PR_SCTP_TTL), pr_value: UInt32(milliseconds))
    }
    messagesUnsent += 1
    let sent = stack.call {
      usrsctp_sendv(
        socket, bytes.baseAddress, bytes.count, nil, 0, &parameters, socklen_t(MemoryLayout<sctp_sendv_spa>.size),
        UInt32(SCTP_SENDV_SPA), 0)
    }
    if sent >= 0 { return .sent }
    messagesUnsent = max(0, messagesUnsent - 1)
    switch errno {
    case EWOULDBLOCK, ENOBUFS, ENOMEM: return .wouldBlock
    case let number: return .failed(errno: number)
    }
  }

  /// Asks the peer to take note that nothing more comes on these streams (RFC 6525 §5.1.2), once all that was sent has arrived.
  func resetOutgoing(streams: [UInt16]) {
    guard let socket, state == .established, !streams.isEmpty else { return }
    let header = MemoryLayout<sctp_reset_streams>.size
    let size = header + 2 * streams.count
    withUnsafeTemporaryAllocation(byteCount: size, alignment: 4) { memory in
      var request = sctp_reset_streams()
      request.srs_flags = UInt16(SCTP_STREAM_RESET_OUTGOING)
      request.srs_number_streams = UInt16(streams.count)
      memory.storeBytes(of: request, as: sctp_reset_streams.self)
      for (index, stream) in streams.enumerated() {
        memory.storeBytes(of: stream, toByteOffset: header + 2 * index, as: UInt16.self)
      }
      // usrsctp remembers what it cannot ask for yet; an association that has just gone tells so by itself.
      _ = stack.call {
        usrsctp_setsockopt(socket, Int32(IPPROTO_SCTP), SCTP_RESET_STREAMS, memory.baseAddress, socklen_t(size))
      }
    }
    awaitsReset = true
  }

  /// All resets that were asked for have been answered.
  func noteAllResetsAnswered() { awaitsReset = false }

  /// Reads what has arrived next; nil when there is nothing more.
  func receive() -> Incoming? {
    let buffer = stack.receiveBuffer
    while let socket, isReadable {
      var info = sctp_rcvinfo()
      var infoSize = socklen_t(MemoryLayout<sctp_rcvinfo>.size)
      var infoType: UInt32 = 0
      var flags: Int32 = 0
      isReadable = false
      let count = stack.call {
        usrsctp_recvv(socket, buffer.baseAddress, buffer.count, nil, nil, &info, &infoSize, &infoType, &flags)
      }
      if count < 0, errno == EWOULDBLOCK { return nil }
      guard count > 0 else {
        guard state != .closed else { return nil }
        state = .closed
        return .lost("the association ended")
      }
      isReadable = true
      let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
      if flags & MSG_NOTIFICATION != 0 {
        if let incoming = notification(bytes) { return incoming }
      } else if infoType == UInt32(SCTP_RECVV_RCVINFO) {
        return .data(
          stream: info.rcv_sid, payloadProtocol: UInt32(bigEndian: info.rcv_ppid), bytes: bytes,
          isEnd: flags & Int32(MSG_EOR) != 0)
      }
    }
    return nil
  }

  /// Ends the association: the ABORT is in the outgoing packets afterwards.
  func abort() {
    guard let socket else { return }
    state = .closed
    isReadable = false
    self.socket = nil
    stack.call { usrsctp_close(socket) }
  }

  /// The round trip time, smoothed, in whole milliseconds as usrsctp gives it; nil before the association stands.
  var smoothedRoundTripTime: Interval? {
    guard let socket, state == .established else { return nil }
    var status = sctp_status()
    var size = socklen_t(MemoryLayout<sctp_status>.size)
    let result = stack.call { usrsctp_getsockopt(socket, Int32(IPPROTO_SCTP), SCTP_STATUS, &status, &size) }
    return result == 0 ? .milliseconds(Int64(status.sstat_primary.spinfo_srtt)) : nil
  }

  // MARK: Callbacks of usrsctp, by way of SCTPStack

  /// False when there is no room: usrsctp then keeps what it wanted to send.
  func sendPacket(_ packet: UnsafeRawBufferPointer) -> Bool {
    guard packets.append(packet) else { return false }
    queuedBytes &+= packet.count
    let summary = try? SCTPPacket(
      parsing: packet.bytes, localPort: remotePort, remotePort: localPort, newestBefore: timers.newestSent)
    if let summary {
      messagesUnsent = max(0, messagesUnsent - summary.messagesEnded)
      timers.noteSent(summary, now: stack.now)
    }
    return true
  }

  fileprivate func noteReadable() { isReadable = true }

  // MARK: Setting up

  private func configure(_ socket: OpaquePointer) throws(SCTPError) {
    usrsctp_set_upcall(
      socket,
      { _, slot, _ in SCTPStack.shared.association(in: Int(bitPattern: slot))?.noteReadable() },
      UnsafeMutableRawPointer(bitPattern: slot))
    guard usrsctp_set_non_blocking(socket, 1) == 0 else { throw .refused(errno: errno, call: "set_non_blocking") }
    // DTLS goes away right after: no graceful shutdown, an ABORT says it all.
    try set(SO_LINGER, linger(l_onoff: 1, l_linger: 0), level: SOL_SOCKET, on: socket)
    try set(SCTP_RECVRCVINFO, Int32(1), on: socket)
    try set(SCTP_NODELAY, Int32(1), on: socket)  // RFC 8831 §6.6
    // Parts of messages never mix (RFC 6458 §8.1.20): RFC 8831 §6.6 has one message after the other.
    try set(SCTP_FRAGMENT_INTERLEAVE, Int32(0), on: socket)
    try set(
      SCTP_ENABLE_STREAM_RESET,
      sctp_assoc_value(
        assoc_id: sctp_assoc_t(SCTP_ALL_ASSOC), assoc_value: UInt32(SCTP_ENABLE_RESET_STREAM_REQ)), on: socket)
    try set(
      SCTP_INITMSG,
      sctp_initmsg(
        sinit_num_ostreams: Self.streams, sinit_max_instreams: Self.streams, sinit_max_attempts: 0,
        sinit_max_init_timeo: 0), on: socket)
    var path = sctp_paddrparams()
    path.spp_flags = UInt32(SPP_HB_DISABLE | SPP_PMTUD_DISABLE)
    // usrsctp counts without the common header.
    path.spp_pathmtu = UInt32(Self.maximumPacketSize - SCTPPacket.headerSize)
    try set(SCTP_PEER_ADDR_PARAMS, path, on: socket)
    for event in [SCTP_ASSOC_CHANGE, SCTP_STREAM_RESET_EVENT] {
      try set(
        SCTP_EVENT, sctp_event(se_assoc_id: sctp_assoc_t(SCTP_ALL_ASSOC), se_type: UInt16(event), se_on: 1), on: socket)
    }
  }

  private func set<Value: BitwiseCopyable>(
    _ option: Int32, _ value: Value, level: Int32 = Int32(IPPROTO_SCTP), on socket: OpaquePointer
  ) throws(SCTPError) {
    let result = withUnsafeBytes(of: value) {
      usrsctp_setsockopt(socket, level, option, $0.baseAddress, socklen_t($0.count))
    }
    guard result == 0 else { throw .refused(errno: errno, call: "setsockopt \(option)") }
  }

  private func address(port: UInt16) -> sockaddr_conn {
    sockaddr_conn(
      sconn_family: UInt16(AF_CONN), sconn_port: port.bigEndian, sconn_addr: UnsafeMutableRawPointer(bitPattern: slot))
  }

  private func notification(_ bytes: UnsafeRawBufferPointer) -> Incoming? {
    guard bytes.count >= MemoryLayout<UInt16>.size else { return nil }
    switch Int32(bytes.loadUnaligned(as: UInt16.self)) {
    case SCTP_ASSOC_CHANGE:
      guard bytes.count >= MemoryLayout<sctp_assoc_change>.size else { return nil }
      return associationChange(bytes.loadUnaligned(as: sctp_assoc_change.self))
    case SCTP_STREAM_RESET_EVENT:
      return streamReset(bytes)
    default:
      return nil
    }
  }

  private func associationChange(_ change: sctp_assoc_change) -> Incoming? {
    switch Int32(change.sac_state) {
    case SCTP_COMM_UP:
      state = .established
      return .up(outboundStreams: Int(change.sac_outbound_streams))
    case SCTP_CANT_STR_ASSOC:
      state = .closed
      return .lost("the peer did not answer")
    case SCTP_COMM_LOST, SCTP_SHUTDOWN_COMP:
      state = .closed
      return .lost("the peer ended the association, or is gone")
    case SCTP_RESTART:
      state = .closed
      return .lost("the peer restarted the association")
    default:
      return nil
    }
  }

  private func streamReset(_ bytes: UnsafeRawBufferPointer) -> Incoming? {
    let header = MemoryLayout<sctp_stream_reset_event>.size
    guard bytes.count >= header else { return nil }
    let flags = Int32(bytes.loadUnaligned(as: sctp_stream_reset_event.self).strreset_flags)
    let streams = stride(from: header, to: bytes.count - 1, by: 2).map {
      bytes.loadUnaligned(fromByteOffset: $0, as: UInt16.self)
    }
    if flags & SCTP_STREAM_RESET_OUTGOING_SSN != 0 { return .resetAnswered(streams: streams) }
    let refused = SCTP_STREAM_RESET_DENIED | SCTP_STREAM_RESET_FAILED
    return flags & refused == 0 ? .peerReset(streams: streams) : nil
  }
}
