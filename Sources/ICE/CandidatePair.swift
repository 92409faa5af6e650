package import Wire

/// A local and a remote candidate, and how the checks between them go (RFC 8445 §6.1.2).
///
/// ```
///            check sent              response
///  waiting ─────────────▶ in progress ─────────▶ succeeded
///     ▲                        │                     │
///     │  check of the peer     │ timeout, error      │ nomination unanswered
///     └────────────────────────┴──── failed ◀────────┘
/// ```
///
/// RFC 8445 §6.1.2.6: one checklist, and nobody gains from waiting for another's foundation, so no pair is ever frozen.
package struct CandidatePair: Sendable {
  package enum State: Sendable {
    case waiting
    case inProgress
    case succeeded
    case failed
  }

  /// From the local candidate's base to the remote candidate.
  package internal(set) var path: NetworkPath
  /// Indices into ``ICEAgent/localCandidates`` and ``ICEAgent/remoteCandidates``. The local one becomes the
  /// peer-reflexive candidate that the peer saw, once that is known.
  package internal(set) var local: Int
  package internal(set) var remote: Int
  package internal(set) var state = State.waiting
  package internal(set) var nominated = false
  package internal(set) var statistics = Statistics()

  /// The peer controls and wants this pair as soon as it is valid (RFC 8445 §7.3.1.5).
  var isWanted = false
  /// When the peer last asked for it, and how often since it asked for the selected pair.
  var wantedAt: Instant?
  var wishes = 0
  var lastSent: Instant?
  /// Consent lives from here.
  var lastResponse: Instant?

  init(path: NetworkPath, local: Int, remote: Int) {
    self.path = path
    self.local = local
    self.remote = remote
  }

  /// As W3C webrtc-stats has them in RTCIceCandidatePairStats: without resends, consent checks included.
  package struct Statistics: Equatable, Sendable {
    package internal(set) var requestsSent = 0
    package internal(set) var requestsReceived = 0
    package internal(set) var responsesSent = 0
    package internal(set) var responsesReceived = 0
    package internal(set) var consentRequestsSent = 0
    /// Of the last check that was answered at its first send.
    package internal(set) var currentRoundTripTime: Interval?
    package internal(set) var totalRoundTripTime = Interval.zero
  }
}

/// A request under way (RFC 8489 §6.2.1).
struct Transaction {
  enum Purpose {
    case check
    /// A check with USE-CANDIDATE.
    case nomination
    /// RFC 7675 §5.1: never sent twice.
    case consent
  }

  let id: TransactionID
  let pair: Int
  let purpose: Purpose
  /// The role that the request claimed.
  let role: ICEAgent.Role
  let tieBreaker: UInt64
  let priority: UInt32
  let firstSent: Instant
  var sends = 1
  var rto: Interval
  /// When it is sent again, or given up.
  var due: Instant
  /// A newer check of the pair has taken its place: an answer still counts, a timeout does not.
  var isCancelled = false

  /// Whether it carries USE-CANDIDATE. Consent checks of the controlling side do, as libwebrtc's: then a peer that has
  /// followed another nomination, whose answer was lost, comes over.
  var nominates: Bool {
    switch purpose {
    case .check: false
    case .nomination: true
    case .consent: role == .controlling
    }
  }
}

/// A datagram that waits to be written.
struct OutgoingMessage {
  enum Content {
    case request(Transaction)
    case success
    case roleConflict
    case unknownAttributes([UInt16])
  }

  let path: NetworkPath
  let id: TransactionID
  let content: Content
}
