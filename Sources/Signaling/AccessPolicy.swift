internal import Wire

/// Which requests are heard at all, by where they claim to go and to come from.
///
/// **Host.** While the server listens on loopback alone, the reason that others cannot watch is that they cannot reach it. A page of
/// another site could, in a browser on this machine, by pointing its own name at 127.0.0.1 once it is loaded (DNS rebinding): to the
/// browser it then *is* that site. But the request still carries the site's name in `Host`. So on loopback only IP addresses,
/// `localhost` and the configured names are served. On other addresses the name is not checked: who can reach the port may watch, by
/// whatever name the network has for the machine.
///
/// **Origin.** A page of another origin gets nothing without CORS, but may *send* simple requests. Ours are not simple, so browsers
/// ask first (preflight); in addition a request that changes something and names a foreign origin is refused.
struct AccessPolicy {
  private let allowedOrigins: [String]
  /// Nil: any name is served.
  private let servedNames: [String]?

  init(_ configuration: HTTPConfiguration) {
    allowedOrigins = configuration.allowedOrigins
    let isLocal = configuration.listen.allSatisfy(\.address.isLoopback)
    servedNames = isLocal ? ["localhost"] + configuration.hostNames.map { $0.lowercased() } : nil
  }

  /// Throws when the name in `Host` is not ours.
  func checkHost(_ request: HTTPRequest) throws(Problem) {
    guard let servedNames, let host = request["host"] else { return }
    let name = Self.name(ofHost: host)
    guard IPAddress(name) == nil, !servedNames.contains(name), !name.hasSuffix(".localhost") else { return }
    throw Problem(
      .misdirected,
      "The device listens on loopback only and does not know the name “\(name)”. Open it as localhost, "
        + "or add the name to http.host_names in its configuration.")
  }

  /// What the `Origin` of a request means for it.
  enum Origin: Equatable {
    /// None, or a page of our own.
    case own
    /// A page that the configuration allows.
    case allowed(String)
    case foreign
  }

  func origin(of request: HTTPRequest) -> Origin {
    guard let origin = request["origin"] else { return .own }
    // A page of our own: the same host and port. The scheme may differ behind a proxy that ends TLS.
    if let host = request["host"]?.lowercased(), !host.isEmpty,
      origin.lowercased() == "http://\(host)" || origin.lowercased() == "https://\(host)"
    {
      return .own
    }
    return allowedOrigins.contains("*") || allowedOrigins.contains(origin) ? .allowed(origin) : .foreign
  }

  /// Throws when a foreign page would change something.
  func checkOrigin(_ request: HTTPRequest) throws(Problem) {
    guard origin(of: request) == .foreign else { return }
    throw Problem(
      .originNotAllowed,
      "Only the device's own page may do this. Add the other page's origin to http.allowed_origins in the configuration."
    )
  }

  /// Adds what lets a page of another origin read the response (the Fetch standard's CORS protocol).
  func permit(_ request: HTTPRequest, in response: inout HTTPResponse) {
    if !allowedOrigins.isEmpty { response.set("Vary", "Origin") }
    guard case .allowed(let origin) = origin(of: request) else { return }
    response.set("Access-Control-Allow-Origin", allowedOrigins.contains("*") ? "*" : origin)
    response.set("Access-Control-Expose-Headers", "Location, ETag, Link, Retry-After, Accept-Patch")
  }

  /// Adds what a preflight asks for.
  func permitPreflight(_ request: HTTPRequest, methods: String, in response: inout HTTPResponse) {
    guard case .allowed = origin(of: request), request["access-control-request-method"] != nil else { return }
    response.set("Access-Control-Allow-Methods", methods)
    response.set("Access-Control-Allow-Headers", "Content-Type, If-Match, Authorization")
    response.set("Access-Control-Max-Age", "86400")
  }

  /// The host without port and brackets, lower case.
  private static func name(ofHost host: String) -> String {
    let host = host.lowercased()
    if host.hasPrefix("["), let end = host.firstIndex(of: "]") {
      return String(host[host.index(after: host.startIndex)..<end])
    }
    let name = host.firstIndex(of: ":").map { host[..<$0] } ?? host[...]
    return String(name.hasSuffix(".") ? name.dropLast() : name)
  }
}
