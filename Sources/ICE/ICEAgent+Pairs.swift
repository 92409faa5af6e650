internal import Wire

/// The checklist (RFC 8445 §6.1.2).
extension ICEAgent {
  /// RFC 8445 §6.1.2.3, by the present role.
  func priority(of pair: Int) -> UInt64 {
    let local = UInt64(localCandidates[pairs[pair].local].priority)
    let remote = UInt64(remoteCandidates[pairs[pair].remote].priority)
    let (controlling, controlled) = role == .controlling ? (local, remote) : (remote, local)
    return min(local, remote) << 32 &+ 2 &* max(local, remote) &+ (controlling > controlled ? 1 : 0)
  }

  var hasValidPair: Bool { pairs.contains { $0.state == .succeeded } }

  /// The valid pair of the highest priority.
  var bestValidPair: Int? {
    pairs.indices.filter { pairs[$0].state == .succeeded }.max { priority(of: $0) < priority(of: $1) }
  }

  /// Pairs two candidates where a datagram could pass between them (RFC 8445 §6.1.2.2); nil where none could, or when
  /// the list is full of better ones.
  /// - Parameter isProven: a request has come this way, so the pair is made whatever the addresses look like.
  @discardableResult
  mutating func formPair(local: Int, remote: Int, isProven: Bool = false) -> Int? {
    // RFC 8445 §6.1.2.4: a reflexive candidate is checked from its base, whose pair there is already.
    guard localCandidates[local].kind == .host, let base = localCandidates[local].socketAddress,
      var target = remoteCandidates[remote].socketAddress, base.address.family == target.address.family
    else { return nil }
    if target.scope == 0, target.address.family == .v6, target.address.isLinkLocal { target.scope = base.scope }
    guard isProven || Self.canReach(from: base, to: target) else { return nil }
    let path = NetworkPath(local: base, remote: target)
    if let known = pairs.firstIndex(where: { $0.path == path }) { return known }
    let pair = CandidatePair(path: path, local: local, remote: remote)
    guard pairs.count >= ICELimits.pairs else {
      pairs.append(pair)
      return pairs.count &- 1
    }
    // RFC 8445 §6.1.2.5: the least of those that nothing has come of makes room.
    let idle = pairs.indices.filter { pairs[$0].state == .waiting || pairs[$0].state == .failed }
    guard let worst = idle.min(by: { priority(of: $0) < priority(of: $1) }) else { return nil }
    let replaced = pairs[worst]
    let itsPriority = priority(of: worst)
    pairs[worst] = pair
    guard isProven || priority(of: worst) > itsPriority else {
      pairs[worst] = replaced
      return nil
    }
    forgetChecks(of: worst)
    return worst
  }

  private static func canReach(from base: SocketAddress, to target: SocketAddress) -> Bool {
    // Nobody signals us into checking our own services, and no loopback address reaches another machine.
    guard base.address.isLoopback == target.address.isLoopback else { return false }
    guard base.address.family == .v6, base.address.isLinkLocal || target.address.isLinkLocal else { return true }
    // RFC 8445 §6.1.2.2: link-local addresses are paired with each other only, and only on one link.
    return base.address.isLinkLocal == target.address.isLinkLocal && base.scope == target.scope
  }

  mutating func forgetChecks(of pair: Int) {
    transactions.removeAll { $0.pair == pair }
    triggered.removeAll { $0 == pair }
    if nominating == pair { nominating = nil }
  }

  // MARK: Candidates that checks bring to light

  /// The base candidate of a local address. One that the owner has not named (an interface that came up later) is taken
  /// up with the least preference, since a request has reached us there.
  mutating func findOrAddBase(_ address: SocketAddress) -> Int? {
    if let known = localCandidates.firstIndex(where: { $0.kind == .host && $0.isAt(address) }) { return known }
    guard localCandidates.count < ICELimits.localCandidates else { return nil }
    localCandidates.append(.host(address, preference: 0))
    return localCandidates.count &- 1
  }

  /// The local candidate that the peer sees in place of `base` (RFC 8445 §7.2.5.3.1); the base itself when there are
  /// too many.
  mutating func findOrAddLocalPeerReflexive(_ address: SocketAddress, base: Int, priority: UInt32) -> Int {
    if let known = localCandidates.firstIndex(where: { $0.isAt(address) }) { return known }
    guard localCandidates.count < ICELimits.localCandidates, let baseAddress = localCandidates[base].socketAddress
    else {
      return base
    }
    localCandidates.append(
      Candidate(
        kind: .peerReflexive, foundation: Candidate.foundation(.peerReflexive, baseAddress.address),
        priority: priority, address: .ip(address), relatedAddress: baseAddress))
    return localCandidates.count &- 1
  }

  /// The remote candidate that a request came from (RFC 8445 §7.3.1.3). Nil when there are too many that are in use.
  mutating func findOrAddRemote(_ address: SocketAddress, priority: UInt32, now: Instant) -> Int? {
    if let known = remoteCandidates.firstIndex(where: { $0.isAt(address) }) {
      remoteRecords[known].lastUsed = now
      return known
    }
    let candidate = Candidate(
      kind: .peerReflexive, foundation: Candidate.foundation(.peerReflexive, address.address), priority: priority,
      address: .ip(address))
    if remoteCandidates.count(where: { $0.kind == .peerReflexive }) < ICELimits.peerReflexiveCandidates {
      remoteCandidates.append(candidate)
      remoteRecords.append(RemoteRecord(lastUsed: now))
      return remoteCandidates.count &- 1
    }
    let selected = selectedPair?.remote
    let unused = remoteCandidates.indices.filter {
      remoteCandidates[$0].kind == .peerReflexive && $0 != selected
        && now - remoteRecords[$0].lastUsed >= ICELimits.peerReflexiveLifetime
    }
    guard let oldest = unused.min(by: { remoteRecords[$0].lastUsed < remoteRecords[$1].lastUsed }) else { return nil }
    remoteCandidates[oldest] = candidate
    remoteRecords[oldest] = RemoteRecord(lastUsed: now)
    for pair in pairs.indices where pairs[pair].remote == oldest {
      // Its pairs go on as the new candidate's, untried: the request that brought it will trigger the one that works.
      forgetChecks(of: pair)
      pairs[pair] = CandidatePair(
        path: NetworkPath(local: pairs[pair].path.local, remote: address), local: base(of: pair), remote: oldest)
      pairs[pair].state = .failed
    }
    return oldest
  }

  /// The pair's local candidate as it was before the peer's view of it was known.
  func base(of pair: Int) -> Int {
    localCandidates.firstIndex { $0.kind == .host && $0.socketAddress == pairs[pair].path.local } ?? pairs[pair].local
  }
}
