package import Wire

/// The timing of an ``ICEAgent``. The defaults are the RFCs'.
package struct ICEConfiguration: Sendable {
  /// Ta: between the first sends of two checks that nobody asked for (RFC 8445 §14.2).
  package var pacing: Interval = .milliseconds(50)
  /// The same for checks that answer a check of the peer, and for nominations: the least that RFC 8445 §14.2 lets Ta
  /// be. They go where an authenticated request came from, and media waits for them.
  package var triggeredPacing: Interval = .milliseconds(5)
  /// Until a check is sent again; doubles each time (RFC 8445 §14.3).
  package var minimumRTO: Interval = .milliseconds(500)
  /// How often a check is sent (Rc, RFC 8489 §6.2.1).
  package var maximumSends = 7
  /// How many RTOs after the last send a check counts as unanswered (Rm, RFC 8489 §6.2.1).
  package var finalWait: Int64 = 16
  /// For this long after the peer's credentials came ICE does not fail, so that the peer's own checks have a chance
  /// (RFC 8863 §4: as long as a check takes to fail).
  package var patience: Interval = .milliseconds(39_500)
  /// How long a controlling agent lets better pairs finish after the first valid one.
  package var nominationDelay: Interval = .milliseconds(50)
  /// Between consent checks, give or take a fifth (RFC 7675 §5.1).
  package var consentInterval: Interval = .seconds(5)
  /// Without any response for this long, nothing may be sent any more (RFC 7675 §5.1).
  package var consentLifetime: Interval = .seconds(30)

  package init() {}
}

/// What one agent takes and sends at most, whatever its peer does.
package enum ICELimits {
  /// Interface addresses, and what peers see them as.
  package static let localCandidates = 32
  /// Signalled ones. Chromium sends about a dozen with three networks.
  package static let signalledCandidates = 40
  /// Found in the source of requests. A phone that roams makes new ones for hours: unused ones are replaced.
  package static let peerReflexiveCandidates = 16
  /// How long an unused peer-reflexive candidate is safe from being replaced. Thus a peer that forges source addresses
  /// has us check at most one address in two seconds.
  package static let peerReflexiveLifetime: Interval = .seconds(30)
  package static let pairs = 100  // RFC 8445 §6.1.2.5
  /// Requests to one IP address before it has answered once, resends included: fifteen pairs to the end. Whoever
  /// signals a stranger's address has us send the stranger no more than this, on whatever ports.
  package static let unansweredRequests = 100
  /// Checks under way. There is one for each pair that is in progress and those that a newer one has replaced.
  static let transactions = 2 * pairs
  /// Requests answered in a second. Browsers send 20, and libwebrtc up to twice as many for a moment.
  package static let answersPerSecond = 200
  /// Datagrams that wait for ``ICEAgent/pollTransmit(into:)``, which comes after each call.
  static let outgoing = 256
}
