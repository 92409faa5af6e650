/// Splits a description into its lines, each `x=value`, ending in CR LF or LF alone. Blank lines are passed over.
struct Lines {
  private let text: Substring.UTF8View
  private var position: String.Index
  private var number = 0

  init(_ text: String) throws(SDPError) {
    guard text.utf8.count <= SDPLimits.bytes else {
      throw .tooMuch("The description is longer than \(SDPLimits.bytes) bytes.")
    }
    self.text = Substring(text).utf8
    position = text.startIndex
  }

  init(_ bytes: [UInt8]) throws(SDPError) {
    // Before looking at the bytes: a body of many megabytes should cost nothing.
    guard bytes.count <= SDPLimits.bytes else {
      throw .tooMuch("The description is longer than \(SDPLimits.bytes) bytes.")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .unacceptable("The description is not text in UTF-8.")
    }
    try self.init(text)
  }

  mutating func next() throws(SDPError) -> Line? {
    while position < text.endIndex {
      let end = text[position...].firstIndex(of: UInt8(ascii: "\n")) ?? text.endIndex
      var content = text[position..<end]
      position = end < text.endIndex ? text.index(after: end) : end
      number &+= 1
      if content.last == UInt8(ascii: "\r") { content.removeLast() }
      if content.isEmpty { continue }
      return try line(Substring(content))
    }
    return nil
  }

  private func line(_ content: Substring) throws(SDPError) -> Line {
    guard number <= SDPLimits.lines else { throw .tooMuch("The description has more than \(SDPLimits.lines) lines.") }
    guard content.utf8.count <= SDPLimits.bytesInALine else {
      throw .malformed(line: number, "it is longer than \(SDPLimits.bytesInALine) bytes.")
    }
    guard !content.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "\r") }) else {
      throw .malformed(line: number, "it contains a NUL or a carriage return.")
    }
    let (type, value) = content.cut(at: UInt8(ascii: "="))
    guard let value, type.utf8.count == 1, let letter = type.utf8.first else {
      throw .malformed(line: number, "\(quoted(content)) is not of the form “x=value”.")
    }
    return Line(number: number, type: Character(UnicodeScalar(letter)), value: value)
  }
}

/// One line of a description.
struct Line {
  let number: Int
  let type: Character
  let value: Substring

  func malformed(_ what: String) -> SDPError {
    .malformed(line: number, what)
  }

  /// The name and value of an `a=` line.
  func attribute() throws(SDPError) -> ParsedAttribute {
    let (name, value) = value.cut(at: UInt8(ascii: ":"))
    guard name.isToken else { throw malformed("\(quoted(name)) is no name for an attribute.") }
    return ParsedAttribute(line: self, name: String(name), value: value)
  }
}

/// An `a=` line on its way to a type of its own.
struct ParsedAttribute {
  let line: Line
  let name: String
  let value: Substring?

  /// As it is kept when nobody understands it.
  var unparsed: Attribute { Attribute(name, value.map { String($0) }) }

  /// The value without surrounding spaces, of an attribute that means nothing without one.
  func text() throws(SDPError) -> Substring {
    guard let text = value?.trimmed, !text.utf8.isEmpty else { throw malformed("it has no value.") }
    return text
  }

  func token() throws(SDPError) -> String {
    let text = try text()
    guard text.isToken else { throw malformed("\(quoted(text)) is no token.") }
    return String(text)
  }

  func fields() throws(SDPError) -> Fields {
    Fields(try text())
  }

  /// All words of a value that may be empty.
  func words() -> [String] {
    var fields = Fields(value ?? Substring())
    return fields.all().map { String($0) }
  }

  func number<Value: FixedWidthInteger>(_ text: Substring?, _ type: Value.Type = Value.self) throws(SDPError) -> Value {
    guard let text, let value = text.decimal(Value.self) else {
      throw malformed("\(quoted(text ?? "")) is not a number from 0 to \(Value.max).")
    }
    return value
  }

  func malformed(_ what: String) -> SDPError {
    line.malformed("a=\(name): \(what)")
  }
}
