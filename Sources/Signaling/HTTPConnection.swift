internal import CWebSockets
internal import LinuxIO
internal import Wire

/// One connection of a client: requests in, responses out, one at a time and in order, however many the client sends ahead.
///
/// ```
///            whole request            answer                all sent
///  reading ───────────────▶ waiting ─────────▶ responding ───────────▶ reading          (keep-alive)
///     │      at once: ────────────────────────────▲   └──────────────▶ ending ──▶ closed
///     └──── error, timeout ───────────────────────┘                     (our side is closed; what still comes is thrown away,
///                                                                        or the client would lose the response to a reset)
/// ```
///
/// Confined to the `http` thread. Each phase has one deadline, kept by the socket's timer.
final class HTTPConnection {
  let token: UInt64
  let client: SocketAddress
  private let socket: OpaquePointer
  private var parser = HTTPRequestParser()
  private var phase = Phase.reading
  private var isReadingStopped = false
  /// Whether the timer for the request that is coming runs.
  private var isTimingRequest = false
  /// Counts requests, so that an answer that comes late does not go to the next one.
  private(set) var exchange: UInt64 = 0
  /// When it was opened, or was done with its last request.
  private var lastUsed: Instant

  private enum Phase {
    case reading
    case waiting(HTTPRequest)
    case responding(Outgoing, closes: Bool)
    case ending(thrownAway: Int)
  }

  /// A response on its way.
  private struct Outgoing {
    var head: [UInt8]
    let body: HTTPResponse.Body
    var sent = 0
    var count: Int { head.count + body.count }
  }

  /// What to do with the connection after an event.
  enum Verdict { case keep, close }

  /// A client that sends ahead while its request is being answered may do so up to here; then we stop reading.
  private static let maximumAhead = 16 << 10
  /// How much of a refused body is read to its end, and how long we wait for it.
  private static let maximumThrownAway = 1 << 20
  private static let endingTimeout: Interval = .seconds(1)
  /// Bytes a write: what the kernel does not take is copied by libwebsockets.
  private static let chunk = 16 << 10

  init(token: UInt64, client: SocketAddress, socket: OpaquePointer) {
    self.token = token
    self.client = client
    self.socket = socket
    lastUsed = Clock.now()
  }

  /// Since when there has been no request; nil while there is one.
  var idleSince: Instant? {
    if case .reading = phase, !parser.isInsideRequest { lastUsed } else { nil }
  }

  /// The connection is open.
  func open(_ server: HTTPLoop) {
    setTimer(server.configuration.keepAliveTimeout)
  }

  /// Ends it at once, which makes the loop forget it. Not from within one of its own events.
  func close() {
    perch_web_close(socket)
  }

  /// Bytes came.
  func handle(_ bytes: UnsafeRawBufferPointer, _ server: HTTPLoop) -> Verdict {
    switch phase {
    case .reading:
      parser.append(bytes)
      advance(server)
    case .waiting, .responding:
      parser.append(bytes)
      if parser.pendingCount > Self.maximumAhead { setReading(false) }
    case .ending(let thrownAway):
      guard thrownAway + bytes.count <= Self.maximumThrownAway else { return .close }
      phase = .ending(thrownAway: thrownAway + bytes.count)
    }
    return .keep
  }

  /// The service has answered request `exchange`. False: nobody waits for that any more.
  func handle(_ answer: Routes.Answer, exchange: UInt64, _ server: HTTPLoop) -> Bool {
    guard case .waiting(let request) = phase, exchange == self.exchange else { return false }
    respond(server.routes.response(to: answer), to: request, closes: !request.keepsAlive, server)
    return true
  }

  /// The phase's time is over.
  func handleTimeout(_ server: HTTPLoop) -> Verdict {
    switch phase {
    case .reading:
      guard parser.isInsideRequest else { return .close }
      respond(
        Problem(.timeout, "A request must arrive whole within \(server.configuration.requestTimeout.milliseconds) ms.")
          .response, to: nil, closes: true, server)
      return .keep
    case .waiting(let request):
      respond(
        Problem(.noAnswer, "Try again; if it stays so, look at the device's log.", retryAfter: .seconds(2)).response,
        to: request, closes: true, server)
      return .keep
    case .responding:
      perch_web_abandon(socket)
      return .close
    case .ending:
      return .close
    }
  }

