/// Makes requests out of the bytes of a connection (RFC 9112), strictly: what two readers could read differently is refused.
///
/// One for each connection, on the `http` thread. Append what came, then call ``next(maximumBody:)`` until it yields nothing. After
/// an error the bytes that follow mean nothing: answer and close.
struct HTTPRequestParser {
  private var bytes: [UInt8] = []
  /// How far the end of the head has been looked for already, so that a head in many pieces costs no more than one.
  private var searched = 0
  /// The head of the request whose body is still coming.
  private var head: (request: HTTPRequest, length: Int)?
  /// Set once when the client waits for our leave to send the body (RFC 9110 §10.1.1); cleared by whoever gives it.
  var wantsContinue = false

  static let maximumRequestLine = 2048
  /// Browsers send less than 2 KiB without cookies, and we set none; proxies and tunnels add some.
  static let maximumHead = 16 << 10
  static let maximumFields = 100

  /// How many bytes wait.
  var pendingCount: Int { bytes.count }
  /// Whether a request has begun and is not complete.
  var isInsideRequest: Bool { head != nil || !bytes.isEmpty }

  mutating func append(_ new: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: new)
  }

  /// The next complete request, or nil when more bytes must come first.
  mutating func next(maximumBody: Int) throws(Problem) -> HTTPRequest? {
    if head == nil {
      guard let end = try findEndOfHead() else { return nil }
      head = try Self.parseHead(bytes[..<end], maximumBody: maximumBody)
      bytes.removeFirst(end)
      searched = 0
      if let head, head.length > bytes.count, let expectation = head.request["expect"] {
        guard expectation.lowercased() == "100-continue" else {
          throw Problem(
            .expectationFailed, "“Expect: \(expectation)” is not something this server can do. Leave it out.")
        }
        wantsContinue = true
      }
    }
    guard let (head, length) = head, bytes.count >= length else { return nil }
    var request = head
    request.body = Array(bytes[..<length])
    bytes.removeFirst(length)
    if bytes.isEmpty { bytes = [] }  // a connection that idles keeps no buffer
    self.head = nil
    wantsContinue = false
    return request
  }

  /// The offset just past the empty line.
  private mutating func findEndOfHead() throws(Problem) -> Int? {
    // RFC 9112 §2.2: an empty line before the request is ignored.
    while bytes.count >= 2, bytes[0] == .carriageReturn, bytes[1] == .lineFeed { bytes.removeFirst(2) }
    var index = max(0, searched - 3)
    while index + 3 < bytes.count {
      if bytes[index] == .carriageReturn, bytes[index + 1] == .lineFeed, bytes[index + 2] == .carriageReturn,
        bytes[index + 3] == .lineFeed
      {
        guard index <= Self.maximumHead else { throw .headTooLarge }
        return index + 4
      }
      index += 1
    }
    searched = bytes.count
    guard bytes.count <= Self.maximumHead else {
      throw bytes[..<Self.maximumRequestLine].contains(.lineFeed) ? .headTooLarge : .targetTooLong
    }
    return nil
  }

  // MARK: The head

  private static func parseHead(
    _ bytes: ArraySlice<UInt8>, maximumBody: Int
  ) throws(Problem) -> (request: HTTPRequest, length: Int) {
    var rest = bytes
    let line = try takeLine(from: &rest)
    var request = try parseRequestLine(line)
    let isOldProtocol = line.last == UInt8(ascii: "0")
    while true {
      let line = try takeLine(from: &rest)
      if line.isEmpty { break }
      guard request.fields.count < maximumFields else { throw .headTooLarge }
      request.fields.append(try parseField(line))
    }
    try resolveHost(of: &request, isOldProtocol: isOldProtocol)
    let connection = request["connection"]?.lowercased() ?? ""
    request.keepsAlive = !isOldProtocol && !connection.split(separator: ",").contains { $0.trimmed == "close" }
    return (request, try bodyLength(of: request, maximum: maximumBody))
  }

  /// The bytes up to CRLF. Control characters are refused here, for all lines: a bare CR or LF is how requests are smuggled.
  private static func takeLine(from rest: inout ArraySlice<UInt8>) throws(Problem) -> ArraySlice<UInt8> {
    var index = rest.startIndex
    while index < rest.endIndex {
      let byte = rest[index]
      if byte == .carriageReturn {
        guard index + 1 < rest.endIndex, rest[index + 1] == .lineFeed else { break }
        defer { rest = rest[(index + 2)...] }
        return rest[..<index]
      }
      guard byte >= .space || byte == .tab, byte != 0x7F else { break }
      index += 1
    }
    throw .malformed("There is a control character in the request's head.")
  }

  /// RFC 9112 §3: method, one space, target, one space, version.
  private static func parseRequestLine(_ line: ArraySlice<UInt8>) throws(Problem) -> HTTPRequest {
    guard line.count <= maximumRequestLine else { throw .targetTooLong }
    let parts = line.split(separator: .space, omittingEmptySubsequences: false)
    guard parts.count == 3, !parts[0].isEmpty, parts[0].allSatisfy(\.isTokenCharacter), parts[0].count <= 32 else {
      throw .malformed("The first line is not a request: a method, a path, and HTTP/1.1 were expected.")
    }
    switch String(decoding: parts[2], as: UTF8.self) {
    case "HTTP/1.1", "HTTP/1.0": break
    case let version where version.hasPrefix("HTTP/"):
      throw Problem(.versionNotSupported, "This server speaks HTTP/1.1, not \(version).")
    default:
      throw .malformed("The first line does not end in HTTP/1.1.")
    }
    let target = parts[1]
    guard target.allSatisfy({ $0 > .space && $0 < 0x7F }) else {
      throw .malformed("The path has characters that a URL cannot have. Percent-encode them.")
    }
    let method = String(decoding: parts[0], as: UTF8.self)
    var text = String(decoding: target, as: UTF8.self)[...]
    var fields: [(name: String, value: String)] = []
    if text.hasPrefix("http://") || text.hasPrefix("https://") {
      // RFC 9112 §3.2.2: the absolute form, as proxies get it; its host counts and not the field's.
      text = text[text.range(after: "://")...]
      let end = text.firstIndex { $0 == "/" || $0 == "?" } ?? text.endIndex
      fields.append((absoluteHost, String(text[..<end])))
      text = text[end...]
      if !text.hasPrefix("/") { text = "/" + text }
    }
    guard text.hasPrefix("/") || text == "*" && method == "OPTIONS" else {
      throw .malformed("The path must start with a slash.")
    }
    let path = text.firstIndex(of: "?").map { String(text[..<$0]) } ?? String(text)
    return HTTPRequest(method: method, path: path, fields: fields, keepsAlive: false)
  }

  /// A name that no field can have, for the host of an absolute target.
  private static let absoluteHost = ":host"

  private static func parseField(_ line: ArraySlice<UInt8>) throws(Problem) -> (name: String, value: String) {
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
      line[..<colon].allSatisfy(\.isTokenCharacter)
    else {
      // Also continuation lines and a space before the colon: RFC 9112 §5.1 and §5.2 have them refused.
      throw .malformed("A header line is not of the form “Name: value”.")
    }
    let value = String(decoding: line[(colon + 1)...], as: UTF8.self)
    return (String(decoding: line[..<colon], as: UTF8.self).lowercased(), String(value.trimmed))
  }

  private static func resolveHost(of request: inout HTTPRequest, isOldProtocol: Bool) throws(Problem) {
    let hosts = request.fields.filter { $0.name == "host" }
    guard hosts.count == 1 || hosts.isEmpty && isOldProtocol else {
      throw .malformed("There must be exactly one Host header.")
    }
    guard let first = request.fields.first, first.name == absoluteHost else { return }
    request.fields.removeAll { $0.name == "host" || $0.name == absoluteHost }
    request.fields.append(("host", first.value))
  }

  /// RFC 9112 §6.3. Chunked bodies are refused: every WHEP player sends one small text whose length it knows, and two ways to say
  /// where a body ends are one too many.
  private static func bodyLength(of request: HTTPRequest, maximum: Int) throws(Problem) -> Int {
    guard request["transfer-encoding"] == nil else {
      throw Problem(.lengthRequired, "Send the body with a Content-Length instead of Transfer-Encoding.")
    }
    let values = request.fields.filter { $0.name == "content-length" }
    guard let value = values.first?.value else {
      return 0
    }
    guard values.count == 1, (1...15).contains(value.utf8.count), value.utf8.allSatisfy(\.isDigit),
      let length = Int(value)
    else {
      throw .malformed("Content-Length is not a number.")
    }
    guard length <= maximum else {
      throw Problem(.contentTooLarge, "The body has \(length) bytes; at most \(maximum) are taken.")
    }
    return length
  }
}

extension UInt8 {
  static let carriageReturn = UInt8(ascii: "\r")
  static let lineFeed = UInt8(ascii: "\n")
  static let space = UInt8(ascii: " ")
  static let tab = UInt8(ascii: "\t")

  var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }

  /// RFC 9110 §5.6.2: tchar.
  var isTokenCharacter: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "!#$%&'*+-.^_`|~".utf8.contains(self)
    }
  }
}

extension StringProtocol {
  /// Without the spaces and tabs around it.
  var trimmed: SubSequence {
    let isBlank = { (character: Character) in character == " " || character == "\t" }
    guard let first = firstIndex(where: { !isBlank($0) }), let last = lastIndex(where: { !isBlank($0) }) else {
      return self[endIndex...]
    }
    return self[first...last]
  }
}

extension Substring {
  /// Where the text after the first occurrence of `mark`, which is there, begins.
  fileprivate func range(after mark: String) -> Index {
    var index = startIndex
    while !self[index...].hasPrefix(mark) { index = self.index(after: index) }
    return self.index(index, offsetBy: mark.count)
  }
}
