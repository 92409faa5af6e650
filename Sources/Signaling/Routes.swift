internal import Wire

/// What each request gets: a response at once, or a question to the service whose answer becomes one. Confined to the `http` thread;
/// knows neither sockets nor time of its own.
///
/// WHEP is draft-ietf-wish-whep in the way of RFC 9725: the player offers, `201` carries the answer.
struct Routes {
  private let service: any ViewerService
  private let policy: AccessPolicy
  private let page: Page
  private var budget: OfferBudget
  private var generator: any RandomNumberGenerator

  init(_ configuration: HTTPConfiguration, service: any ViewerService, generator: any RandomNumberGenerator) {
    self.service = service
    self.generator = generator
    policy = AccessPolicy(configuration)
    page = Page(folder: configuration.pageFolder)
    budget = OfferBudget(burst: configuration.offerBurst, interval: configuration.offerInterval)
  }

  /// What the service said, on its way back to the connection that asked.
  enum Answer: Sendable {
    case created(ViewerID, Result<ViewerAnswer, SignalingError>)
    case updated(Result<ViewerUpdate, SignalingError>)
    case removed(Result<Void, SignalingError>)
    case statistics(Result<String, SignalingError>)
    case health(Result<String, SignalingError>)
  }

  enum Outcome {
    case respond(HTTPResponse)
    /// The service has been asked.
    case wait
  }

  /// Handles a request.
  ///
  /// - Parameter deliver: takes the service's answer, on a thread of the service's.
  mutating func handle(
    _ request: HTTPRequest, from client: SocketAddress, now: Instant, deliver: @escaping @Sendable (Answer) -> Void
  ) -> Outcome {
    do throws(Problem) {
      try policy.checkHost(request)
      let route = try Route(request.path)
      if request.method == "OPTIONS" { return .respond(options(route, request)) }
      guard route.methods.contains(request.method) else {
        let isKnown = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT"].contains(request.method)
        throw Problem(
          isKnown ? .methodNotAllowed : .methodUnknown, "Use \(route.methods.joined(separator: ", ")) here.",
          allow: route.allow)
      }
      switch route {
      case .endpoint:
        try policy.checkOrigin(request)
        try create(request, from: client, now: now, deliver)
      case .viewer(let viewer) where request.method == "DELETE":
        try policy.checkOrigin(request)
        service.removeViewer(viewer, reply: Reply { deliver(.removed($0)) })
      case .viewer(let viewer):
        try policy.checkOrigin(request)
        try update(viewer, request, deliver)
      case .statistics:
        service.statistics(reply: Reply { deliver(.statistics($0)) })
      case .health:
        service.statistics(reply: Reply { deliver(.health($0)) })
      case .page:
        guard let response = page.response(to: request) else {
          throw Problem(.notFound, "The page is at “/”, WHEP at “/whep”, statistics at “/api/stats”.")
        }
        return .respond(response)
      case .all:
        throw .malformed("“*” is for OPTIONS only.")
      }
      return .wait
    } catch {
      return .respond(error.response)
    }
  }

  /// Makes a response of the service's answer.
  func response(to answer: Answer) -> HTTPResponse {
    do throws(SignalingError) {
      var response: HTTPResponse
      switch answer {
      case .created(let viewer, let result):
        let answer = try result.get()
        response = .text(201, answer.sdp, type: Problem.Format.offer.rawValue)
        response.set("Location", "\(Route.endpointPath)/\(viewer.text)")
        response.set("ETag", "\"\(answer.entityTag)\"")
        response.set("Accept-Patch", Problem.Format.fragment.rawValue)
      case .updated(let result):
        switch try result.get() {
        case .accepted:
          response = HTTPResponse(status: 204)
        case .restarted(let fragment, let entityTag):
          response = .text(200, fragment, type: Problem.Format.fragment.rawValue)
          response.set("ETag", "\"\(entityTag)\"")
        }
      case .removed(let result):
        try result.get()
        response = HTTPResponse(status: 200)
      case .statistics(let result):
        response = .text(200, try result.get(), type: "application/json")
      case .health(let result):
        _ = try result.get()
        response = .text(200, "ok\n", type: "text/plain; charset=utf-8")
      }
      response.set("Cache-Control", "no-store")
      return response
    } catch {
      return Problem(error).response
    }
  }

  /// Ends a viewer whose player has gone before the answer came.
  func discard(_ answer: Answer) {
    if case .created(let viewer, .success) = answer {
      service.removeViewer(viewer, reply: Reply { _ in })
    }
  }

  /// Adds what every response carries, errors of the parser too.
  func finish(_ response: inout HTTPResponse, to request: HTTPRequest?) {
    response.set("X-Content-Type-Options", "nosniff")
    response.set("Referrer-Policy", "no-referrer")
    if let request { policy.permit(request, in: &response) }
  }

  // MARK: WHEP

