internal import CYAML

/// YAML as configuration needs it: scalars, lists and maps, each with its place. No anchors, aliases, tags or second documents.
struct YAMLNode {
  var content: Content
  var mark: Mark

  enum Content {
    /// `isPlain`: written without quotes, so that it may be something else than text.
    case scalar(String, isPlain: Bool)
    case sequence([YAMLNode])
    case mapping([Entry])
  }

  struct Entry {
    var key: String
    var keyMark: Mark
    var value: YAMLNode
  }

  /// Where it starts; both count from 1.
  struct Mark {
    var line: Int
    var column: Int
  }

  /// As messages call it.
  var foundText: String {
    switch content {
    case .scalar(let text, isPlain: true): isNull ? "nothing" : quoted(text)
    case .scalar(let text, isPlain: false): "the text \(quoted(text))"
    case .sequence: "a list"
    case .mapping: "a map"
    }
  }

  /// Nothing, or one of YAML's words for it.
  var isNull: Bool {
    if case .scalar(let text, isPlain: true) = content {
      ["", "~", "null", "Null", "NULL"].contains(text)
    } else {
      false
    }
  }
}

/// A few characters of a file, safe to put on a terminal.
func quoted(_ text: String) -> String {
  let longest = 60
  let printable = text.unicodeScalars.prefix(longest).map { scalar in
    scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) ? "\u{FFFD}" : scalar
  }
  return "“" + String(String.UnicodeScalarView(printable)) + (text.unicodeScalars.count > longest ? "…”" : "”")
}

extension YAMLNode {
  /// A file written by people has a few KiB.
  static let maximumBytes = 1024 * 1024
  /// The schema has three levels.
  static let maximumDepth = 16
  /// Bounds the memory that a hostile file can take while it is being refused.
  static let maximumNodes = 20_000

  /// The only document of the text, nil when it is empty; and what is wrong with it as YAML. After a syntax error there is no
  /// telling what the rest means.
  static func parse(_ bytes: [UInt8], file: String) -> (root: YAMLNode?, errors: [ConfigurationError]) {
    guard bytes.count <= maximumBytes else {
      let location = ConfigurationLocation(file: file, line: 1, column: 1)
      return (nil, [ConfigurationError(location: location, message: "the file is larger than 1 MiB")])
    }
    return bytes.withUnsafeBufferPointer { buffer in
      var composer = Composer(buffer, file: file)
      let root = try? composer.document()
      return (root, composer.errors)
    }
  }
}

/// Makes nodes from libyaml's events. Valid while the text is.
private struct Composer: ~Copyable {
  private(set) var errors: [ConfigurationError] = []
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let text: UnsafeBufferPointer<UInt8>
  private let file: String
  private var nodes = 0

  /// What is wrong has been reported, and no more can be read.
  fileprivate struct Stop: Error {}

  init(_ text: UnsafeBufferPointer<UInt8>, file: String) {
    parser = .allocate(capacity: 1)
    parser.initialize(to: yaml_parser_t())
    self.text = text
    self.file = file
    // Fails without memory only; then every further call fails too.
    _ = yaml_parser_initialize(parser)
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    // libyaml takes a missing address for a mistake, though nothing is read from it.
    yaml_parser_set_input_string(parser, text.baseAddress ?? UnsafePointer(bitPattern: 1), text.count)
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
  }

  mutating func document() throws(Stop) -> YAMLNode? {
    var root: YAMLNode?
    while true {
      let event = try next()
      switch event.kind {
      case .streamStart, .documentEnd: continue
      case .documentStart:
        if root != nil { throw stop("a second document: a configuration is one", at: event.mark) }
      case .streamEnd: return root
      case .scalar, .sequence, .mapping, .alias: root = try node(event, depth: 0)
      case .end, .other: throw stop("this is no YAML that makes sense here", at: event.mark)
      }
    }
  }

  private mutating func node(_ event: Event, depth: Int) throws(Stop) -> YAMLNode {
    nodes += 1
    guard nodes <= YAMLNode.maximumNodes else {
      throw stop("more than \(YAMLNode.maximumNodes) values: this is no configuration", at: event.mark)
    }
    guard depth <= YAMLNode.maximumDepth else {
      throw stop("nested deeper than \(YAMLNode.maximumDepth) levels", at: event.mark)
    }
    if let decoration = event.decoration {
      report("\(decoration) are not supported: write the value out", at: event.mark)
    }
    switch event.kind {
    case .scalar(let text, let isPlain): return YAMLNode(content: .scalar(text, isPlain: isPlain), mark: event.mark)
    case .sequence: return YAMLNode(content: .sequence(try elements(depth: depth + 1)), mark: event.mark)
    case .mapping: return YAMLNode(content: .mapping(try entries(depth: depth + 1)), mark: event.mark)
    case .alias: throw stop("aliases (*name) are not supported: write the value out", at: event.mark)
    case .streamStart, .streamEnd, .documentStart, .documentEnd, .end, .other:
      throw stop("this is no YAML that makes sense here", at: event.mark)
    }
  }

