/// The settings of one section: which keys there are, what they mean, and where in `Root` they go.
struct Schema<Root> {
  let fields: [Field<Root>]

  init(_ fields: [Field<Root>]) {
    self.fields = fields
  }

  /// Reads a map into `root` and reports all that is wrong with it.
  func read(_ node: YAMLNode, into root: inout Root, at path: [String], _ reading: inout Reading) {
    // A section whose lines are all comments is one that changes nothing.
    guard !node.isNull else { return }
    guard case .mapping(let entries) = node.content else {
      let name = path.isEmpty ? "the file" : path.joined(separator: ".")
      return reading.report("\(name): expected a map of settings, found \(node.foundText)", at: node.mark)
    }
    for entry in entries {
      guard let field = fields.first(where: { $0.key == entry.key }) else {
        reading.report(unknown(entry.key, at: path), at: entry.keyMark)
        continue
      }
      field.read(entry.value, &root, path + [entry.key], &reading)
    }
  }

  private func unknown(_ key: String, at path: [String]) -> String {
    let place =
      path.isEmpty ? "unknown key \(quoted(key))" : "\(path.joined(separator: ".")): unknown key \(quoted(key))"
    if let near = nearest(to: key, among: fields.map(\.key)) { return "\(place): did you mean “\(near)”?" }
    // It may be right, but in the wrong section.
    let elsewhere = Configuration.settings.map(\.path).filter { $0.hasSuffix("." + key) }
    if let right = elsewhere.first { return "\(place): did you mean “\(right)”?" }
    return "\(place): expected one of \(fields.map(\.key).joined(separator: ", "))"
  }
}

/// One key: a setting, or a section of them.
struct Field<Root> {
  let key: String
  let documentation: String
  let read: (YAMLNode, inout Root, [String], inout Reading) -> Void
  /// What is in it, given the values of `Root` as the defaults.
  let describe: (Root, [String]) -> [Setting]
  let isSection: Bool

  /// A setting.
  init<Value>(_ key: String, _ place: WritableKeyPath<Root, Value>, _ type: ValueType<Value>, _ documentation: String) {
    self.key = key
    self.documentation = documentation
    isSection = false
    read = { node, root, path, reading in
      guard let value = type.read(node, path.joined(separator: "."), &reading) else { return }
      root[keyPath: place] = value
      reading.note(path, at: node.mark)
    }
    describe = { root, path in
      let path = (path + [key]).joined(separator: ".")
      return [
        Setting(
          path: path, documentation: documentation, form: type.form, defaultText: type.print(root[keyPath: place]))
      ]
    }
  }

  /// A section.
  init<Section>(
    _ key: String, _ place: WritableKeyPath<Root, Section>, _ schema: Schema<Section>, _ documentation: String
  ) {
    self.key = key
    self.documentation = documentation
    isSection = true
    read = { node, root, path, reading in schema.read(node, into: &root[keyPath: place], at: path, &reading) }
    describe = { root, path in
      schema.fields.flatMap { $0.describe(root[keyPath: place], path + [key]) }
    }
  }
}

/// A setting as manuals and schemas see it.
package struct Setting: Equatable, Sendable {
  /// `http.port`
  package var path: String
  package var documentation: String
  package var form: ValueForm
  /// In YAML.
  package var defaultText: String
}

/// What values of a setting look like.
package indirect enum ValueForm: Equatable, Sendable {
  case boolean
  case integer(ClosedRange<Int>)
  case number(ClosedRange<Double>)
  case text(maximumBytes: Int)
  case choice([String])
  /// What it is, for people: an IP address, a device.
  case special(String)
  case list(ValueForm)
  /// A number, or a map of `min`, `ideal` and `max`.
  case constraint(ValueForm)

  /// What a message says was expected.
  var expectation: String {
    switch self {
    case .boolean: "true or false"
    case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
    case .number(let range): "a number from \(formatted(range.lowerBound)) to \(formatted(range.upperBound))"
    case .text: "text"
    case .choice(let words): "one of \(words.joined(separator: ", "))"
    case .special(let text): text
    case .list(let element): "a list, each element \(element.expectation)"
    case .constraint(let element): "\(element.expectation), or a map of min, ideal and max"
    }
  }
}

/// 30, not 30.0.
func formatted(_ value: Double) -> String {
  Int(exactly: value).map { String($0) } ?? value.description
}

/// The word that was probably meant; nil when none is near enough to guess.
func nearest(to word: String, among candidates: [String]) -> String? {
  let longest = 64
  guard word.utf8.count <= longest else { return nil }
  let folded = word.lowercased().replacingDashes
  let near = candidates.map { (distance: editDistance(folded, $0), candidate: $0) }.min { $0.distance < $1.distance }
  guard let near, near.distance <= max(1, min(word.utf8.count, near.candidate.utf8.count) / 3) else { return nil }
  return near.candidate
}

extension String {
  fileprivate var replacingDashes: String {
    String(decoding: utf8.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }, as: UTF8.self)
  }
}

/// How many insertions, deletions, exchanges and swaps of neighbours turn one word into the other.
private func editDistance(_ left: String, _ right: String) -> Int {
  let (left, right) = (Array(left.utf8), Array(right.utf8))
  var beforePrevious: [Int] = []
  var previous = Array(0...right.count)
  for i in left.indices {
    var row = [i + 1]
    for j in right.indices {
      var best = min(previous[j + 1] + 1, row[j] + 1, previous[j] + (left[i] == right[j] ? 0 : 1))
      if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] { best = min(best, beforePrevious[j - 1] + 1) }
      row.append(best)
    }
    beforePrevious = previous
    previous = row
  }
  return previous[right.count]
}
