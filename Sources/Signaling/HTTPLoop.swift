internal import CWebSockets
internal import Glibc
internal import LinuxIO
internal import Wire

/// What lives on the `http` thread: the sockets, the connections, and the routes.
final class HTTPLoop {
  let configuration: HTTPConfiguration
  private(set) var routes: Routes
  private(set) var addresses: [SocketAddress] = []
  private(set) var isStopping = false
  private let mailbox: AnswerBox
  private var web: OpaquePointer?
  private var listeners: [UInt64: Int32] = [:]
  private var connections: [UInt64: HTTPConnection] = [:]
  private var connectionsPerAddress: [IPAddress: Int] = [:]
  private var lastToken: UInt64 = 0

  /// libwebsockets' own descriptors: its wake-up pipe.
  private static let ownDescriptors = 4

  init(_ configuration: HTTPConfiguration, service: any ViewerService, mailbox: AnswerBox) throws(HTTPServerError) {
    self.configuration = configuration
    self.mailbox = mailbox
    routes = Routes(configuration, service: service, generator: SystemRandomNumberGenerator())
    let descriptors = configuration.maximumConnections + configuration.listen.count + Self.ownDescriptors
    web = perch_web_make(
      UInt32(descriptors),
      { owner, token, event, bytes, count in
        let loop = Unmanaged<HTTPLoop>.fromOpaque(owner!).takeUnretainedValue()
        return loop.handle(event, of: token, UnsafeRawBufferPointer(start: bytes, count: count))
      }, Unmanaged.passUnretained(self).toOpaque(), { line in Log.error("libwebsockets: \(String(cString: line!))") })
    guard web != nil else { throw .outOfMemory }
    do {
      try listen()
    } catch {
      close()
      throw error
    }
    mailbox.attach(web)
  }

  /// Serves until the mailbox says stop.
  func run() {
    while !isStopping {
      guard perch_web_service(web) >= 0 else {
        Log.error("the HTTP server has failed and is gone")
        break
      }
      let (answers, stops) = mailbox.drain()
      for entry in answers { deliver(entry) }
      isStopping = stops
    }
    close()
  }

  /// Closes everything. After ``run()`` it has been done.
  func close() {
    mailbox.attach(nil)
    isStopping = true
    guard let web else { return }
    self.web = nil
    perch_web_free(web)
    connections = [:]
  }

  /// Now, as RFC 9110 §5.6.7 writes it.
  var date: String {
    var seconds = time_t(Clock.wall().microseconds / 1_000_000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { buffer in
      // The process runs in the C locale: it never calls setlocale.
      let count = strftime(buffer.baseAddress!, buffer.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
      return String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
  }

  // MARK: Sockets

  private func listen() throws(HTTPServerError) {
    var failure: HTTPServerError?
    for wanted in configuration.listen {
      do throws(HTTPServerError) {
        try listen(on: wanted)
      } catch {
        // A machine without IPv6: that is no reason not to serve IPv4.
        guard case .addressNotAvailable = error, wanted.address.family == .v6, configuration.listen.count > 1 else {
          throw error
        }
        Log.notice("not listening on \(wanted): this machine has no such address")
        failure = error
      }
    }
    if addresses.isEmpty, let failure { throw failure }
  }

  private func listen(on wanted: SocketAddress) throws(HTTPServerError) {
    var wanted = wanted
    if wanted.port == 0, let first = addresses.first { wanted.port = first.port }
    let socket = try ListeningSocket(wanted)
    addresses.append(socket.address)
    let descriptor = socket.release()
    lastToken += 1
    listeners[lastToken] = descriptor
    guard perch_web_watch(web, descriptor, lastToken) else {
      Glibc.close(descriptor)
      throw .outOfMemory
    }
  }

  private func handle(_ event: perch_web_event, of token: UInt64, _ bytes: UnsafeRawBufferPointer) -> Int32 {
    if let listener = listeners[token] {
      if event == perch_web_acceptable { accept(from: listener) }
      return 0
    }
    guard let connection = connections[token] else { return 0 }
    let verdict: HTTPConnection.Verdict
    switch event {
    case perch_web_received: verdict = connection.handle(bytes, self)
    case perch_web_writable: verdict = connection.handleWritable(self)
    case perch_web_expired: verdict = connection.handleTimeout(self)
    case perch_web_closed:
      forget(connection)
      return 0
    default: return 0
    }
    return verdict == .keep ? 0 : -1
  }

  private func accept(from listener: Int32) {
    // No more than we could take: a flood must not keep the loop from serving.
    for _ in 0..<configuration.maximumConnections {
      guard let (descriptor, client) = acceptConnection(of: listener) else { return }
      let network = client.address.network
      guard makeRoom(for: network) else {
        refuse(descriptor)
        continue
      }
      lastToken += 1
      guard let socket = perch_web_adopt(web, descriptor, lastToken) else { continue }
      let connection = HTTPConnection(token: lastToken, client: client, socket: socket)
      connections[lastToken] = connection
      connectionsPerAddress[network, default: 0] += 1
      connection.open(self)
    }
  }

  /// Sees to it that one more connection of a network may be opened, by closing the one that has been idle for longest if need be:
  /// browsers keep some half a minute after the page is gone. False when all are busy.
  private func makeRoom(for network: IPAddress) -> Bool {
    if !network.isLoopback, connectionsPerAddress[network] ?? 0 >= configuration.maximumConnectionsPerAddress {
      return closeLongestIdle { $0.client.address.network == network }
    }
    return connections.count < configuration.maximumConnections || closeLongestIdle { _ in true }
  }

  private func closeLongestIdle(where isConcerned: (HTTPConnection) -> Bool) -> Bool {
    let idle = connections.values.filter { $0.idleSince != nil && isConcerned($0) }
    guard let longest = idle.min(by: { $0.idleSince! < $1.idleSince! }) else { return false }
    longest.close()
    return true
  }

  /// Says why, as well as it goes without waiting, and hangs up.
  private func refuse(_ descriptor: Int32) {
    let problem = Problem(
      .tooManyConnections, "Close some, or try again when others are done.", retryAfter: .seconds(2))
    var response = problem.response
    routes.finish(&response, to: nil)
    var bytes = response.head(date: date, closes: true)
    if case .bytes(let body) = response.body { bytes += body }
    _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    shutdown(descriptor, Int32(SHUT_WR))
    Glibc.close(descriptor)
  }

  private func forget(_ connection: HTTPConnection) {
    connections[connection.token] = nil
    let network = connection.client.address.network
    let count = connectionsPerAddress[network] ?? 0
    connectionsPerAddress[network] = count > 1 ? count - 1 : nil
  }

  // MARK: Requests

  /// Hands a request of a connection to the routes.
  func route(_ request: HTTPRequest, of connection: HTTPConnection) -> Routes.Outcome {
    let (token, exchange, mailbox) = (connection.token, connection.exchange, mailbox)
    return routes.handle(request, from: connection.client, now: Clock.now()) { answer in
      mailbox.post(AnswerBox.Entry(token: token, exchange: exchange, answer: answer))
    }
  }

  /// Tokens are never used twice, so an answer for a connection that is gone finds nobody.
  private func deliver(_ entry: AnswerBox.Entry) {
    if connections[entry.token]?.handle(entry.answer, exchange: entry.exchange, self) != true {
      routes.discard(entry.answer)
    }
  }
}