  private mutating func create(
    _ request: HTTPRequest, from client: SocketAddress, now: Instant, _ deliver: @escaping @Sendable (Answer) -> Void
  ) throws(Problem) {
    if let wait = budget.take(for: client.address, now: now) {
      throw Problem(
        .tooManyRequests, "This address has sent too many offers. Wait as long as Retry-After says.", retryAfter: wait)
    }
    try request.check(.offer, "The offer must come as application/sdp.")
    guard request.accepts(.offer) else {
      throw Problem(.notAcceptable, "The answer comes as application/sdp: allow that in Accept.")
    }
    let offer = try request.text()
    guard offer.hasPrefix("v=0") else {
      throw .malformed(
        offer.isEmpty
          ? "The body is empty; an SDP offer was expected." : "The body is not SDP: its first line is not “v=0”.")
    }
    let viewer = ViewerID.random(using: &generator)
    service.createViewer(viewer, offer: offer, from: client, reply: Reply { deliver(.created(viewer, $0)) })
  }

  private func update(
    _ viewer: ViewerID, _ request: HTTPRequest, _ deliver: @escaping @Sendable (Answer) -> Void
  ) throws(Problem) {
    try request.check(.fragment, "Candidates must come as application/trickle-ice-sdpfrag.")
    guard let condition = request["if-match"] else {
      throw Problem(.preconditionRequired, "Send If-Match with the ETag that came with the answer.")
    }
    let fragment = try request.text()
    guard !fragment.isEmpty else { throw .malformed("The body is empty; an SDP fragment was expected.") }
    service.updateViewer(
      viewer, fragment: fragment, precondition: Precondition(parsing: condition),
      reply: Reply { deliver(.updated($0)) })
  }

  private func options(_ route: Route, _ request: HTTPRequest) -> HTTPResponse {
    var response = HTTPResponse(status: 204)
    response.set("Allow", route.allow)
    switch route {
    case .endpoint: response.set("Accept-Post", Problem.Format.offer.rawValue)
    case .viewer: response.set("Accept-Patch", Problem.Format.fragment.rawValue)
    case .statistics, .health, .page, .all: break
    }
    policy.permitPreflight(request, methods: route.methods.joined(separator: ", "), in: &response)
    return response
  }
}

/// What a path names.
private enum Route {
  case endpoint
  case viewer(ViewerID)
  case statistics
  case health
  case page
  case all

  static let endpointPath = "/whep"

  init(_ path: String) throws(Problem) {
    switch path {
    case Self.endpointPath, Self.endpointPath + "/": self = .endpoint
    case "/api/stats": self = .statistics
    case "/healthz": self = .health
    case "*": self = .all
    case _ where path.hasPrefix(Self.endpointPath + "/"):
      guard let viewer = ViewerID(path.dropFirst(Self.endpointPath.count + 1)) else {
        throw Problem(SignalingError.noSuchViewer)
      }
      self = .viewer(viewer)
    default: self = .page
    }
  }

  var methods: [String] {
    switch self {
    case .endpoint: ["POST"]
    case .viewer: ["PATCH", "DELETE"]
    case .statistics, .health, .page: ["GET", "HEAD"]
    case .all: []
    }
  }

  /// The value of `Allow`.
  var allow: String { (methods + ["OPTIONS"]).joined(separator: ", ") }
}

extension HTTPRequest {
  /// Throws unless the body is of the format.
  fileprivate func check(_ format: Problem.Format, _ sentence: String) throws(Problem) {
    let type = self["content-type"]?.split(separator: ";").first?.trimmed.lowercased()
    guard type == format.rawValue else {
      throw Problem(.unsupportedMediaType, sentence, accepts: format)
    }
  }

  /// RFC 9110 §12.5.1, as far as one format needs it.
  fileprivate func accepts(_ format: Problem.Format) -> Bool {
    guard let accept = self["accept"] else { return true }
    return accept.split(separator: ",").contains { range in
      let parts = range.split(separator: ";").map { $0.trimmed.lowercased() }
      guard let type = parts.first, [format.rawValue, "application/*", "*/*"].contains(type) else { return false }
      return !parts.dropFirst().contains { ["q=0", "q=0.0", "q=0.00", "q=0.000"].contains($0) }
    }
  }

  fileprivate func text() throws(Problem) -> String {
    guard let text = String(validating: body, as: UTF8.self) else { throw .malformed("The body is not UTF-8.") }
    return text
  }
}

extension Precondition {
  /// RFC 9110 §13.1.1. What is not a list of entity tags matches nothing. Players that send the tag without its quotes are understood.
  fileprivate init(parsing text: String) {
    let parts = text.split(separator: ",").map(\.trimmed)
    if parts == ["*"] {
      self = .any
    } else {
      self = .entityTags(
        parts.filter { !$0.hasPrefix("W/") }.map { part in
          part.count >= 2 && part.hasPrefix("\"") && part.hasSuffix("\"")
            ? String(part.dropFirst().dropLast()) : String(part)
        })
    }
  }
}
