package import Wire

/// ICE (RFC 8445) for one session: a full agent with one data stream of one component, either role.
///
/// Sans-IO: the owner gives it candidates, STUN datagrams and the time, and after *each* call drains
/// ``pollTransmit(into:)`` and ``pollEvent()`` and looks at ``deadline``. One thread.
///
/// It starts when it has the peer's credentials. Candidates may come before or after that, in any order; requests of
/// the peer are answered from the first moment.
///
/// Not copyable, because it is large: reading one property of an agent that a class holds would copy all of it.
///
/// Server-reflexive, relayed and TCP candidates have their cases but are never paired yet. An ICE restart will put
/// new credentials beside the old ones until the new pair is selected (RFC 8445 §9).
package struct ICEAgent: ~Copyable {
  package enum Role: Sendable {
    case controlling
    case controlled
  }

  package internal(set) var role: Role
  package let localCredentials: ICECredentials
  package internal(set) var remoteCredentials: ICECredentials?
  /// What the transaction ids of this agent's requests start with: see ``STUNMessage/transactionTag(ofResponse:)``.
  package let transactionTag: UInt32
  package internal(set) var localCandidates: [Candidate] = []
  /// Signalled and peer-reflexive.
  package internal(set) var remoteCandidates: [Candidate] = []
  /// Indices change only by being taken over by a better pair when there are too many.
  package internal(set) var pairs: [CandidatePair] = []
  package internal(set) var drops = ICEDropCounts()
  /// When ``handleTimeout(now:)`` wants to be called; nil when nothing will happen without a datagram or a candidate.
  package internal(set) var deadline: Instant?

  enum Phase {
    /// No credentials of the peer yet.
    case new
    case checking(since: Instant)
    case connected(Connection)
    case failed
  }

  struct Connection {
    var pair: Int
    var nextConsentCheck: Instant
    /// Consent checks since the last response.
    var unanswered = 0
    var isDisconnected = false
  }

  /// What is known of a remote candidate besides what it is. Parallel to ``remoteCandidates``.
  struct RemoteRecord {
    var hasAnswered = false
    var unanswered = 0
    var lastUsed: Instant
  }

  let configuration: ICEConfiguration
  let localKey: [UInt8]
  let localUfrag: [UInt8]
  var remoteKey: [UInt8] = []
  /// `theirs:ours`, as our requests say it.
  var requestUsername: [UInt8] = []
  var generator: any RandomNumberGenerator & Sendable
  var tieBreaker: UInt64
  var phase = Phase.new
  var remoteRecords: [RemoteRecord] = []
  var transactions: [Transaction] = []
  /// Pairs whose check comes before all others (RFC 8445 §6.1.4.1).
  var triggered: [Int] = []
  var lastCheck: Instant?
  /// Controlling: when the first pair became valid, and the pair whose nomination is under way.
  var firstValid: Instant?
  var nominating: Int?
  var hiddenCandidates = 0
  var hasReportedUsable = false
  var answerWindow: (start: Instant, count: Int)?
  private var outgoing: [OutgoingMessage] = []
  private var events: [ICEEvent] = []

  /// - Parameters:
  ///   - tieBreaker: random; decides who gives way when both sides have the same role.
  ///   - generator: must be unpredictable: transaction ids and the times of consent checks come from it.
  package init(
    role: Role, localCredentials: ICECredentials, tieBreaker: UInt64, configuration: ICEConfiguration = .init(),
    generator: any RandomNumberGenerator & Sendable
  ) {
    self.role = role
    self.localCredentials = localCredentials
    self.tieBreaker = tieBreaker
    self.configuration = configuration
    self.generator = generator
    localKey = Array(localCredentials.password.utf8)
    localUfrag = Array(localCredentials.ufrag.utf8)
    transactionTag = UInt32(truncatingIfNeeded: self.generator.next())
  }

  // MARK: Candidates and credentials

  /// Adds an address of ours. Those that cannot be used (TCP, names, the wildcard) are refused and counted.
  package mutating func addLocalCandidate(_ candidate: Candidate, now: Instant) {
    guard candidate.transport == .udp, candidate.kind == .host, let address = candidate.socketAddress,
      !address.address.isUnspecified, !address.address.isMulticast, localCandidates.count < ICELimits.localCandidates
    else { return drops.refusedCandidates &+= 1 }
    guard !localCandidates.contains(where: { $0.kind == .host && $0.socketAddress == address }) else { return }
    localCandidates.append(candidate)
    for remote in remoteCandidates.indices {
      formPair(local: localCandidates.count &- 1, remote: remote)
    }
    run(now)
  }

  /// Adds a candidate that the peer has signalled. What cannot be used is ignored: TCP, the RTCP component, names
  /// (which are counted for diagnosis), addresses that are nobody's, and those beyond
  /// ``ICELimits/signalledCandidates``. That there will be no more need not be told: ICE fails when its patience ends,
  /// said or unsaid (RFC 8863 §4).
  package mutating func addRemoteCandidate(_ candidate: Candidate, now: Instant) {
    guard candidate.transport == .udp, candidate.component == 1 else { return }
    guard let address = candidate.socketAddress else { return hiddenCandidates &+= 1 }
    guard address.port != 0, !address.address.isUnspecified, !address.address.isMulticast,
      address.address.v4 != UInt32.max
    else { return drops.refusedCandidates &+= 1 }
    if let known = remoteCandidates.firstIndex(where: { $0.isAt(address) }) {
      // RFC 8838 §11.4: the peer's check was faster than its signalling.
      if remoteCandidates[known].kind == .peerReflexive { remoteCandidates[known] = candidate }
      return
    }
    guard remoteCandidates.count(where: { $0.kind != .peerReflexive }) < ICELimits.signalledCandidates else {
      return drops.refusedCandidates &+= 1
    }
    remoteCandidates.append(candidate)
    remoteRecords.append(RemoteRecord(lastUsed: now))
    for local in localCandidates.indices {
      formPair(local: local, remote: remoteCandidates.count &- 1)
    }
    run(now)
  }

  /// Starts the checks. A second call changes nothing: that would be a restart.
  /// - Parameter isLite: the peer has said `a=ice-lite`: it sends no checks, so this side controls (RFC 8445 §6.1.1).
  package mutating func setRemoteCredentials(_ credentials: ICECredentials, isLite: Bool = false, now: Instant) {
    guard case .new = phase else { return }
    remoteCredentials = credentials
    remoteKey = Array(credentials.password.utf8)
    requestUsername = Array("\(credentials.ufrag):\(localCredentials.ufrag)".utf8)
    if isLite { role = .controlling }
    phase = .checking(since: now)
    run(now)
  }

  // MARK: Datagrams and time

  /// Takes a STUN datagram (``STUNMessage/isSTUN(_:)``) that came on `path`: `local` is the address that it was sent
  /// to.
  @discardableResult
  package mutating func handle(_ datagram: RawSpan, on path: NetworkPath, now: Instant) -> ICEDisposition {
    if case .failed = phase { return .ignored }
    let disposition: ICEDisposition
    do throws(ParseError) {
      let message = try STUNMessage(parsing: datagram)
      guard message.method == 1, message.hasPlausibleFingerprint else { throw .malformed("not a check") }
      switch message.messageClass {
      case .request: disposition = handleRequest(message, on: path, now: now)
      case .success, .error: disposition = handleResponse(message, on: path, now: now)
      case .indication: disposition = .ignored  // RFC 8445 §11: a keepalive for NATs
      }
    } catch {
      drops.malformed &+= 1
      return .ignored
    }
    run(now)
    return disposition
  }

  package mutating func handleTimeout(now: Instant) {
    run(now)
  }

  // MARK: What the owner takes out

  /// Writes what is to be sent.
  package mutating func pollTransmit(into batch: inout DatagramBatch) {
    for message in outgoing {
      batch.append(on: message.path) { write(message, &$0) }
    }
    outgoing.removeAll(keepingCapacity: true)
  }

  package mutating func pollEvent() -> ICEEvent? {
    events.isEmpty ? nil : events.removeFirst()
  }

  /// Where the nominated pair leads; nil before and after.
  package var selectedPath: NetworkPath? { selectedPair?.path }

  /// The pair that is selected.
  package var selectedPair: CandidatePair? {
    guard case .connected(let connection) = phase else { return nil }
    return pairs[connection.pair]
  }

  /// Where data may be sent: the selected path, or before that the best valid one (RFC 8445 §12.1). Nil means: send
  /// nothing.
  package var usablePath: NetworkPath? {
    switch phase {
    case .connected(let connection): pairs[connection.pair].path
    case .checking: bestValidPair.map { pairs[$0].path }
    case .new, .failed: nil
    }
  }

  // MARK: For the other files of the agent

  mutating func emit(_ event: ICEEvent) {
    events.append(event)
  }

  mutating func send(_ content: OutgoingMessage.Content, _ id: TransactionID, on path: NetworkPath) {
    guard outgoing.count < ICELimits.outgoing else { return }
    outgoing.append(OutgoingMessage(path: path, id: id, content: content))
  }

  private func write(_ message: OutgoingMessage, _ writer: inout ByteWriter) {
    switch message.content {
    case .request(let transaction):
      writer.writeSTUN(.request, message.id, integrityKey: remoteKey) { writer in
        writer.writeSTUN(.username, requestUsername)
        writer.writeSTUN(.priority, transaction.priority)
        switch transaction.role {
        case .controlling: writer.writeSTUN(.iceControlling, transaction.tieBreaker)
        case .controlled: writer.writeSTUN(.iceControlled, transaction.tieBreaker)
        }
        if transaction.nominates { writer.writeSTUN(.useCandidate) }
      }
    case .success:
      writer.writeSTUN(.success, message.id, integrityKey: localKey) { writer in
        writer.writeSTUN(xorMappedAddress: message.path.remote, message.id)
      }
    case .roleConflict:
      writer.writeSTUN(.error, message.id, integrityKey: localKey) { writer in
        writer.writeSTUN(errorCode: 487, reason: "Role Conflict")
      }
    case .unknownAttributes(let attributes):
      writer.writeSTUN(.error, message.id, integrityKey: localKey) { writer in
        writer.writeSTUN(errorCode: 420, reason: "Unknown Attribute")
        writer.writeSTUN(unknownAttributes: attributes)
      }
    }
  }
}

@available(*, unavailable)
extension ICEAgent: Sendable {}

extension Candidate {
  /// Whether it is this address. A signalled link-local address has no scope; it is the same on each link.
  func isAt(_ address: SocketAddress) -> Bool {
    guard let own = socketAddress else { return false }
    return own.address == address.address && own.port == address.port
      && (own.scope == address.scope || own.scope == 0 || address.scope == 0)
  }
}
