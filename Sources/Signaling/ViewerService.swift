internal import Synchronization
package import Wire

/// What stands behind the HTTP server: it makes viewers out of offers. Declared here, implemented by the agent.
///
/// All calls come on the `http` thread and must not block: they pass the work on (to the `net` thread, by its mailbox) and return.
/// The answer is sent later through the ``Reply``, from any thread. A reply that is dropped without an answer fails by itself.
package protocol ViewerService: AnyObject, Sendable {
  /// Makes a viewer of an SDP offer. The offer is UTF-8 text of at most ``HTTPConfiguration/maximumBody`` bytes from somewhere on the
  /// network: nothing in it has been checked but its first line.
  ///
  /// - Parameters:
  ///   - viewer: the name of the new viewer, never used before. Should nobody be there any more when the answer comes, the server
  ///     removes the viewer again through ``removeViewer(_:reply:)``.
  ///   - client: where the request came from: for logs at debug level and for limits.
  func createViewer(_ viewer: ViewerID, offer: String, from client: SocketAddress, reply: Reply<ViewerAnswer>)

  /// Adds candidates to a viewer or restarts its ICE: an SDP fragment (RFC 8840) that has not been checked.
  ///
  /// - Parameter precondition: what `If-Match` said. RFC 9725 §4.3.1: `*` asks for an ICE restart; yet some players send it with every
  ///   fragment, so compare the `ice-ufrag` before believing it.
  func updateViewer(
    _ viewer: ViewerID, fragment: String, precondition: Precondition, reply: Reply<ViewerUpdate>)

  /// Ends a viewer.
  func removeViewer(_ viewer: ViewerID, reply: Reply<Void>)

  /// Statistics of the whole agent, printed as JSON, for `GET /api/stats`. `GET /healthz` asks too, to learn that the answer comes.
  func statistics(reply: Reply<String>)
}

/// The answer to an offer.
package struct ViewerAnswer: Sendable {
  package let sdp: String
  /// Identifies the ICE session (RFC 9725 §4.3.1), without quotes: it changes with an ICE restart. Letters, digits, `+`, `/`, `-`, `_`.
  package let entityTag: String

  package init(sdp: String, entityTag: String) {
    self.sdp = sdp
    self.entityTag = entityTag
  }
}

/// What became of a fragment.
package enum ViewerUpdate: Sendable {
  /// The candidates are taken.
  case accepted
  /// ICE was restarted; here is our side of it.
  case restarted(fragment: String, entityTag: String)
}

/// The `If-Match` of a request.
package enum Precondition: Equatable, Sendable {
  /// `*`
  case any
  /// One of these, without quotes. Weak tags never match (RFC 9110 §13.1.1) and are left out.
  case entityTags([String])

  /// Whether a viewer with this tag meets it.
  package func matches(_ entityTag: String) -> Bool {
    switch self {
    case .any: true
    case .entityTags(let tags): tags.contains(entityTag)
    }
  }
}

/// Why the agent does not do what was asked. Each becomes a status and a sentence for people: see `Problem`.
package enum SignalingError: Error, Equatable, Sendable {
  /// The offer or fragment cannot be read; the text says where and why, in a sentence.
  case malformed(String)
  /// It can be read but not served: no codec in common, no video and no audio, no fingerprint; in a sentence.
  case unacceptable(String)
  /// As many viewers watch as may.
  case tooManyViewers(limit: Int, retryAfter: Interval)
  /// No viewer of this name, or no longer.
  case noSuchViewer
  /// `If-Match` names an ICE session that is over.
  case preconditionFailed
  /// The fragment asks for an ICE restart, and this viewer cannot.
  case restartUnsupported
  /// The agent cannot serve now (starting, stopping, no camera); in a sentence.
  case unavailable(String, retryAfter: Interval)
  /// A fault of our own; in a sentence.
  case `internal`(String)
}

/// The name of a viewer and of its WHEP resource: 128 random bits, so that only who made a viewer can change or end it.
package struct ViewerID: Hashable, Sendable {
  package let high: UInt64
  package let low: UInt64

  package static func random(using generator: inout some RandomNumberGenerator) -> ViewerID {
    ViewerID(high: generator.next(), low: generator.next())
  }

  private init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Reads what ``text`` gives; nil for all else.
  package init?(_ text: some StringProtocol) {
    guard text.utf8.count == 32 else { return nil }
    var words: (UInt64, UInt64) = (0, 0)
    for byte in text.utf8 {
      let nibble: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): nibble = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): nibble = byte - UInt8(ascii: "a") + 10
      default: return nil
      }
      words = (words.0 << 4 | words.1 >> 60, words.1 << 4 | UInt64(nibble))
    }
    (high, low) = words
  }

  /// 32 hexadecimal digits. It is a secret of the viewer's: keep it out of logs.
  package var text: String {
    let padded = { (word: UInt64) in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
    return padded(high) + padded(low)
  }
}

/// Where an answer goes: once, from any thread, whether or not anybody still waits for it.
package final class Reply<Value: Sendable>: Sendable {
  private let deliver: @Sendable (Result<Value, SignalingError>) -> Void
  private let isSent = Atomic<Bool>(false)

  /// - Parameter deliver: called at most once, on the thread that sends or drops the reply.
  package init(_ deliver: @escaping @Sendable (Result<Value, SignalingError>) -> Void) {
    self.deliver = deliver
  }

  /// Sends the answer. All but the first are ignored.
  package func send(_ result: Result<Value, SignalingError>) {
    guard !isSent.exchange(true, ordering: .relaxed) else { return }
    deliver(result)
  }

  package func succeed(_ value: Value) { send(.success(value)) }
  package func fail(_ error: SignalingError) { send(.failure(error)) }

  deinit {
    guard !isSent.load(ordering: .relaxed) else { return }
    deliver(.failure(.internal("The request was lost inside the agent.")))
  }
}
