package import DataChannel
internal import ICE
package import RTP
package import SDP
internal import Secure
package import Wire

/// One viewer: ICE, DTLS, SRTP, data channels and RTP streams, composed. Sans-IO.
///
/// Everything happens on the thread that made it. One mutation, then its events:
///
/// ```
/// session.handle(datagram, on: path, …)  or  handleTimeout(…)  or  send(frame, …)  or a command
///         (each writes what is to be sent into the batch)
/// while let event = session.pollEvent()   what happened
/// session.deadline                        when to call handleTimeout next; nil: not before something comes
/// ```
///
/// States, from left to right only:
///
/// ```
///  offering ──answer──► connecting (ICE) ──path──► securing (DTLS) ──keys──► connected ──► closed
///                             └──────────────── any failure, or close() ────────────────────▲
/// ```
package final class Session {
  private enum State {
    /// An offer of ours waits for its answer.
    case offering(Offer)
    case connecting
    case securing
    case connected
    case closed
  }

  /// How long ICE and DTLS together may take. A person has reloaded the page by then.
  package static let connectTimeout = Interval.seconds(30)
  /// Data channel messages are taken at most this many at a time, so that one viewer's flood does not starve the others.
  private static let maximumMessagesPerTurn = 64

  /// What this end says of itself: the answer to the peer's offer, or the offer. SDP text.
  package let localDescription: String
  /// When ``handleTimeout(now:wall:into:)`` wants to be called; nil: not before something comes.
  package private(set) var deadline: Instant?

  private var state: State
  private let settings: SessionSettings
  private let local: LocalEnd
  private var random: any RandomNumberGenerator & Sendable
  private var negotiated: NegotiatedSession?
  private var ice: ICEAgent
  private var dtls: DTLSEngine?
  private var channels: DataChannels?
  private var outgoing: OutgoingMedia?
  private var incoming: IncomingMedia?
  private var events: [SessionEvent] = []
  private var firstEvent = 0
  private var connectBy: Instant
  /// ``ICEAgent/usablePath``, as it was after the last call: looked at for each frame, it should not be looked for.
  private var path: NetworkPath?
  /// There is more to do than could be done without a batch, or in one turn.
  private var hasWorkLeft = false

  // MARK: Making one

  /// Answers an offer.
  ///
  /// - Parameter random: must be unpredictable: passwords, keys and sequence numbers come from it.
  /// - Throws: an error whose text says what in the offer cannot be served.
  package convenience init(
    answering offer: String, _ settings: SessionSettings, random: any RandomNumberGenerator & Sendable, now: Instant
  ) throws(SDPError) {
    var random = random
    let local = LocalEnd(settings, using: &random)
    let answer = try local.session.answer(SessionDescription(parsing: offer))
    self.init(
      settings, local, description: answer.description.text, state: .connecting, role: .controlled, random: random,
      now: now)
    begin(answer.session, now: now)
  }

  /// Makes an offer, to be followed by ``accept(answer:now:)``.
  package convenience init(
    offering settings: SessionSettings, random: any RandomNumberGenerator & Sendable, now: Instant
  ) {
    var random = random
    let local = LocalEnd(settings, using: &random)
    let offer = local.session.makeOffer()
    self.init(
      settings, local, description: offer.description.text, state: .offering(offer), role: .controlling, random: random,
      now: now)
  }

  private init(
    _ settings: SessionSettings, _ local: LocalEnd, description: String, state: State, role: ICEAgent.Role,
    random: any RandomNumberGenerator & Sendable, now: Instant
  ) {
    self.settings = settings
    self.local = local
    self.random = random
    self.state = state
    localDescription = description
    ice = ICEAgent(
      role: role, localCredentials: local.credentials, tieBreaker: self.random.next(), generator: random)
    connectBy = now + Self.connectTimeout
    for candidate in local.candidates {
      ice.addLocalCandidate(candidate, now: now)
    }
    deadline = connectBy
  }

  /// Takes the answer to our offer.
  ///
  /// - Throws: an error whose text says what is wrong with it; the session stays as it was.
  package func accept(answer: String, now: Instant) throws(SDPError) {
    guard case .offering(let offer) = state else { return }
    let negotiated = try offer.accept(SessionDescription(parsing: answer))
    state = .connecting
    begin(negotiated, now: now)
  }

  private func begin(_ negotiated: NegotiatedSession, now: Instant) {
    self.negotiated = negotiated
    let remote = negotiated.remote
    addRemoteCandidates(remote.candidates, now: now)
    if let credentials = ICECredentials(ufrag: remote.iceUfrag, password: remote.icePwd) {
      ice.setRemoteCredentials(credentials, isLite: remote.isICELite, now: now)
    }
    // The peer's ClientHello may come before our own checks have found a path.
    if negotiated.dtlsRole == .server { makeDTLS(negotiated, now: now) }
    hasWorkLeft = true  // the first checks
    updateDeadline(now: now)
  }

  /// Takes candidates that the peer found after its offer (trickle ICE, RFC 8840).
  ///
  /// - Returns: false when the fragment speaks of other credentials: of an ICE restart, which is not done yet.
  package func handle(_ fragment: TrickleFragment, now: Instant) -> Bool {
    guard let negotiated else { return false }
    let transport = fragment.transport(bundledIn: negotiated.transportMid)
    if let ufrag = transport.iceUfrag, ufrag != negotiated.remote.iceUfrag { return false }
    addRemoteCandidates(transport.candidates, now: now)
    hasWorkLeft = true
    updateDeadline(now: now)
    return true
  }

  private func addRemoteCandidates(_ candidates: [String], now: Instant) {
    for text in candidates {
      // What cannot be read is of a kind that came after us, and no reason to refuse the others.
      if let candidate = try? Candidate(parsing: text) { ice.addRemoteCandidate(candidate, now: now) }
    }
  }

  // MARK: What is known

  package var isConnected: Bool {
    if case .connected = state { true } else { false }
  }

  package var isClosed: Bool {
    if case .closed = state { true } else { false }
  }

  /// Whether the peer takes video, and audio, from us.
  package var sends: (video: Bool, audio: Bool) {
    (negotiated?.video?.direction.sends ?? false, negotiated?.audio?.direction.sends ?? false)
  }

  /// Our ufrag as a number, by which the peer's checks find this session: see ``SessionRouter``.
  var routingKey: UInt64? { local.credentials.routingKey }
  /// By which the answers to our checks find it.
  var transactionTag: UInt32 { ice.transactionTag }

  /// The next event; nil when there is none.
  package func pollEvent() -> SessionEvent? {
    guard firstEvent < events.count else { return nil }
    let event = events[firstEvent]
    firstEvent += 1
    if firstEvent == events.count {
      events.removeAll(keepingCapacity: true)
      firstEvent = 0
    }
    return event
  }

  /// The next frame or packet of sound from the peer; nil when there is none.
  package func pollReceived() -> ReceivedMedia? {
    incoming?.pollReceived()
  }

  /// When the first RTP packet of the peer's arrived.
  package var firstPacketReceived: Instant? { incoming?.firstPacket }

  /// Figures for people and programs: see ``SessionStatistics``.
  package func statistics() -> SessionStatistics {
    SessionStatistics(
      pair: ice.selectedPair?.statistics, video: outgoing?.video?.statistics, audio: outgoing?.audio?.statistics,
      estimates: outgoing?.estimates, received: incoming?.statistics ?? (nil, nil), channels: channels?.statistics ?? []
    )
  }

  /// What the RTP timestamps on the wire have on top of the frames' own; nil when no video is sent.
  package var videoTimestampOffset: UInt32? { outgoing?.video?.rtpTimestampOffset }

  // MARK: Datagrams and time

  /// Takes a datagram that came on `path`; its bytes are changed in place (decrypted).
  ///
  /// - Parameters:
  ///   - wall: the time of day at `now`, for reports.
  ///   - batch: gets what is to be sent.
  /// - Returns: true when the datagram has proven that this path is the peer's: see ``SessionRouter``.
  @discardableResult
  package func handle(
    _ datagram: UnsafeMutableRawBufferPointer, on path: NetworkPath, now: Instant, wall: WallClock,
    into batch: inout DatagramBatch
  ) -> Bool {
    guard !isClosed else { return false }
    var isProven = false
    switch DatagramKind(UnsafeRawBufferPointer(datagram).bytes) {
    case .stun:
      isProven = ice.handle(UnsafeRawBufferPointer(datagram).bytes, on: path, now: now) == .authenticated
    case .dtls:
      dtls?.handle(UnsafeRawBufferPointer(datagram).bytes, now: now)
    case .rtp:
      incoming?.handleRTP(datagram, now: now)
    case .rtcp:
      handleRTCP(datagram, now: now, into: &batch)
    case nil:
      break
    }
    drain(now: now, into: &batch)
    return isProven
  }

  /// Does what is due at ``deadline``.
  package func handleTimeout(now: Instant, wall: WallClock, into batch: inout DatagramBatch) {
    guard !isClosed else { return }
    if now >= connectBy, !isConnected {
      let waited = "no connection within \(Self.connectTimeout.milliseconds / 1000) s"
      switch state {
      case .securing: close(.notSecure("\(waited): the DTLS handshake was not completed"), now: now)
      case .offering, .connecting, .connected, .closed: close(.noPath("\(waited): no ICE check succeeded"), now: now)
      }
      return
    }
    if let due = ice.deadline, due <= now { ice.handleTimeout(now: now) }
    if let due = dtls?.deadline, due <= now { dtls?.handleTimeout(now: now) }
    if let channels, let due = channels.deadline, due <= now { channels.handleTimeout(now: now) }
    if let due = incoming?.deadline, due <= now, let path {
      incoming?.handleTimeout(on: path, now: now, wall: wall, into: &batch) { writer in
        outgoing?.protectRTCP(&writer)
      }
    }
    drain(now: now, into: &batch)
  }

  // MARK: Sending

  /// Sends a video frame, unless the viewer has no use for it yet (not connected, or waiting for a keyframe).
  package func send(
    _ frame: PacketisedVideoFrame, now: Instant, wall: WallClock, into batch: inout DatagramBatch
  ) {
    guard isConnected, let path else { return }
    outgoing?.send(frame, on: path, now: now, wall: wall, into: &batch)
  }

  /// Sends a packet of sound.
  package func send(
    _ frame: PacketisedAudioFrame, now: Instant, wall: WallClock, into batch: inout DatagramBatch
  ) {
    guard isConnected, let path else { return }
    outgoing?.send(frame, on: path, now: now, wall: wall, into: &batch)
  }

  /// Frames were left out: those that follow cannot be decoded before the next keyframe.
  package func waitForKeyframe() {
    outgoing?.waitForKeyframe()
  }

  /// Opens a data channel; see `DataChannels`.
  package func openChannel(
    label: String, subprotocol: String = "", options: ChannelOptions = ChannelOptions(), negotiatedID: ChannelID? = nil,
    now: Instant, into batch: inout DatagramBatch
  ) throws(DataChannelError) -> ChannelID {
    guard let channels else { throw .associationLost }
    let id = try channels.open(
      label: label, subprotocol: subprotocol, options: options, negotiatedID: negotiatedID, now: now)
    drain(now: now, into: &batch)
    return id
  }

  /// Sends a message on a data channel.
  package func send(
    _ message: [UInt8], as kind: MessageKind, on channel: ChannelID, now: Instant, into batch: inout DatagramBatch
  ) throws(DataChannelError) {
    guard let channels else { throw .associationLost }
    try message.span.bytes.withUnsafeBytes { (bytes) throws(DataChannelError) in
      _ = try channels.send(bytes, as: kind, on: channel, now: now)
    }
    drain(now: now, into: &batch)
  }

  /// Bytes that wait on a channel beyond what SCTP has taken.
  package func bufferedAmount(of channel: ChannelID) -> Int {
    channels?.bufferedAmount(of: channel) ?? 0
  }

  package func closeChannel(_ channel: ChannelID, now: Instant, into batch: inout DatagramBatch) {
    channels?.close(channel, now: now)
    drain(now: now, into: &batch)
  }

  /// Ends the session and tells the peer: RTCP BYE, SCTP ABORT, DTLS close_notify.
  package func close(now: Instant, wall: WallClock, into batch: inout DatagramBatch) {
    guard !isClosed else { return }
    if let path = ice.usablePath {
      outgoing?.sayGoodbye(on: path, now: now, wall: wall, into: &batch)
      channels?.abort()
      sendChannelPackets(on: path, into: &batch)
      dtls?.close()
      sendHandshake(on: path, into: &batch)
    }
    close(.byUs, now: now)
  }

  // MARK: One layer to the next

  /// Carries what each layer has produced to the next one, until all are silent.
  private func drain(now: Instant, into batch: inout DatagramBatch) {
    hasWorkLeft = false
    while let event = ice.pollEvent() { handle(event, now: now) }
    ice.pollTransmit(into: &batch)
    path = ice.usablePath
    if let path { sendHandshake(on: path, into: &batch) }
    while let event = dtls?.pollEvent() { handle(event, now: now) }
    if let channels {
      while dtls?.incoming.popFirst({ channels.handle($0, now: now) }) != nil {}
      readChannels(channels, now: now)
    }
    if let path { sendChannelPackets(on: path, into: &batch) }
    updateDeadline(now: now)
  }

  private func sendHandshake(on path: NetworkPath, into batch: inout DatagramBatch) {
    while dtls?.outgoing.popFirst({ datagram in batch.append(on: path, datagram.bytes) }) != nil {}
  }

  /// SCTP packets are encrypted straight into the batch.
  private func sendChannelPackets(on path: NetworkPath, into batch: inout DatagramBatch) {
    guard let channels else { return }
    while channels.popOutgoing({ packet in
      batch.append(on: path) { writer in
        if !(dtls?.send(packet, to: &writer) ?? false) { writer.discard() }
      }
    }) {}
  }

  private func handle(_ event: ICEEvent, now: Instant) {
    switch event {
    case .usable, .connected:
      // The first working pair will do for DTLS; nomination may still move to another one.
      guard case .connecting = state, let negotiated else { return }
      state = .securing
      if negotiated.dtlsRole == .client { makeDTLS(negotiated, now: now) }
    case .selectedPathChanged, .disconnected:
      break
    case .failed(let failure):
      close(.noPath("\(failure)"), now: now)
    }
  }

  private func makeDTLS(_ negotiated: NegotiatedSession, now: Instant) {
    let fingerprints = negotiated.remote.fingerprints.compactMap { try? Secure.Fingerprint(parsing: $0.text) }
    dtls = DTLSEngine(
      role: negotiated.dtlsRole == .client ? .client : .server, identity: settings.identity,
      expectedFingerprints: fingerprints, random: random, now: now)
  }

  private func handle(_ event: DTLSEngine.Event, now: Instant) {
    switch event {
    case .connected(let keys):
      do {
        try startMedia(keys)
        try startChannels(now: now)
      } catch {
        return close(.notSecure("the keys could not be used: \(error)"), now: now)
      }
      state = .connected
      if let path { events.append(.connected(path)) }
    case .closed:
      close(.byPeer, now: now)
    case .failed(let reason):
      close(.notSecure("\(reason)"), now: now)
    }
  }

  private func startMedia(_ keys: SRTPKeys?) throws {
    guard let negotiated, let keys else { return }
    let video = local.videoSender(negotiated, using: &random)
    let audio = local.audioSender(negotiated, using: &random)
    outgoing = OutgoingMedia(video: video, audio: audio, cipher: try SRTPSender(keys), cname: settings.cname)
    incoming = IncomingMedia(
      negotiated, senderSSRC: local.reportingSSRC, cname: settings.cname, cipher: try SRTPReceiver(keys))
  }

  private func startChannels(now: Instant) throws {
    guard let negotiated, let channel = negotiated.dataChannel else { return }
    let made = try DataChannels(
      isDTLSClient: negotiated.dtlsRole == .client,
      peerMaximumMessageSize: Int(clamping: channel.remoteMaximumMessageSize), localPort: channel.localPort,
      remotePort: channel.remotePort, now: now)
    made.start(now: now)
    channels = made
  }

  private func handleRTCP(
    _ datagram: UnsafeMutableRawBufferPointer, now: Instant, into batch: inout DatagramBatch
  ) {
    guard let path, let bytes = incoming?.unprotectRTCP(datagram) else { return }
    var reader = RTCPReader(UnsafeRawBufferPointer(bytes).bytes)
    while let packet = reader.next() {
      if outgoing?.handle(packet, on: path, now: now, into: &batch) ?? false { events.append(.keyframeRequested) }
      incoming?.handle(packet, now: now)
    }
  }

  private func readChannels(_ channels: DataChannels, now: Instant) {
    var taken = 0
    while taken < Self.maximumMessagesPerTurn {
      guard let event = channels.pollEvent() else { return }
      taken += 1
      switch event {
      case .associationUp: break
      case .opened(let info): events.append(.channelOpened(info))
      case .message(let id, let kind, let bytes): events.append(.message(id, kind, bytes))
      case .bufferedAmountLow(let id): events.append(.bufferedAmountLow(id))
      case .closed(let id, _): events.append(.channelClosed(id))
      case .failed:
        // Its channels are closed. Media goes on: whether the peer is there is for DTLS and ICE to say.
        self.channels = nil
        return
      }
    }
    hasWorkLeft = true
  }

  private func close(_ reason: SessionClosure, now: Instant) {
    guard !isClosed else { return }
    state = .closed
    events.append(.closed(reason))
    dtls = nil
    channels = nil
    outgoing = nil
    incoming = nil
    deadline = nil
  }

  private func updateDeadline(now: Instant) {
    guard !isClosed else { return }
    guard !hasWorkLeft else { return deadline = now }
    var earliest = isConnected ? Instant.distantFuture : connectBy
    if let due = ice.deadline, due < earliest { earliest = due }
    if let due = dtls?.deadline, due < earliest { earliest = due }
    if let due = channels?.deadline, due < earliest { earliest = due }
    if let due = incoming?.deadline, due < earliest { earliest = due }
    deadline = earliest < .distantFuture ? earliest : nil
  }
}

@available(*, unavailable)
extension Session: Sendable {}
