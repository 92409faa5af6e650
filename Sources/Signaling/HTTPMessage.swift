/// A request that has come in whole.
struct HTTPRequest: Equatable {
  var method: String
  /// The path as it was sent, without the query. Starts with `/`, or is `*`.
  var path: String
  /// Names in lower case, in the order in which they came.
  var fields: [(name: String, value: String)]
  var body: [UInt8] = []
  /// Whether the client would use the connection again.
  var keepsAlive: Bool

  /// All values of a field, joined as RFC 9110 §5.2 says; nil when it is absent.
  subscript(name: String) -> String? {
    var joined: String?
    for field in fields where field.name == name {
      joined = joined.map { $0 + ", " + field.value } ?? field.value
    }
    return joined
  }

  static func == (left: HTTPRequest, right: HTTPRequest) -> Bool {
    left.method == right.method && left.path == right.path && left.body == right.body
      && left.keepsAlive == right.keepsAlive && left.fields.elementsEqual(right.fields, by: ==)
  }
}

/// A response, to be sent in one piece.
struct HTTPResponse {
  var status: Int
  var fields: [(name: StaticString, value: String)] = []
  var body: Body = .none

  enum Body {
    case none
    case bytes([UInt8])
    /// Bytes of the binary itself.
    case embedded(UnsafeRawBufferPointer)

    var count: Int {
      switch self {
      case .none: 0
      case .bytes(let bytes): bytes.count
      case .embedded(let buffer): buffer.count
      }
    }
  }

  mutating func set(_ name: StaticString, _ value: String) {
    fields.append((name, value))
  }

  static func text(_ status: Int, _ text: String, type: String) -> HTTPResponse {
    HTTPResponse(status: status, fields: [("Content-Type", type)], body: .bytes(Array(text.utf8)))
  }

  /// The status line and the fields, with the empty line.
  ///
  /// - Parameters:
  ///   - date: as ``HTTPDate`` writes it.
  ///   - closes: whether the connection ends after this response.
  func head(date: String, closes: Bool) -> [UInt8] {
    var text = "HTTP/1.1 \(status) \(Self.phrase(for: status))\r\nDate: \(date)\r\n"
    for field in fields {
      text += "\(field.name): \(field.value)\r\n"
    }
    // RFC 9110 §8.6: no length with 204; 304 would name the length of what it does not send.
    if status != 204, status != 304 { text += "Content-Length: \(body.count)\r\n" }
    if closes { text += "Connection: close\r\n" }
    text += "\r\n"
    return Array(text.utf8)
  }

  static func phrase(for status: Int) -> String {
    switch status {
    case 200: "OK"
    case 201: "Created"
    case 204: "No Content"
    case 304: "Not Modified"
    case 400: "Bad Request"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 408: "Request Timeout"
    case 411: "Length Required"
    case 412: "Precondition Failed"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 417: "Expectation Failed"
    case 421: "Misdirected Request"
    case 422: "Unprocessable Content"
    case 428: "Precondition Required"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 501: "Not Implemented"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    default: "Internal Server Error"
    }
  }
}
