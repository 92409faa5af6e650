internal import Wire

/// What is told to a client whose request is refused: RFC 9457, `application/problem+json`. The detail says what was wrong and what
/// to do about it.
struct Problem: Error, Equatable {
  let kind: Kind
  let detail: String
  /// When to try again.
  var retryAfter: Interval?
  /// What may be done instead, for 405: `GET, HEAD`.
  var allow: String?
  /// Which format is taken, for 415.
  var accepts: Format?

  init(_ kind: Kind, _ detail: String, retryAfter: Interval? = nil, allow: String? = nil, accepts: Format? = nil) {
    self.kind = kind
    self.detail = detail
    self.retryAfter = retryAfter
    self.allow = allow
    self.accepts = accepts
  }

  enum Format: String {
    case offer = "application/sdp"
    case fragment = "application/trickle-ice-sdpfrag"
  }

  enum Kind: String {
    case malformed
    case originNotAllowed = "origin-not-allowed"
    case notFound = "not-found"
    case noSuchViewer = "no-such-viewer"
    case methodNotAllowed = "method-not-allowed"
    case notAcceptable = "not-acceptable"
    case timeout = "request-timeout"
    case lengthRequired = "length-required"
    case preconditionFailed = "precondition-failed"
    case contentTooLarge = "content-too-large"
    case targetTooLong = "target-too-long"
    case unsupportedMediaType = "unsupported-media-type"
    case expectationFailed = "expectation-failed"
    case misdirected = "host-not-served"
    case unacceptable = "offer-not-acceptable"
    case restartUnsupported = "ice-restart-unsupported"
    case preconditionRequired = "precondition-required"
    case tooManyRequests = "too-many-requests"
    case headTooLarge = "head-too-large"
    case `internal` = "internal-error"
    case methodUnknown = "method-unknown"
    case tooManyViewers = "too-many-viewers"
    case tooManyConnections = "too-many-connections"
    case unavailable
    case noAnswer = "no-answer"
    case versionNotSupported = "version-not-supported"

    var status: Int {
      switch self {
      case .malformed: 400
      case .originNotAllowed: 403
      case .notFound, .noSuchViewer: 404
      case .methodNotAllowed: 405
      case .notAcceptable: 406
      case .timeout: 408
      case .lengthRequired: 411
      case .preconditionFailed: 412
      case .contentTooLarge: 413
      case .targetTooLong: 414
      case .unsupportedMediaType: 415
      case .expectationFailed: 417
      case .misdirected: 421
      case .unacceptable, .restartUnsupported: 422
      case .preconditionRequired: 428
      case .tooManyRequests: 429
      case .headTooLarge: 431
      case .internal: 500
      case .methodUnknown: 501
      case .tooManyViewers, .tooManyConnections, .unavailable: 503
      case .noAnswer: 504
      case .versionNotSupported: 505
      }
    }

    var title: String {
      switch self {
      case .malformed: "The request cannot be read"
      case .originNotAllowed: "Pages of this origin may not do this"
      case .notFound: "There is nothing here"
      case .noSuchViewer: "There is no such viewer"
      case .methodNotAllowed: "This cannot be done here"
      case .notAcceptable: "The answer would not be accepted"
      case .timeout: "The request took too long"
      case .lengthRequired: "The length of the body is missing"
      case .preconditionFailed: "The ICE session has changed"
      case .contentTooLarge: "The body is too large"
      case .targetTooLong: "The path is too long"
      case .unsupportedMediaType: "The body has the wrong format"
      case .expectationFailed: "The expectation cannot be met"
      case .misdirected: "This name is not served here"
      case .unacceptable: "The offer cannot be accepted"
      case .restartUnsupported: "ICE restarts are not supported"
      case .preconditionRequired: "If-Match is missing"
      case .tooManyRequests: "Too many requests"
      case .headTooLarge: "The header is too large"
      case .internal: "Something went wrong on the device"
      case .methodUnknown: "The method is unknown"
      case .tooManyViewers: "All places are taken"
      case .tooManyConnections: "Too many connections"
      case .unavailable: "The device cannot serve now"
      case .noAnswer: "The device did not answer in time"
      case .versionNotSupported: "The HTTP version is not supported"
      }
    }
  }

  static func malformed(_ detail: String) -> Problem { Problem(.malformed, detail) }

  static let headTooLarge = Problem(
    .headTooLarge,
    "The header may have \(HTTPRequestParser.maximumFields) lines and \(HTTPRequestParser.maximumHead) bytes.")
  static let targetTooLong = Problem(
    .targetTooLong, "The first line may have \(HTTPRequestParser.maximumRequestLine) bytes.")

  init(_ error: SignalingError) {
    switch error {
    case .malformed(let detail):
      self.init(.malformed, detail)
    case .unacceptable(let detail):
      self.init(.unacceptable, detail)
    case .tooManyViewers(let limit, let retryAfter):
      let people = limit == 1 ? "one viewer" : "\(limit) viewers"
      self.init(
        .tooManyViewers,
        "This device serves \(people) at once. Try again when one has left, or raise the limit in its configuration.",
        retryAfter: retryAfter)
    case .noSuchViewer:
      self.init(.noSuchViewer, "It has ended, or the device has restarted since. Send a new offer.")
    case .preconditionFailed:
      self.init(
        .preconditionFailed, "If-Match names an ICE session that is over. Use the newest ETag, or send a new offer.")
    case .restartUnsupported:
      self.init(.restartUnsupported, "Send a new offer instead, and end this viewer by DELETE.")
    case .unavailable(let detail, let retryAfter):
      self.init(.unavailable, detail, retryAfter: retryAfter)
    case .internal(let detail):
      self.init(.internal, detail)
    }
  }

  var response: HTTPResponse {
    let json =
      "{\"type\":\"urn:perch:problem:\(kind.rawValue)\",\"title\":\"\(Self.escape(kind.title))\","
      + "\"status\":\(kind.status),\"detail\":\"\(Self.escape(detail))\"}\n"
    var response = HTTPResponse.text(kind.status, json, type: "application/problem+json")
    response.set("Cache-Control", "no-store")
    if let retryAfter {
      // Whole seconds (RFC 9110 §10.2.3), rounded up: too early is refused again.
      response.set("Retry-After", "\(max(1, (retryAfter.milliseconds + 999) / 1000))")
    }
    if let allow { response.set("Allow", allow) }
    switch accepts {
    case .offer: response.set("Accept-Post", Format.offer.rawValue)
    case .fragment: response.set("Accept-Patch", Format.fragment.rawValue)
    case nil: break
    }
    return response
  }

  /// RFC 8259 §7.
  private static func escape(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": escaped += "\\\(scalar)"
      case "\u{0}"..."\u{1F}":
        let digits = String(scalar.value, radix: 16)
        escaped += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
