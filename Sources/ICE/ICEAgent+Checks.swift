internal import Wire

/// What time brings: checks, resends, consent, and the end (RFC 8445 §6.1.4, §14; RFC 7675; RFC 8863).
extension ICEAgent {
  /// Does all that is due. Every call that changes something ends here.
  mutating func run(_ now: Instant) {
    expireTransactions(now)
    checkConsent(now)
    nominate(now)
    startChecks(now)
    concludeWithoutPath(now)
    deadline = nextDeadline(now)
  }

  // MARK: Starting checks

  private mutating func startChecks(_ now: Instant) {
    switch phase {
    case .new, .failed: return
    case .checking, .connected: break
    }
    while let pair = triggered.first, isPaced(configuration.triggeredPacing, now) {
      triggered.removeFirst()
      startCheck(of: pair, nominating == pair ? .nomination : .check, now)
    }
    // RFC 8445 §8.1.2: once a pair is selected the rest wait, unless the peer asks.
    guard case .checking = phase else { return }
    while triggered.isEmpty, isPaced(configuration.pacing, now), let pair = bestWaitingPair {
      startCheck(of: pair, .check, now)
    }
  }

  private func isPaced(_ interval: Interval, _ now: Instant) -> Bool {
    lastCheck.map { now >= $0 + interval } ?? true
  }

  private var bestWaitingPair: Int? {
    pairs.indices.filter { pairs[$0].state == .waiting }.max { priority(of: $0) < priority(of: $1) }
  }

  /// Puts a pair in the triggered-check queue (RFC 8445 §7.3.1.4).
  mutating func trigger(_ pair: Int) {
    if pairs[pair].state != .succeeded { pairs[pair].state = .waiting }
    if !triggered.contains(pair) { triggered.append(pair) }
  }

  mutating func startCheck(of pair: Int, _ purpose: Transaction.Purpose, _ now: Instant) {
    guard maySend(to: pairs[pair].remote) else {
      drops.suppressedChecks &+= 1
      fail(pair)
      return
    }
    for index in transactions.indices where transactions[index].pair == pair {
      transactions[index].isCancelled = true
    }
    if transactions.count >= ICELimits.transactions, let old = transactions.firstIndex(where: { $0.isCancelled }) {
      transactions.remove(at: old)
    }
    let rto = purpose == .consent ? configuration.consentLifetime : currentRTO
    let preference = localCandidates[base(of: pair)].preference
    let transaction = Transaction(
      id: TransactionID(tag: transactionTag, number: generator.next()), pair: pair, purpose: purpose, role: role,
      tieBreaker: tieBreaker, priority: Candidate.priority(.peerReflexive, preference: preference), firstSent: now,
      rto: rto, due: now + rto)
    transactions.append(transaction)
    pairs[pair].statistics.requestsSent &+= 1
    switch purpose {
    case .consent: pairs[pair].statistics.consentRequestsSent &+= 1
    case .check, .nomination:
      lastCheck = now
      if pairs[pair].state != .succeeded { pairs[pair].state = .inProgress }
    }
    transmit(transaction, now)
  }

  private mutating func transmit(_ transaction: Transaction, _ now: Instant) {
    pairs[transaction.pair].lastSent = now
    remoteRecords[pairs[transaction.pair].remote].unanswered &+= 1
    send(.request(transaction), transaction.id, on: pairs[transaction.pair].path)
  }

  /// An IP address that has never answered gets no more than its share.
  private func maySend(to remote: Int) -> Bool {
    guard let address = remoteCandidates[remote].socketAddress?.address else { return false }
    var unanswered = 0
    for index in remoteCandidates.indices where remoteCandidates[index].socketAddress?.address == address {
      if remoteRecords[index].hasAnswered { return true }
      unanswered &+= remoteRecords[index].unanswered
    }
    return unanswered < ICELimits.unansweredRequests
  }

  /// RFC 8445 §14.3: more checks in the air, more patience for each.
  private var currentRTO: Interval {
    let active = pairs.count { $0.state == .waiting || $0.state == .inProgress }
    return max(configuration.minimumRTO, configuration.pacing * Int64(active))
  }

  // MARK: Resends and timeouts

