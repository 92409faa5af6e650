import Wire

/// How values of one type are written in YAML: both ways.
struct ValueType<Value> {
  let form: ValueForm
  /// Reports what is wrong, with the setting's path, and returns nil then.
  let read: (YAMLNode, String, inout Reading) -> Value?
  let print: (Value) -> String
}

extension ValueType {
  /// A value that is one scalar.
  static func scalar(
    _ form: ValueForm, parse: @escaping (_ text: String, _ isPlain: Bool) -> Value?, print: @escaping (Value) -> String
  ) -> ValueType {
    ValueType(
      form: form,
      read: { node, path, reading in
        if case .scalar(let text, let isPlain) = node.content, let value = parse(text, isPlain) { return value }
        var message = "\(path): expected \(form.expectation), found \(node.foundText)"
        if case .choice(let words) = form, case .scalar(let text, _) = node.content,
          let near = nearest(to: text, among: words)
        {
          message += ": did you mean “\(near)”?"
        }
        reading.report(message, at: node.mark)
        return nil
      }, print: print)
  }

  /// One of an enumeration's words.
  static func choice() -> ValueType where Value: RawRepresentable<String> & CaseIterable {
    .scalar(.choice(Value.allCases.map(\.rawValue)), parse: { text, _ in Value(rawValue: text) }, print: \.rawValue)
  }

  /// A whole number.
  static func integer(_ range: ClosedRange<Int>) -> ValueType where Value: FixedWidthInteger {
    .scalar(
      .integer(range),
      parse: { text, isPlain in
        guard isPlain, text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") }), let number = Int(text), range.contains(number)
        else { return nil }
        return Value(exactly: number)
      }, print: { String($0) })
  }
}

extension ValueType<Bool> {
  static var boolean: ValueType {
    .scalar(
      .boolean,
      parse: { text, isPlain in
        switch (text, isPlain) {
        case ("true", true), ("True", true), ("TRUE", true): true
        case ("false", true), ("False", true), ("FALSE", true): false
        default: nil
        }
      }, print: { String($0) })
  }
}

extension ValueType<Double> {
  static func number(_ range: ClosedRange<Double>) -> ValueType {
    .scalar(
      .number(range),
      parse: { text, isPlain in
        // No hexadecimal, no exponents, no infinities: settings are written by people.
        guard isPlain, text.utf8.allSatisfy({ $0 == UInt8(ascii: ".") || (0x30...0x39).contains($0) }),
          let number = Double(text), range.contains(number)
        else { return nil }
        return number
      }, print: { formatted($0) })
  }
}

extension ValueType<String> {
  /// Text without control characters. A number without quotes is text too: nobody should need to know YAML's types.
  static func text(maximumBytes: Int) -> ValueType {
    .text(.text(maximumBytes: maximumBytes), maximumBytes: maximumBytes) { _ in true }
  }

  /// Text of which only some is right.
  static func text(_ form: ValueForm, maximumBytes: Int, where isRight: @escaping (String) -> Bool) -> ValueType {
    ValueType(
      form: form,
      read: { node, path, reading in
        guard case .scalar(let text, _) = node.content, !node.isNull else {
          let remedy = node.isNull ? " (\"\" for none)" : ""
          reading.report("\(path): expected \(form.expectation)\(remedy), found \(node.foundText)", at: node.mark)
          return nil
        }
        guard text.utf8.count <= maximumBytes else {
          reading.report("\(path): the text is longer than \(maximumBytes) bytes", at: node.mark)
          return nil
        }
        guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }) else {
          reading.report("\(path): the text contains control characters", at: node.mark)
          return nil
        }
        guard isRight(text) else {
          reading.report("\(path): expected \(form.expectation), found \(node.foundText)", at: node.mark)
          return nil
        }
        return text
      }, print: { quotedForYAML($0) })
  }

  /// The name of a network interface: the kernel's IFNAMSIZ has room for 15 bytes.
  static var interface: ValueType {
    .text(.special("the name of a network interface, such as eth0"), maximumBytes: 15) { name in
      !name.isEmpty && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: " ") }
    }
  }

  /// What a browser's `Origin` header says, or `*`.
  static var origin: ValueType {
    .text(.special("\"*\" or an origin such as https://example.org:8443"), maximumBytes: 255) { text in
      if text == "*" { return true }
      guard let scheme = ["https://", "http://"].first(where: { text.hasPrefix($0) }) else { return false }
      let host = text.utf8.dropFirst(scheme.utf8.count)
      return !host.isEmpty
        && host.allSatisfy { byte in
          switch byte {
          case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
          default: "-._:[]".utf8.contains(byte)
          }
        }
    }
  }

  /// A directory from the root of the file system, or nothing.
  static var directory: ValueType {
    .text(.special("an absolute path, or \"\" for the usual place"), maximumBytes: 4095) {
      $0.isEmpty || $0.hasPrefix("/")
    }
  }
}

