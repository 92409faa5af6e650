package import Wire

/// Where the server listens, whom it serves, and how much of anything it takes.
package struct HTTPConfiguration: Sendable {
  /// One socket each. Port 0 lets the kernel choose, the same port for all.
  package var listen: [SocketAddress]

  /// Names by which people reach this machine, lower case, without port, beside those that are always right: `localhost`, IP addresses.
  /// Checked against `Host` while all of ``listen`` is loopback, see `AccessPolicy`.
  package var hostNames: [String] = []

  /// Origins (`https://example.org`) whose pages may use WHEP and the API; `*` allows all. Pages of our own are always allowed.
  package var allowedOrigins: [String] = []

  /// A folder to read the page from instead of the copy inside the binary: for work on the page.
  package var pageFolder: String?

  /// Requests and keep-alive connections at once. A browser opens up to six.
  package var maximumConnections = 64
  /// The same for one address (an IPv6 /64 counts as one), so that one client cannot keep the others out. Not for loopback, where a
  /// reverse proxy may stand.
  package var maximumConnectionsPerAddress = 16

  /// An offer of a browser is 6 to 10 KiB.
  package var maximumBody = 64 << 10

  /// Offers that one address may send in a row, and how fast that budget comes back.
  package var offerBurst = 20
  package var offerInterval: Interval = .milliseconds(500)

  /// From the first byte of a request to its last.
  package var requestTimeout: Interval = .seconds(10)
  /// For the service to answer.
  package var replyTimeout: Interval = .seconds(8)
  /// For the client to take the response.
  package var responseTimeout: Interval = .seconds(30)
  /// How long a connection without a request stays open.
  package var keepAliveTimeout: Interval = .seconds(30)

  package init(listen: [SocketAddress]) {
    self.listen = listen
  }
}
