import Glibc
import Synchronization
import Wire

@testable import Signaling

/// A service that does what a test tells it to, and remembers what it was asked.
final class FakeService: ViewerService {
  struct State {
    var created: [(viewer: ViewerID, offer: String)] = []
    var updated: [(viewer: ViewerID, fragment: String, precondition: Precondition)] = []
    var removed: [ViewerID] = []
    var held: [Reply<ViewerAnswer>] = []
  }

  enum Behaviour: Sendable {
    case succeed
    case fail(SignalingError)
    case hold
    case drop
  }

  let state = Mutex(State())
  let behaviour: Behaviour
  let statisticsText: String

  init(_ behaviour: Behaviour = .succeed, statistics: String = "{\"viewers\":0}") {
    self.behaviour = behaviour
    statisticsText = statistics
  }

  func createViewer(_ viewer: ViewerID, offer: String, from client: SocketAddress, reply: Reply<ViewerAnswer>) {
    state.withLock { $0.created.append((viewer, offer)) }
    settle(reply, with: ViewerAnswer(sdp: "v=0\r\ns=answer\r\n", entityTag: "tag1"))
  }

  func updateViewer(_ viewer: ViewerID, fragment: String, precondition: Precondition, reply: Reply<ViewerUpdate>) {
    state.withLock { $0.updated.append((viewer, fragment, precondition)) }
    guard precondition.matches("tag1") else { return reply.fail(.preconditionFailed) }
    settle(reply, with: .accepted)
  }

  func removeViewer(_ viewer: ViewerID, reply: Reply<Void>) {
    state.withLock { $0.removed.append(viewer) }
    settle(reply, with: ())
  }

  func statistics(reply: Reply<String>) {
    settle(reply, with: statisticsText)
  }

  private func settle<Value>(_ reply: Reply<Value>, with value: Value) {
    switch behaviour {
    case .succeed: reply.succeed(value)
    case .fail(let error): reply.fail(error)
    case .hold:
      if let reply = reply as? Reply<ViewerAnswer> {
        state.withLock { $0.held.append(reply) }
      } else {
        reply.succeed(value)
      }
    case .drop: break
    }
  }
}

/// Runs a server on a free port of 127.0.0.1 for as long as `body` runs.
func withServer<Result>(
  _ service: FakeService = FakeService(), _ configure: (inout HTTPConfiguration) -> Void = { _ in },
  _ body: (UInt16) throws -> Result
) throws -> Result {
  var configuration = HTTPConfiguration(listen: [SocketAddress(.loopback, port: 0)])
  configuration.offerBurst = 1_000_000
  configure(&configuration)
  let server = HTTPServer(configuration: configuration, service: service)
  try server.start()
  defer { server.stop() }
  return try body(server.addresses[0].port)
}

extension IPAddress {
  static let loopback = IPAddress(v4: 0x7F00_0001)
}

struct ClientError: Error {}

/// A blocking socket that speaks exactly the bytes it is told to.
final class Client {
  private let descriptor: Int32
  private var buffer: [UInt8] = []

  /// - Parameter receiveBuffer: bytes; a small one makes a slow reader.
  init(port: UInt16, receiveBuffer: Int32? = nil) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    if var size = receiveBuffer {
      setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
    }
    var patience = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw ClientError() }
  }

  deinit { close(descriptor) }

  func send(_ bytes: [UInt8]) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress!, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      sent += count
    }
  }

  func send(_ text: String) { send(Array(text.utf8)) }

  /// Closes with a reset instead of a FIN.
  func reset() {
    var hard = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &hard, socklen_t(MemoryLayout<linger>.size))
    shutdown(descriptor, Int32(SHUT_RDWR))
  }

  /// Reads one response; throws at the end of the connection.
  func response(to method: String = "GET") throws -> Response {
    while true {
      if let response = Response(parsing: &buffer, isHead: method == "HEAD") { return response }
      guard receive() else { throw ClientError() }
    }
  }

  /// Whether the server has closed and sent nothing more.
  var isAtEnd: Bool { buffer.isEmpty && !receive() }

  /// Whether the connection is over, without reading what is left of it.
  var hasHungUp: Bool {
    var request = pollfd(fd: descriptor, events: 0, revents: 0)
    return poll(&request, 1, 0) == 1 && request.revents & Int16(POLLHUP | POLLERR) != 0
  }

  private func receive() -> Bool {
    var chunk = [UInt8](repeating: 0, count: 65536)
    let count = recv(descriptor, &chunk, chunk.count, 0)
    guard count > 0 else { return false }
    buffer += chunk[..<count]
    return true
  }

  struct Response {
    var status: Int
    var fields: [String: String] = [:]
    var body: [UInt8] = []
    var text: String { String(decoding: body, as: UTF8.self) }

    /// Takes one response off the front, if it is whole.
    init?(parsing buffer: inout [UInt8], isHead: Bool) {
      let text = String(decoding: buffer, as: Unicode.ASCII.self)
      guard let end = text.utf8.firstRange(of: "\r\n\r\n".utf8) else { return nil }
      let lines = text[..<end.lowerBound].split(separator: "\r\n")
      status = Int(lines[0].split(separator: " ")[1])!
      for line in lines.dropFirst() {
        let colon = line.firstIndex(of: ":")!
        fields[line[..<colon].lowercased()] = String(line[colon...].dropFirst(2))
      }
      let headCount = text.utf8.distance(from: text.startIndex, to: end.upperBound)
      let length = isHead || status == 304 ? 0 : Int(fields["content-length"] ?? "0")!
      guard buffer.count >= headCount + length else { return nil }
      body = Array(buffer[headCount..<(headCount + length)])
      buffer.removeFirst(headCount + length)
    }
  }
}

/// One request over a connection of its own.
func exchange(
  _ port: UInt16, _ method: String, _ path: String, _ fields: [String] = [], body: String = ""
) throws -> Client.Response {
  let client = try Client(port: port)
  client.send(message(method, path, fields, body: body))
  return try client.response(to: method)
}

func message(_ method: String, _ path: String, _ fields: [String] = [], body: String = "") -> String {
  var text = "\(method) \(path) HTTP/1.1\r\n"
  if !fields.contains(where: { $0.hasPrefix("Host:") }) { text += "Host: localhost\r\n" }
  for field in fields { text += field + "\r\n" }
  if !body.isEmpty || method == "POST" { text += "Content-Length: \(body.utf8.count)\r\n" }
  return text + "\r\n" + body
}

let offerFields = ["Content-Type: application/sdp"]
let fragmentFields = ["Content-Type: application/trickle-ice-sdpfrag"]

extension HTTPRequestParser {
  mutating func append(_ text: String) {
    Array(text.utf8).withUnsafeBytes { append($0) }
  }

  /// What these bytes are, when they come at once.
  static func parse(_ bytes: [UInt8], maximumBody: Int = 65536) throws(Problem) -> HTTPRequest? {
    var parser = HTTPRequestParser()
    bytes.withUnsafeBytes { parser.append($0) }
    return try parser.next(maximumBody: maximumBody)
  }
}

extension Collection where Element: Equatable {
  func firstRange(of other: some Collection<Element>) -> Range<Index>? {
    var start = startIndex
    while start != endIndex {
      if self[start...].starts(with: other) { return start..<index(start, offsetBy: other.count) }
      formIndex(after: &start)
    }
    return nil
  }
}
