internal import LinuxIO
internal import Wire

/// A WHEP player's signalling, blocking: an offer up, an answer down, a resource to delete.
struct WHEPClient {
  /// `http://ADDRESS:PORT/PATH`; the host is an address, since the load generator resolves no names.
  struct Endpoint {
    let server: SocketAddress
    let host: String
    let path: String

    init?(_ text: String) {
      let scheme = "http://"
      guard text.hasPrefix(scheme) else { return nil }
      let rest = text.dropFirst(scheme.count)
      let authority = rest.prefix { $0 != "/" }
      let brackets = authority.firstIndex(of: "]")  // of an IPv6 address, whose colons are no port's
      let colon = authority[(brackets ?? authority.startIndex)...].firstIndex(of: ":")
      let name = authority[..<(colon ?? authority.endIndex)].filter { $0 != "[" && $0 != "]" }
      guard let address = IPAddress(name == "localhost" ? "127.0.0.1" : name) else { return nil }
      guard let port = colon.map({ UInt16(authority[authority.index(after: $0)...]) }) ?? 80 else { return nil }
      host = String(authority)
      path = authority.endIndex == rest.endIndex ? "/" : String(rest[authority.endIndex...])
      server = SocketAddress(address, port: port)
    }
  }

  enum Failure: Error {
    case refused(status: Int, body: String)
    case notHTTP
  }

  let endpoint: Endpoint

  /// Posts an offer.
  ///
  /// - Returns: the answer, and the path of the viewer's resource.
  func post(offer: String) throws -> (answer: String, resource: String) {
    let response = try request("POST", endpoint.path, type: "application/sdp", body: offer)
    guard response.status == 201 else { throw Failure.refused(status: response.status, body: response.body) }
    return (response.body, response.headers["location"] ?? "")
  }

  /// Ends the viewer; a server that is gone already is no failure.
  func delete(resource: String) {
    guard let path = resource.hasPrefix("http") ? Endpoint(resource)?.path : resource, !path.isEmpty else { return }
    _ = try? request("DELETE", path, type: nil, body: "")
  }

  private struct Response {
    var status: Int
    var headers: [String: String]
    var body: String
  }

  private func request(_ method: String, _ path: String, type: String?, body: String) throws -> Response {
    let connection = try TCPConnection(to: endpoint.server, timeout: .seconds(10))
    var head =
      "\(method) \(path) HTTP/1.1\r\nHost: \(endpoint.host)\r\nConnection: close\r\nAccept: application/sdp\r\n"
    if let type { head += "Content-Type: \(type)\r\n" }
    head += "Content-Length: \(body.utf8.count)\r\n\r\n"
    try connection.write(Array((head + body).utf8))
    return try receive(connection)
  }

  private func receive(_ connection: borrowing TCPConnection) throws -> Response {
    var bytes: [UInt8] = []
    var bodyStart: Int?
    var headers: [String: String] = [:]
    var status = 0
    while true {
      let chunk = try connection.read(atMost: 65_536)
      bytes += chunk
      if bodyStart == nil, let end = Self.endOfHead(bytes) {
        bodyStart = end
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(whereSeparator: \.isNewline)
        status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        for line in lines.dropFirst() {
          let parts = line.split(separator: ":", maxSplits: 1)
          if parts.count == 2 {
            headers[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
          }
        }
      }
      if let bodyStart {
        let length = headers["content-length"].flatMap { Int($0) }
        if chunk.isEmpty || length.map({ bytes.count - bodyStart >= $0 }) ?? false {
          let body = bytes[bodyStart...].prefix(length ?? .max)
          return Response(status: status, headers: headers, body: String(decoding: body, as: UTF8.self))
        }
      } else if chunk.isEmpty {
        throw Failure.notHTTP
      }
    }
  }

  private static func endOfHead(_ bytes: [UInt8]) -> Int? {
    let mark = Array("\r\n\r\n".utf8)
    guard bytes.count >= mark.count else { return nil }
    for index in 0...(bytes.count - mark.count) where bytes[index] == mark[0] {
      if bytes[index..<(index + mark.count)].elementsEqual(mark) { return index + mark.count }
    }
    return nil
  }
}
