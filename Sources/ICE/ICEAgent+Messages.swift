internal import Wire

/// What the peer's datagrams bring (RFC 8445 §7.2.5, §7.3).
extension ICEAgent {
  // MARK: Requests

  mutating func handleRequest(_ message: borrowing STUNMessage, on path: NetworkPath, now: Instant) -> ICEDisposition {
    guard message.isAddressed(to: localUfrag) else {
      drops.unknownUfrag &+= 1
      return .ignored
    }
    guard message.hasValidIntegrity(key: localKey) else {
      drops.unauthenticated &+= 1
      return .ignored
    }
    guard isWithinAnswerRate(now) else {
      drops.overRate &+= 1
      return .ignored
    }
    guard message.unknownAttributes.isEmpty else {
      send(.unknownAttributes(message.unknownAttributes), message.transactionID, on: path)
      return .authenticated
    }
    guard settleRole(message) else {
      send(.roleConflict, message.transactionID, on: path)
      return .authenticated
    }
    send(.success, message.transactionID, on: path)
    // PRIORITY is always there (RFC 8445 §7.1.1); without it the least a peer-reflexive candidate can have.
    let priority = message.priority ?? Candidate.priority(.peerReflexive, preference: 0)
    guard let local = findOrAddBase(path.local),
      let remote = findOrAddRemote(path.remote, priority: priority, now: now),
      let pair = formPair(local: local, remote: remote, isProven: true)
    else { return .authenticated }
    pairs[pair].statistics.requestsReceived &+= 1
    pairs[pair].statistics.responsesSent &+= 1
    if message.useCandidate, role == .controlled { noteNomination(of: pair, now) }
    switch pairs[pair].state {
    case .succeeded: break
    case .waiting, .failed: trigger(pair)
    case .inProgress:
      // RFC 8445 §7.3.1.4: the way is open now, and a check that the peer was not yet ready for would be sent again in
      // half a second only. But not for each of a burst of requests.
      let isFirst = pairs[pair].statistics.requestsReceived == 1
      if isFirst || pairs[pair].lastSent.map({ now >= $0 + configuration.pacing }) ?? true { trigger(pair) }
    }
    return .authenticated
  }

  private mutating func isWithinAnswerRate(_ now: Instant) -> Bool {
    if let window = answerWindow, now - window.start < .seconds(1) {
      answerWindow = (window.start, window.count &+ 1)
      return window.count < ICELimits.answersPerSecond
    }
    answerWindow = (now, 1)
    return true
  }

  /// RFC 8445 §7.3.1.1: whoever has the larger tie-breaker keeps its role. False when the peer must change.
  private mutating func settleRole(_ message: borrowing STUNMessage) -> Bool {
    switch role {
    case .controlling:
      guard let theirs = message.iceControlling else { return true }
      if tieBreaker >= theirs {
        assertSelection()
        return false
      }
      takeRole(.controlled)
    case .controlled:
      guard let theirs = message.iceControlled else { return true }
      if tieBreaker < theirs { return false }
      takeRole(.controlling)
    }
    return true
  }

  /// RFC 8445 §7.3.1.1. What was nominated under the old roles no longer binds, and a check that is sent again must not
  /// claim the old one.
  private mutating func takeRole(_ role: Role) {
    self.role = role
    nominating = nil
    for index in pairs.indices {
      pairs[index].isWanted = false
      pairs[index].wantedAt = nil
      pairs[index].wishes = 0
    }
    for index in transactions.indices where transactions[index].role != role { transactions[index].isCancelled = true }
    for index in pairs.indices where pairs[index].state == .inProgress { trigger(index) }
    if role == .controlling { assertSelection() }
  }

  /// Both sides have controlled for a while, and each may have selected a pair of its own: the one that controls says
  /// again which counts.
  private mutating func assertSelection() {
    guard case .connected(let connection) = phase, nominating == nil else { return }
    nominating = connection.pair
    trigger(connection.pair)
  }

  // MARK: Responses

  mutating func handleResponse(_ message: borrowing STUNMessage, on path: NetworkPath, now: Instant) -> ICEDisposition {
    guard let index = transactions.firstIndex(where: { $0.id == message.transactionID }) else {
      drops.unmatchedResponses &+= 1
      return .ignored
    }
    guard message.hasValidIntegrity(key: remoteKey) else {
      drops.unauthenticated &+= 1
      return .ignored
    }
    let transaction = transactions[index]
    let pair = transaction.pair
    if message.messageClass == .error {
      guard let code = message.errorCode else { return .ignored }
      transactions.remove(at: index)
      handleError(code, to: transaction)
      return .authenticated
    }
    guard let mapped = message.xorMappedAddress, message.unknownAttributes.isEmpty else {
      drops.malformed &+= 1
      return .ignored
    }
    transactions.remove(at: index)
    pairs[pair].statistics.responsesReceived &+= 1
    // RFC 8445 §7.2.5.2.1: the response must come back the way that the request went.
    guard remoteCandidates[pairs[pair].remote].isAt(path.remote),
      path.local.address == pairs[pair].path.local.address, path.local.port == pairs[pair].path.local.port
    else {
      fail(pair)
      return .authenticated
    }
    noteResponse(to: transaction, now)
    let base = base(of: pair)
    let isSeenAsItIs = mapped.address == path.local.address && mapped.port == path.local.port
    pairs[pair].local =
      isSeenAsItIs ? base : findOrAddLocalPeerReflexive(mapped, base: base, priority: transaction.priority)
    if pairs[pair].state != .succeeded { succeed(pair, now) }
    if pairs[pair].isWanted { considerSelecting(pair, now) }
    if case .nomination = transaction.purpose, role == .controlling {
      nominating = nil
      select(pair, now)
    }
    return .authenticated
  }

  private mutating func noteResponse(to transaction: Transaction, _ now: Instant) {
    let pair = transaction.pair
    let record = pairs[pair].remote
    remoteRecords[record].hasAnswered = true
    remoteRecords[record].lastUsed = now
    pairs[pair].lastResponse = now
    // Karn: the answer to a request that was sent twice tells no time.
    if transaction.sends == 1 {
      let elapsed = now - transaction.firstSent
      pairs[pair].statistics.currentRoundTripTime = elapsed
      pairs[pair].statistics.totalRoundTripTime = pairs[pair].statistics.totalRoundTripTime + elapsed
    }
    if case .connected(var connection) = phase, connection.pair == pair {
      let wasDisconnected = connection.isDisconnected
      connection.unanswered = 0
      connection.isDisconnected = false
      phase = .connected(connection)
      if wasDisconnected { emit(.connected(pairs[pair].path)) }
    }
  }

  private mutating func succeed(_ pair: Int, _ now: Instant) {
    pairs[pair].state = .succeeded
    triggered.removeAll { $0 == pair }
    for index in transactions.indices where transactions[index].pair == pair { transactions[index].isCancelled = true }
    firstValid = firstValid ?? now
    if !hasReportedUsable {
      hasReportedUsable = true
      emit(.usable(pairs[pair].path))
    }
  }

  private mutating func handleError(_ code: Int, to transaction: Transaction) {
    guard code == 487 else {
      // RFC 8445 §7.2.5.2.4, unless a newer check of the pair is under way. The next check of the peer revives the
      // pair.
      if !transaction.isCancelled { fail(transaction.pair) }
      return
    }
    // RFC 8445 §7.2.5.1. A request that crossed the change of role changes nothing more; its check is made again all
    // the same.
    if role == transaction.role {
      takeRole(transaction.role == .controlling ? .controlled : .controlling)
      tieBreaker = generator.next()
    }
    trigger(transaction.pair)
  }
}
