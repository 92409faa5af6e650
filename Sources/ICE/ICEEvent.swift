package import Wire

/// What an ``ICEAgent`` tells its owner.
package enum ICEEvent: Equatable, Sendable {
  /// The first check has succeeded: data may be sent here although nothing is nominated yet (RFC 8445 §12.1), so DTLS
  /// can start. Comes once, before ``connected(_:)``.
  case usable(NetworkPath)
  /// A pair has been selected; or the selected one answers again after ``disconnected``.
  case connected(NetworkPath)
  /// The controlling side has nominated another pair, or a better one of several nominated ones has become valid.
  case selectedPathChanged(NetworkPath)
  /// Two consent checks in a row have gone unanswered. Sending goes on until consent expires.
  case disconnected
  /// The end: nothing may be sent any more.
  case failed(ICEFailure)
}

/// Why ICE has ended, with what a person needs to see where it broke.
package struct ICEFailure: Equatable, Sendable, CustomStringConvertible {
  package enum Reason: Equatable, Sendable {
    /// The peer has named no address that we can use, and sent no check that reached us.
    case noRemoteCandidates
    /// No check of ours has been answered.
    case checksFailed
    /// Checks succeeded, but the controlling peer has chosen no pair.
    case notNominated
    /// The peer has answered nothing for 30 s (RFC 7675).
    case consentExpired
  }

  package var reason: Reason
  package var pairs: Int
  package var requestsSent: Int
  package var responsesReceived: Int
  package var requestsReceived: Int
  /// Signalled candidates that were names (`….local`), which nobody resolved.
  package var hiddenCandidates: Int

  package init(
    reason: Reason, pairs: Int, requestsSent: Int, responsesReceived: Int, requestsReceived: Int, hiddenCandidates: Int
  ) {
    self.reason = reason
    self.pairs = pairs
    self.requestsSent = requestsSent
    self.responsesReceived = responsesReceived
    self.requestsReceived = requestsReceived
    self.hiddenCandidates = hiddenCandidates
  }

  package var description: String {
    let checks =
      "\(requestsSent) checks sent on \(pairs) pairs, \(responsesReceived) answered, \(requestsReceived) received from the peer"
    let hidden =
      hiddenCandidates > 0 ? "; \(hiddenCandidates) of the peer's addresses were hidden behind .local names" : ""
    switch reason {
    case .noRemoteCandidates: return "the peer has named no usable address and none of its checks arrived\(hidden)"
    case .checksFailed: return "no network path works: \(checks)\(hidden)"
    case .notNominated: return "the peer has not chosen a network path: \(checks)"
    case .consentExpired: return "the peer has stopped answering: \(checks)"
    }
  }
}

/// What became of a datagram.
package enum ICEDisposition: Equatable, Sendable {
  /// It carries proof of the session's credentials: other datagrams from the same remote address belong to this
  /// session.
  case authenticated
  /// It changed nothing and was counted.
  case ignored
}

/// Datagrams that were ignored.
package struct ICEDropCounts: Equatable, Sendable {
  package var malformed = 0
  /// Requests for another ufrag.
  package var unknownUfrag = 0
  /// MESSAGE-INTEGRITY missing or wrong.
  package var unauthenticated = 0
  /// Responses to no check of ours, or too late.
  package var unmatchedResponses = 0
  /// Requests beyond ``ICELimits/answersPerSecond``.
  package var overRate = 0
  /// Checks not made because the address had its share: ``ICELimits/unansweredRequests``.
  package var suppressedChecks = 0
  /// Candidates that are unusable or too many.
  package var refusedCandidates = 0
}