  private mutating func expireTransactions(_ now: Instant) {
    var index = 0
    while index < transactions.count {
      guard transactions[index].due <= now else {
        index += 1
        continue
      }
      let transaction = transactions[index]
      let mayResend = !transaction.isCancelled && transaction.purpose != .consent
      let maximumSends = isReplaceableNomination(transaction) ? Self.nominationSends : configuration.maximumSends
      if mayResend, transaction.sends < maximumSends, maySend(to: pairs[transaction.pair].remote) {
        transactions[index].sends += 1
        // RFC 8489 §6.2.1: 0, 1, 3, 7 … RTOs; after the last send Rm RTOs.
        let doublings = Int64(1) << Int64(transaction.sends)
        let isLast = transactions[index].sends == configuration.maximumSends
        transactions[index].due = now + transaction.rto * (isLast ? configuration.finalWait : doublings)
        transmit(transactions[index], now)
        index += 1
      } else {
        transactions.remove(at: index)
        if mayResend { fail(transaction.pair) }
      }
    }
  }

  /// A nomination that goes unanswered is given up early when there is another valid pair: 3.5 s instead of 39.5.
  private func isReplaceableNomination(_ transaction: Transaction) -> Bool {
    transaction.purpose == .nomination
      && pairs.indices.contains { $0 != transaction.pair && pairs[$0].state == .succeeded }
  }

  private static let nominationSends = 3

  /// A check of the pair has failed for good.
  mutating func fail(_ pair: Int) {
    if nominating == pair { nominating = nil }
    if case .connected(let connection) = phase, connection.pair == pair { return }  // consent decides
    pairs[pair].state = .failed
  }

  // MARK: Consent

  private mutating func checkConsent(_ now: Instant) {
    guard case .connected(var connection) = phase else { return }
    if let last = pairs[connection.pair].lastResponse, now - last >= configuration.consentLifetime {
      end(.consentExpired)
      return
    }
    guard connection.nextConsentCheck <= now else { return }
    if connection.unanswered >= 2, !connection.isDisconnected {
      connection.isDisconnected = true
      emit(.disconnected)
    }
    connection.unanswered &+= 1
    connection.nextConsentCheck = now + nextConsentInterval()
    phase = .connected(connection)
    startCheck(of: connection.pair, .consent, now)
  }

  /// RFC 7675 §5.1: between 0.8 and 1.2 of the interval, so that sessions do not check in step.
  mutating func nextConsentInterval() -> Interval {
    let fifth = configuration.consentInterval.nanoseconds / 5
    let spread = UInt64(truncatingIfNeeded: max(1, 2 * fifth))
    return configuration.consentInterval - .nanoseconds(fifth)
      + .nanoseconds(Int64(truncatingIfNeeded: generator.next() % spread))
  }

  // MARK: The end

  private mutating func concludeWithoutPath(_ now: Instant) {
    guard case .checking(let since) = phase, now >= since + patience else { return }
    guard !pairs.contains(where: { $0.state == .waiting || $0.state == .inProgress }), nominating == nil else { return }
    if hasValidPair {
      end(.notNominated)
    } else if pairs.isEmpty {
      end(.noRemoteCandidates)
    } else {
      end(.checksFailed)
    }
  }

  /// A peer that controls may be as patient as we are before it nominates.
  private var patience: Interval {
    hasValidPair ? configuration.patience * 2 : configuration.patience
  }

  private mutating func end(_ reason: ICEFailure.Reason) {
    phase = .failed
    transactions.removeAll()
    triggered.removeAll()
    let failure = ICEFailure(
      reason: reason, pairs: pairs.count, requestsSent: pairs.reduce(0) { $0 &+ $1.statistics.requestsSent },
      responsesReceived: pairs.reduce(0) { $0 &+ $1.statistics.responsesReceived },
      requestsReceived: pairs.reduce(0) { $0 &+ $1.statistics.requestsReceived }, hiddenCandidates: hiddenCandidates)
    emit(.failed(failure))
  }

  // MARK: The next time

  private func nextDeadline(_ now: Instant) -> Instant? {
    var next = Instant.distantFuture
    for transaction in transactions { next = min(next, transaction.due) }
    switch phase {
    case .new, .failed: return nil
    case .checking(let since):
      if now < since + patience { next = min(next, since + patience) }
      if let nominationTime { next = min(next, nominationTime) }
      if pairs.contains(where: { $0.state == .waiting }) {
        next = min(next, lastCheck.map { $0 + configuration.pacing } ?? now)
      }
    case .connected(let connection):
      next = min(next, connection.nextConsentCheck)
      if let last = pairs[connection.pair].lastResponse { next = min(next, last + configuration.consentLifetime) }
    }
    if !triggered.isEmpty { next = min(next, lastCheck.map { $0 + configuration.triggeredPacing } ?? now) }
    return next == .distantFuture ? nil : next
  }
}