  /// The kernel takes bytes again.
  func handleWritable(_ server: HTTPLoop) -> Verdict {
    guard case .responding(var outgoing, let closes) = phase else { return .keep }
    if outgoing.sent < outgoing.count {
      guard send(&outgoing) else { return .close }
      phase = .responding(outgoing, closes: closes)
    }
    guard outgoing.sent == outgoing.count, !perch_web_is_flushing(socket) else {
      perch_web_want_write(socket)
      return .keep
    }
    setReading(true)
    if closes {
      phase = .ending(thrownAway: 0)
      perch_web_finish(socket)
      setTimer(Self.endingTimeout)
    } else {
      phase = .reading
      lastUsed = Clock.now()
      isTimingRequest = false
      advance(server)
    }
    return .keep
  }

  // MARK: Requests

  /// Takes the next request out of what has come, if it is whole.
  private func advance(_ server: HTTPLoop) {
    do throws(Problem) {
      if let request = try parser.next(maximumBody: server.configuration.maximumBody) {
        begin(request, server)
        return
      }
      if parser.wantsContinue {
        parser.wantsContinue = false
        let interim = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
        // A failure shows as the end of the connection.
        _ = interim.withUnsafeBytes { perch_web_write(socket, $0.baseAddress, $0.count) }
      }
      if !parser.isInsideRequest {
        setTimer(server.configuration.keepAliveTimeout)
      } else if !isTimingRequest {
        isTimingRequest = true  // and it is not started anew with each byte: slowness does not pay
        setTimer(server.configuration.requestTimeout)
      }
    } catch {
      respond(error.response, to: nil, closes: true, server)
    }
  }

  private func begin(_ request: HTTPRequest, _ server: HTTPLoop) {
    exchange &+= 1
    phase = .waiting(request)
    switch server.route(request, of: self) {
    case .respond(let response): respond(response, to: request, closes: !request.keepsAlive, server)
    case .wait: setTimer(server.configuration.replyTimeout)
    }
  }

  // MARK: Responses

  /// - Parameter request: nil when it could not be read.
  private func respond(_ response: HTTPResponse, to request: HTTPRequest?, closes: Bool, _ server: HTTPLoop) {
    var response = response
    server.routes.finish(&response, to: request)
    let closes = closes || server.isStopping
    phase = .responding(
      Outgoing(
        head: response.head(date: server.date, closes: closes), body: request?.method == "HEAD" ? .none : response.body),
      closes: closes)
    setTimer(server.configuration.responseTimeout)
    perch_web_want_write(socket)
  }

  /// Sends the next piece; false when the connection is gone.
  private func send(_ outgoing: inout Outgoing) -> Bool {
    let start = outgoing.sent - outgoing.head.count
    if start < 0 {
      // Head and body in one segment when both are small, which most are.
      if case .bytes(let bytes) = outgoing.body, outgoing.count <= Self.chunk {
        outgoing = Outgoing(head: outgoing.head + bytes, body: .none)
      }
      outgoing.sent = outgoing.head.count
      return outgoing.head.withUnsafeBytes { write($0) }
    }
    let end = min(outgoing.body.count, start + Self.chunk)
    outgoing.sent += end - start
    switch outgoing.body {
    case .none: return true
    case .bytes(let bytes):
      return bytes.withUnsafeBytes { write(UnsafeRawBufferPointer(rebasing: $0[start..<end])) }
    case .embedded(let bytes):
      return write(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
    }
  }

  private func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
    perch_web_write(socket, bytes.baseAddress, bytes.count) >= 0
  }

  // MARK: The socket

  private func setReading(_ on: Bool) {
    guard isReadingStopped == on else { return }
    isReadingStopped = !on
    perch_web_set_reading(socket, on)
  }

  private func setTimer(_ interval: Interval) {
    perch_web_set_timer(socket, interval.microseconds)
  }
}