extension ValueType<IPAddress> {
  static var address: ValueType {
    .scalar(
      .special("an IP address such as 192.0.2.7 or 2001:db8::7"), parse: { text, _ in IPAddress(text) },
      print: { $0.family == .v4 ? $0.description : quotedForYAML($0.description) })
  }
}

extension ValueType<CaptureDevice> {
  static func device(_ expectation: String) -> ValueType {
    let text = ValueType<String>.text(.special(expectation), maximumBytes: 255) { !$0.isEmpty }
    return ValueType(
      form: text.form,
      read: { node, path, reading in
        // Quotes make a word a name: there may be a camera called “test”.
        let isWord = if case .scalar(_, isPlain: true) = node.content { true } else { false }
        return text.read(node, path, &reading).map { name in
          switch name {
          case "auto" where isWord: .auto
          case "test" where isWord: .test
          case "none" where isWord: .off
          default: .named(name)
          }
        }
      },
      print: { device in
        switch device {
        case .auto: "auto"
        case .test: "test"
        case .off: "none"
        case .named(let name): quotedForYAML(name)
        }
      })
  }
}

extension ValueType {
  /// A list of no more than `maximumCount` values.
  static func list<Element>(of element: ValueType<Element>, maximumCount: Int) -> ValueType where Value == [Element] {
    ValueType(
      form: .list(element.form),
      read: { node, path, reading in
        guard case .sequence(let nodes) = node.content else {
          reading.report("\(path): expected a list ([] for none), found \(node.foundText)", at: node.mark)
          return nil
        }
        guard nodes.count <= maximumCount else {
          reading.report("\(path): the list has more than \(maximumCount) elements", at: node.mark)
          return nil
        }
        let elements = nodes.map { element.read($0, path, &reading) }
        return elements.contains { $0 == nil } ? nil : elements.compactMap { $0 }
      }, print: { "[" + $0.map(element.print).joined(separator: ", ") + "]" })
  }

  /// A number that is the ideal, or a map as in getUserMedia.
  static func constraint<Bound>(_ bound: ValueType<Bound>) -> ValueType where Value == Constraint<Bound> {
    ValueType(
      form: .constraint(bound.form),
      read: { node, path, reading in
        var value = Constraint<Bound>()
        guard case .mapping = node.content else {
          if case .sequence = node.content {
            let expectation = ValueForm.constraint(bound.form).expectation
            reading.report("\(path): expected \(expectation), found a list", at: node.mark)
            return nil
          }
          value.ideal = bound.read(node, path, &reading)
          return value.ideal == nil ? nil : value
        }
        let before = reading.errors.count
        let optional = ValueType<Bound?>(form: bound.form, read: { bound.read($0, $1, &$2) }, print: { _ in "" })
        Schema<Constraint<Bound>>([
          Field("min", \.minimum, optional, ""), Field("ideal", \.ideal, optional, ""),
          Field("max", \.maximum, optional, ""),
        ]).read(node, into: &value, at: [path], &reading)
        guard reading.errors.count == before else { return nil }
        let bounds = [value.minimum, value.ideal, value.maximum].compactMap { $0 }
        guard bounds == bounds.sorted() else {
          reading.report("\(path): expected min, ideal and max in rising order", at: node.mark)
          return nil
        }
        return value
      },
      print: { value in
        if value.minimum == nil, value.maximum == nil, let ideal = value.ideal { return bound.print(ideal) }
        let parts = [("min", value.minimum), ("ideal", value.ideal), ("max", value.maximum)]
        return "{"
          + parts.compactMap { name, part in part.map { "\(name): \(bound.print($0))" } }.joined(separator: ", ") + "}"
      })
  }
}

/// Text in double quotes: always right, whatever is in it.
func quotedForYAML(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    if scalar == "\"" || scalar == "\\" { result += "\\" }
    result.unicodeScalars.append(scalar)
  }
  return result + "\""
}
