internal import ICE
package import Wire

/// Finds the session that a datagram on the shared socket is for: STUN requests by our ufrag in them, STUN responses by the tag in
/// their transaction id, everything else by the path on which the session's credentials have been proven before (RFC 7983, ICE).
///
/// What fits nobody costs one look-up and is dropped.
package struct SessionRouter {
  private var byUfrag: [UInt64: Session] = [:]
  private var byTag: [UInt32: Session] = [:]
  private var byPath: [NetworkPath: Session] = [:]
  private var paths: [ObjectIdentifier: [NetworkPath]] = [:]

  /// Paths remembered of one session: more than a viewer that changes networks has at a time.
  private static let maximumPaths = 16

  package init() {}

  package mutating func add(_ session: Session) {
    if let key = session.routingKey { byUfrag[key] = session }
    byTag[session.transactionTag] = session
  }

  package mutating func remove(_ session: Session) {
    if let key = session.routingKey { byUfrag[key] = nil }
    byTag[session.transactionTag] = nil
    for path in paths.removeValue(forKey: ObjectIdentifier(session)) ?? [] where byPath[path] === session {
      byPath[path] = nil
    }
  }

  package func session(for datagram: RawSpan, on path: NetworkPath) -> Session? {
    guard let first = datagram.byte(at: 0), first < 4 else { return byPath[path] }
    if let key = STUNMessage.routingKey(ofRequest: datagram) { return byUfrag[key] }
    return STUNMessage.transactionTag(ofResponse: datagram).flatMap { byTag[$0] }
  }

  /// The session has proven its credentials on this path.
  package mutating func learn(_ path: NetworkPath, of session: Session) {
    guard byPath[path] !== session else { return }
    byPath[path] = session
    var known = paths[ObjectIdentifier(session)] ?? []
    if known.count == Self.maximumPaths {
      let forgotten = known.removeFirst()
      if byPath[forgotten] === session { byPath[forgotten] = nil }
    }
    known.append(path)
    paths[ObjectIdentifier(session)] = known
  }
}
