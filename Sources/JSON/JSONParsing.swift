internal import CJansson

/// Why text is not the JSON that we take.
package struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Counts from 1.
  package var line: Int
  /// Counts from 1, in characters.
  package var column: Int
  /// How many bytes come before the place.
  package var position: Int
  /// What is wrong, for people.
  package var text: String

  package init(line: Int, column: Int, position: Int, text: String) {
    self.line = line
    self.column = column
    self.position = position
    self.text = text
  }

  /// `line 1, column 7: unexpected token near 'x'`
  package var description: String { "line \(line), column \(column): \(text)" }
}

/// What is parsed at most, unless the caller says otherwise.
package enum JSONLimits {
  /// The longest message that a data channel carries.
  package static let bytes = 256 * 1024
  /// JSON-RPC needs four.
  package static let depth = 32
}

extension JSONValue {
  /// Parses text from outside. Refused are: more than `maximumBytes` bytes, arrays and objects in each other deeper than
  /// `maximumDepth`, a key that an object has already, integers beyond 64 bits, anything after the value, and what is no UTF-8.
  package init(
    parsing bytes: [UInt8], maximumBytes: Int = JSONLimits.bytes, maximumDepth: Int = JSONLimits.depth
  ) throws(JSONError) {
    guard bytes.count <= maximumBytes else {
      throw JSONError(line: 1, column: 1, position: 0, text: "more than \(maximumBytes) bytes")
    }
    // jansson recurses: see how deep before it does.
    if let error = Self.depthError(in: bytes, maximumDepth: maximumDepth) { throw error }
    let document = try Document(parsing: bytes)
    self = Self.convert(document.root)
  }

  /// Parses text from outside.
  package init(parsing text: String) throws(JSONError) {
    try self.init(parsing: Array(text.utf8))
  }

  private static func depthError(in bytes: [UInt8], maximumDepth: Int) -> JSONError? {
    var depth = 0
    var line = 1
    var lineStart = 0
    var isInString = false
    var isEscaped = false
    for (position, byte) in bytes.enumerated() {
      switch byte {
      case UInt8(ascii: "\n"):
        line += 1
        lineStart = position + 1
      case _ where isEscaped: isEscaped = false
      case UInt8(ascii: "\\") where isInString: isEscaped = true
      case UInt8(ascii: "\""): isInString.toggle()
      case UInt8(ascii: "["), UInt8(ascii: "{"):
        guard !isInString else { continue }
        depth += 1
        if depth > maximumDepth {
          return JSONError(
            line: line, column: position - lineStart + 1, position: position, text: "nested deeper than \(maximumDepth)"
          )
        }
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        if !isInString { depth -= 1 }
      default: break
      }
    }
    return nil
  }

  /// Recursion is as deep as the value: bounded before.
  private static func convert(_ value: UnsafeMutablePointer<json_t>) -> JSONValue {
    switch value.pointee.type {
    case JSON_OBJECT:
      var members: [JSONObject.Member] = []
      members.reserveCapacity(json_object_size(value))
      var iterator = json_object_iter(value)
      while let current = iterator {
        let key = json_object_iter_key(current).map { text(UnsafePointer($0), json_object_iter_key_len(current)) }
        if let key, let member = json_object_iter_value(current) {
          members.append(JSONObject.Member(key, convert(member)))
        }
        iterator = json_object_iter_next(value, current)
      }
      return .object(JSONObject(members))
    case JSON_ARRAY:
      return .array((0..<json_array_size(value)).compactMap { json_array_get(value, $0).map { convert($0) } })
    case JSON_STRING: return .string(json_string_value(value).map { text($0, json_string_length(value)) } ?? "")
    case JSON_INTEGER: return .integer(Int64(json_integer_value(value)))
    case JSON_REAL: return .real(json_real_value(value))
    case JSON_TRUE: return .bool(true)
    case JSON_FALSE: return .bool(false)
    default: return .null
    }
  }

  /// jansson has checked that it is UTF-8; a NUL may be in it.
  private static func text(_ characters: UnsafePointer<CChar>, _ length: Int) -> String {
    String(decoding: UnsafeRawBufferPointer(start: characters, count: length), as: UTF8.self)
  }
}

/// Owns what jansson has parsed.
private struct Document: ~Copyable {
  let root: UnsafeMutablePointer<json_t>

  init(parsing bytes: [UInt8]) throws(JSONError) {
    var error = json_error_t()
    let flags = Int(JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL)
    let root = bytes.withUnsafeBytes { buffer in
      // An empty array may have no address, which jansson takes for a caller's mistake.
      buffer.baseAddress.map { $0.assumingMemoryBound(to: CChar.self) }
        .flatMap { json_loadb($0, buffer.count, flags, &error) }
    }
    guard let root else { throw JSONError(error, isEmpty: bytes.isEmpty) }
    self.root = root
  }

  deinit {
    json_decref(root)
  }
}

extension JSONError {
  fileprivate init(_ error: json_error_t, isEmpty: Bool) {
    guard !isEmpty else {
      self.init(line: 1, column: 1, position: 0, text: "nothing there")
      return
    }
    let text = withUnsafeBytes(of: error.text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    // It quotes the input.
    let printable = text.unicodeScalars.map { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) ? "\u{FFFD}" : $0 }
    self.init(
      line: max(1, Int(error.line)), column: max(1, Int(error.column)), position: max(0, Int(error.position)),
      text: String(String.UnicodeScalarView(printable)))
  }
}
