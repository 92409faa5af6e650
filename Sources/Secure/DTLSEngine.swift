package import Wire

/// One DTLS 1.2 association (RFC 6347): the handshake, with the keys for SRTP that come of it (RFC 5764), and the records after it,
/// which carry SCTP (RFC 8261).
///
/// Used from one thread. After each call take what is in ``outgoing`` and ``incoming``, poll events until there are none, and see to
/// it that ``handleTimeout(now:)`` is called at ``deadline``.
///
///     handshaking ──► connected ──► ended
///          └───────────────────────────▲
///
/// Once ended, by a failure, by the peer or by us, it takes everything and does nothing.
package struct DTLSEngine: ~Copyable {
  /// Who sends the first message: `a=setup:active` is the client (RFC 8842 §5).
  package enum Role: Equatable, Sendable {
    case client
    case server
  }

  package enum Event: Equatable, Sendable {
    /// The peer is who the SDP said. Without keys when it does not do SRTP: such peers want data channels alone.
    case connected(SRTPKeys?)
    /// The peer has said goodbye.
    case closed
    case failed(DTLSFailure)
  }

  /// The data of one record: the largest datagram of ours without what a record adds. SCTP stays below.
  package static let maximumApplicationData =
    DatagramBatch.maximumDatagramSize - RecordHeader.length - RecordLayer.maximumOverhead

  /// Between two calls of the owner: some of SCTP's congestion windows, or a handshake's flights.
  private static let maximumQueued = 1 << 20
  /// Data that overtakes the end of the handshake: some first packets of SCTP, which would send them again.
  private static let maximumEarlyData = 16 * 1024
  /// A datagram of a handshake holds a flight of at most eight; a datagram of small records could keep us busy.
  private static let maximumHandshakeRecords = 32

  private enum State {
    case handshaking(Handshake)
    case connected(RecordLayer)
    case ended
  }

  /// Datagrams to send, oldest first.
  package var outgoing = PacketQueue(maximumBytes: maximumQueued)
  /// Application data of the peer: each packet is what was in one record.
  package var incoming = PacketQueue(maximumBytes: maximumQueued)

  private var state: State
  private var event: Event?
  private var early = PacketQueue(maximumBytes: maximumEarlyData)

  /// Starts a handshake. A client's first datagram is in ``outgoing`` at once: call this when datagrams can be sent.
  ///
  /// - Parameters:
  ///   - identity: ours, whose fingerprint is in our SDP.
  ///   - expectedFingerprints: those in the peer's SDP. The peer's certificate must match one that is made with the strongest hash
  ///     function among them; with none, nobody is accepted.
  ///   - asksForCookie: as server, has the client prove that it receives what we send before anything is kept or computed
  ///     (RFC 6347 §4.2.1). ICE has shown that already, so it would only cost a round trip.
  ///   - random: makes ephemeral keys: must be fit for it.
  package init(
    role: Role, identity: Identity, expectedFingerprints: [Fingerprint], asksForCookie: Bool = false,
    random: any RandomNumberGenerator, now: Instant
  ) {
    do throws(DTLSFailure) {
      let handshake = try Handshake(
        role: role, identity: identity, announced: expectedFingerprints, asksForCookie: asksForCookie, random: random,
        now: now)
      state = .handshaking(handshake)
      if role == .client { advance(handshake, now: now) { handshake.start() } }
    } catch {
      state = .ended
      event = .failed(error)
    }
  }

  /// When ``handleTimeout(now:)`` is due; nil when nothing is to be sent again.
  package var deadline: Instant? {
    switch state {
    case .handshaking(let handshake): handshake.deadline
    case .connected, .ended: nil
    }
  }

  /// What has happened and has not been polled.
  package mutating func pollEvent() -> Event? {
    defer { event = nil }
    return event
  }

  /// Takes a datagram of the peer, of any contents.
  package mutating func handle(_ datagram: RawSpan, now: Instant) {
    var reader = ByteReader(datagram)
    var handshakeRecords = 0
    while !reader.isAtEnd {
      // What cannot be told apart any more is dropped (RFC 6347 §4.1.2.7).
      let start = reader.offset
      guard let header = try? RecordHeader(parsing: &reader) else { return }
      let bodyStart = reader.offset
      guard (try? reader.skip(header.bodyLength)) != nil else { return }
      let body = datagram.extracting(bodyStart..<reader.offset)
      switch state {
      case .handshaking(let handshake):
        handshakeRecords += 1
        guard handshakeRecords <= Self.maximumHandshakeRecords else { return }
        let record = datagram.extracting(start..<reader.offset)
        if header.type == .applicationData {
          record.withUnsafeBytes { _ = early.append($0) }
        } else {
          advance(handshake, now: now) { handshake.handle(header, body: body, record: record) }
        }
      case .connected(let records):
        receive(header, body, by: records)
      case .ended:
        return
      }
    }
  }

  /// To be called at ``deadline``, or later; earlier does no harm.
  package mutating func handleTimeout(now: Instant) {
    guard case .handshaking(let handshake) = state, handshake.deadline <= now else { return }
    advance(handshake, now: now) { handshake.handleTimeout() }
  }

  /// Puts application data into one record and that into ``outgoing``.
  ///
  /// - Returns: false when not connected, when there is more than ``maximumApplicationData``, or when the queue is full.
  package mutating func send(_ applicationData: UnsafeRawBufferPointer) -> Bool {
    guard case .connected(let records) = state, applicationData.count <= Self.maximumApplicationData else {
      return false
    }
    return appendToOutgoing { records.seal(.applicationData, applicationData, to: &$0) }
  }

  /// Puts application data into one record and writes that: the short way into a ``DatagramBatch``. The queue is not looked at.
  ///
  /// - Returns: false when not connected, or when it does not fit; what the writer holds is then to be discarded.
  package mutating func send(_ applicationData: UnsafeRawBufferPointer, to writer: inout ByteWriter) -> Bool {
    guard case .connected(let records) = state, applicationData.count <= Self.maximumApplicationData else {
      return false
    }
    return records.seal(.applicationData, applicationData, to: &writer)
  }

  /// Says goodbye, if there is somebody to say it to, and ends. No event follows.
  package mutating func close() {
    if case .connected(let records) = state { send(Alert(isFatal: false, description: Alert.closeNotify), by: records) }
    state = .ended
  }

  // MARK: - Handshaking

  private mutating func advance(_ handshake: Handshake, now: Instant, _ step: () -> Handshake.Progress) {
    handshake.now = now
    let progress = step()
    while handshake.outgoing.popFirst({ _ = outgoing.append($0) }) != nil {}
    switch progress {
    case .waiting:
      break
    case .connected(let records, let keys):
      state = .connected(records)
      event = .connected(keys)
      receiveEarlyData()
    case .refused(let records, let failure):
      send(Alert(isFatal: true, description: Alert.badCertificate), by: records)
      end(.failed(failure))
    case .closed:
      end(.closed)
    case .failed(let failure):
      end(.failed(failure))
    }
  }

  private mutating func receiveEarlyData() {
    var early = PacketQueue(maximumBytes: 0)
    swap(&early, &self.early)
    while case .connected(let records) = state {
      let handled: Void? = early.popFirst { record in
        var reader = ByteReader(record.bytes)
        guard let header = try? RecordHeader(parsing: &reader) else { return }
        receive(header, reader.readRemaining(), by: records)
      }
      if handled == nil { return }
    }
  }

  // MARK: - Connected

  private mutating func receive(_ header: RecordHeader, _ body: RawSpan, by records: RecordLayer) {
    switch records.open(header, body) {
    case .applicationData(let count):
      incoming.append(UnsafeRawBufferPointer(rebasing: records.plaintext[..<count]))
    case .alert(let alert) where alert.description == Alert.closeNotify:
      // RFC 5246 §7.2.1: answered in kind.
      send(alert, by: records)
      end(.closed)
    case .alert(let alert):
      // Warnings are of no consequence: what they warn of does not happen here.
      if alert.isFatal { end(.failed(.alert(alert.description))) }
    case .repeatedFinished:
      _ = appendToOutgoing { records.repeatLastFlight(to: &$0) }
    case .nothing:
      break
    }
  }

  private mutating func send(_ alert: Alert, by records: RecordLayer) {
    _ = appendToOutgoing { writer in alert.bytes.withUnsafeBytes { records.seal(.alert, $0, to: &writer) } }
  }

  private mutating func end(_ event: Event) {
    state = .ended
    self.event = event
  }

  private mutating func appendToOutgoing(_ body: (inout ByteWriter) -> Bool) -> Bool {
    withUnsafeTemporaryAllocation(byteCount: DatagramBatch.maximumDatagramSize, alignment: 16) { memory in
      var writer = ByteWriter(memory)
      guard body(&writer), !writer.overflowed else { return false }
      return writer.withWrittenBytes { $0.withUnsafeBytes { outgoing.append($0) } }
    }
  }
}

/// Why there is no connection, or no longer one.
package enum DTLSFailure: Error, Equatable, Sendable, CustomStringConvertible {
  /// The peer's certificate is not one that its SDP announced: here is the one it has.
  case fingerprintMismatch(presented: Fingerprint)
  /// The peer showed no certificate.
  case noCertificate
  /// The handshake did not end in time.
  case timedOut
  /// The peer gave up, with this reason (RFC 5246 §7.2).
  case alert(UInt8)
  /// mbedTLS gave up, with this error.
  case handshake(Int32)

  package var description: String {
    switch self {
    case .fingerprintMismatch(let presented): "the certificate with \(presented) is not one that the SDP announced"
    case .noCertificate: "no certificate from the peer"
    case .timedOut: "no end of the DTLS handshake in time"
    case .alert(let code): "DTLS alert \(code) from the peer"
    case .handshake(let code):
      "DTLS handshake failed (mbedTLS error -0x\(String(code.magnitude, radix: 16, uppercase: true)))"
    }
  }
}
