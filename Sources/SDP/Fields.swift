/// Takes a line apart. All of it works on UTF-8 code units: comparing Swift characters would glue a combining mark to the
/// separator before it, and takes CR LF for one.
struct Fields {
  private(set) var rest: Substring

  init(_ text: Substring) {
    rest = text
  }

  var isAtEnd: Bool { rest.utf8.isEmpty }

  /// The next word, without the spaces around it; nil at the end.
  mutating func next() -> Substring? {
    rest = rest.trimmed
    guard !rest.utf8.isEmpty else { return nil }
    let (word, tail) = rest.cut(at: UInt8(ascii: " "))
    rest = tail ?? Substring()
    return word
  }

  /// Everything that is left, without the spaces around it.
  mutating func remainder() -> Substring {
    defer { rest = Substring() }
    return rest.trimmed
  }

  /// All words that are left.
  mutating func all() -> [Substring] {
    var words: [Substring] = []
    while let word = next() { words.append(word) }
    return words
  }
}

extension Substring {
  /// What stands before and after the first `separator`; no second part when there is none.
  func cut(at separator: UInt8) -> (head: Substring, tail: Substring?) {
    guard let index = utf8.firstIndex(of: separator) else { return (self, nil) }
    return (self[..<index], self[utf8.index(after: index)...])
  }

  /// Without the spaces at both ends.
  var trimmed: Substring {
    let space = UInt8(ascii: " ")
    var result = utf8
    while result.first == space { result.removeFirst() }
    while result.last == space { result.removeLast() }
    return Substring(result)
  }

  /// The number that these digits, and nothing else, stand for; nil for anything else or when it does not fit.
  func decimal<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) -> Value? {
    guard !utf8.isEmpty else { return nil }
    var value: Value = 0
    for digit in utf8 {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      let (scaled, tooLarge) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflowed) = scaled.addingReportingOverflow(Value(digit &- UInt8(ascii: "0")))
      guard !tooLarge, !overflowed else { return nil }
      value = sum
    }
    return value
  }

  /// A `token` of RFC 8866 §9: what mids, groups, protocols and names of attributes are made of.
  var isToken: Bool {
    !utf8.isEmpty
      && utf8.allSatisfy { byte in
        switch byte {
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x30...0x39, 0x41...0x5A, 0x5E...0x7E: true
        default: false
        }
      }
  }

  /// `ice-char`s of RFC 8839 §5.4.
  var isICEText: Bool {
    utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "+"), UInt8(ascii: "/"): true
      default: false
      }
    }
  }
}

extension StringProtocol {
  /// Equal but for the case of ASCII letters, as encoding names and hash functions are compared.
  func equalsIgnoringCase(_ other: some StringProtocol) -> Bool {
    utf8.count == other.utf8.count && zip(utf8, other.utf8).allSatisfy { lowercase($0) == lowercase($1) }
  }
}

private func lowercase(_ byte: UInt8) -> UInt8 {
  (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
}