  private mutating func elements(depth: Int) throws(Stop) -> [YAMLNode] {
    var elements: [YAMLNode] = []
    while true {
      let event = try next()
      if case .end = event.kind { return elements }
      elements.append(try node(event, depth: depth))
    }
  }

  private mutating func entries(depth: Int) throws(Stop) -> [YAMLNode.Entry] {
    var entries: [YAMLNode.Entry] = []
    var lines: [String: Int] = [:]
    while true {
      let event = try next()
      if case .end = event.kind { return entries }
      let key = try node(event, depth: depth)
      let value = try node(try next(), depth: depth)
      guard case .scalar(let name, _) = key.content else {
        report("a key must be a word, this is \(key.foundText)", at: key.mark)
        continue
      }
      if let line = lines[name] {
        report("the key \(quoted(name)) is there already, in line \(line)", at: key.mark)
        continue
      }
      lines[name] = key.mark.line
      entries.append(YAMLNode.Entry(key: name, keyMark: key.mark, value: value))
    }
  }

  private mutating func report(_ message: String, at mark: YAMLNode.Mark) {
    guard errors.count < ConfigurationErrors.maximum else { return }
    let location = ConfigurationLocation(file: file, line: mark.line, column: mark.column)
    errors.append(ConfigurationError(location: location, message: message))
  }

  private mutating func stop(_ message: String, at mark: YAMLNode.Mark) -> Stop {
    report(message, at: mark)
    return Stop()
  }
}

extension Composer {
  /// libyaml's event as a value.
  fileprivate struct Event {
    var kind: Kind
    var mark: YAMLNode.Mark
    /// What it is decorated with that we do not support.
    var decoration: String?

    enum Kind {
      case streamStart, streamEnd, documentStart, documentEnd
      case scalar(String, isPlain: Bool)
      case sequence, mapping
      /// Of a sequence or mapping.
      case end
      case alias
      case other
    }
  }

  private mutating func next() throws(Stop) -> Event {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else { throw syntaxError() }
    defer { yaml_event_delete(&event) }
    return Event(kind: Self.kind(event), mark: Self.mark(event.start_mark), decoration: Self.decoration(event))
  }

  private static func kind(_ event: yaml_event_t) -> Event.Kind {
    switch event.type {
    case YAML_STREAM_START_EVENT: return .streamStart
    case YAML_STREAM_END_EVENT: return .streamEnd
    case YAML_DOCUMENT_START_EVENT: return .documentStart
    case YAML_DOCUMENT_END_EVENT: return .documentEnd
    case YAML_SEQUENCE_START_EVENT: return .sequence
    case YAML_MAPPING_START_EVENT: return .mapping
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return .end
    case YAML_ALIAS_EVENT: return .alias
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      return .scalar(String(decoding: bytes, as: UTF8.self), isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
    default: return .other
    }
  }

  private static func decoration(_ event: yaml_event_t) -> String? {
    let (anchor, tag) =
      switch event.type {
      case YAML_SCALAR_EVENT: (event.data.scalar.anchor, event.data.scalar.tag)
      case YAML_SEQUENCE_START_EVENT: (event.data.sequence_start.anchor, event.data.sequence_start.tag)
      case YAML_MAPPING_START_EVENT: (event.data.mapping_start.anchor, event.data.mapping_start.tag)
      default: (nil, nil)
      }
    return anchor != nil ? "anchors (&name)" : tag != nil ? "tags (!name)" : nil
  }

  private static func mark(_ mark: yaml_mark_t) -> YAMLNode.Mark {
    YAMLNode.Mark(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
  }

  private mutating func syntaxError() -> Stop {
    let problem = parser.pointee.problem.map { String(cString: $0) } ?? "out of memory"
    guard parser.pointee.error == YAML_READER_ERROR else {
      let context = parser.pointee.context.map { " (\(String(cString: $0)))" } ?? ""
      return stop("not YAML: \(problem)\(context)", at: Self.mark(parser.pointee.problem_mark))
    }
    // The reader counts bytes only.
    let before = text.prefix(Int(parser.pointee.problem_offset))
    let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    let line = before.count { $0 == UInt8(ascii: "\n") } + 1
    return stop("not text in UTF-8: \(problem)", at: YAMLNode.Mark(line: line, column: before.count - lineStart + 1))
  }
}
