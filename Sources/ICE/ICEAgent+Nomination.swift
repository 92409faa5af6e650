internal import Wire

/// How one of the valid pairs becomes the selected one (RFC 8445 §8).
extension ICEAgent {
  /// Pairs whose round trips differ by less than this are equally fast; then priority decides.
  private static let equalRoundTrips: Interval = .milliseconds(10)
  /// A controlled agent follows a nomination of a pair of lower priority than the selected one when the peer has asked
  /// this often, or when it has not asked for the selected one for this long. Under aggressive nomination (RFC 5245
  /// §8.1.1.1) a browser asks for each pair once or twice at the start, and the best is meant; when it changes networks
  /// it insists.
  private static let wishesToFollow = 3
  private static let settlingTime: Interval = .seconds(5)
  /// A pair that has answered longer ago than this is checked again before it is selected.
  private static let freshness: Interval = .seconds(15)

  // MARK: Controlling

  /// When to nominate although better pairs are still being checked; nil while there is nothing to nominate.
  var nominationTime: Instant? {
    guard case .checking = phase, role == .controlling, nominating == nil, hasValidPair else { return nil }
    return firstValid.map { $0 + configuration.nominationDelay }
  }

  /// Regular nomination: the best of the valid pairs is checked once more, with USE-CANDIDATE.
  mutating func nominate(_ now: Instant) {
    guard let nominationTime, let best = bestValidPair else { return }
    let bestPriority = priority(of: best)
    let isBetterPending = pairs.indices.contains {
      (pairs[$0].state == .waiting || pairs[$0].state == .inProgress) && priority(of: $0) > bestPriority
    }
    guard now >= nominationTime || !isBetterPending, let pair = pairToNominate else { return }
    nominating = pair
    triggered.removeAll { $0 == pair }
    triggered.insert(pair, at: 0)
  }

  /// Direct before relayed, then the fastest; of about equally fast ones that of the highest priority.
  private var pairToNominate: Int? {
    let valid = pairs.indices.filter { pairs[$0].state == .succeeded }
    let direct = valid.filter {
      localCandidates[pairs[$0].local].kind != .relayed && remoteCandidates[pairs[$0].remote].kind != .relayed
    }
    let choice = direct.isEmpty ? valid : direct
    guard let fastest = choice.map({ roundTrip(of: $0) }).min() else { return nil }
    return choice.filter { roundTrip(of: $0) <= fastest + Self.equalRoundTrips }
      .max { priority(of: $0) < priority(of: $1) }
  }

  private func roundTrip(of pair: Int) -> Interval {
    pairs[pair].statistics.currentRoundTripTime ?? configuration.minimumRTO
  }

  // MARK: Controlled

  /// The peer's check has USE-CANDIDATE (RFC 8445 §7.3.1.5).
  mutating func noteNomination(of pair: Int, _ now: Instant) {
    pairs[pair].isWanted = true
    pairs[pair].wantedAt = now
    pairs[pair].wishes &+= 1
    if case .connected(let connection) = phase, connection.pair == pair {
      for index in pairs.indices { pairs[index].wishes = 0 }
      return
    }
    guard pairs[pair].state == .succeeded else { return }
    if let last = pairs[pair].lastResponse, now - last < Self.freshness {
      considerSelecting(pair, now)
    } else {
      trigger(pair)
    }
  }

  /// Selects a valid pair that the peer wants, unless it wants the selected one more.
  mutating func considerSelecting(_ pair: Int, _ now: Instant) {
    guard case .connected(let connection) = phase else { return select(pair, now) }
    guard connection.pair != pair else { return }
    let isInsisting = pairs[pair].wishes >= Self.wishesToFollow
    // Only what it asked for after the selected one: an old wish does not come true by itself.
    let isLater: Bool
    if let selectedAt = pairs[connection.pair].wantedAt {
      isLater = pairs[pair].wantedAt.map { $0 - selectedAt >= Self.settlingTime } ?? false
    } else {
      isLater = true  // we chose it, while we controlled
    }
    if isInsisting || isLater || priority(of: pair) > priority(of: connection.pair) { select(pair, now) }
  }

  // MARK: Either

  mutating func select(_ pair: Int, _ now: Instant) {
    let wasConnected: Bool
    switch phase {
    case .connected(let connection):
      guard connection.pair != pair else { return }
      // Should it come back to life, the peer must ask again.
      pairs[connection.pair].isWanted = false
      wasConnected = true
    case .checking: wasConnected = false
    case .new, .failed: return
    }
    pairs[pair].nominated = true
    for index in pairs.indices { pairs[index].wishes = 0 }
    phase = .connected(Connection(pair: pair, nextConsentCheck: now + nextConsentInterval()))
    emit(wasConnected ? .selectedPathChanged(pairs[pair].path) : .connected(pairs[pair].path))
    // RFC 8445 §8.1.2: checks of lesser pairs are not sent again. They wait for the peer to ask.
    let selected = priority(of: pair)
    for index in pairs.indices where pairs[index].state == .inProgress && priority(of: index) < selected {
      transactions.removeAll { $0.pair == index }
      pairs[index].state = .waiting
    }
  }
}
