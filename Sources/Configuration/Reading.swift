extension Configuration {
  /// The defaults, changed by a file's contents. Reading the file is the caller's business.
  ///
  /// - Parameter file: its name for messages.
  /// - Throws: all that is wrong with it, not only the first.
  package init(yaml bytes: [UInt8], file: String) throws(ConfigurationErrors) {
    self.init()
    _ = try apply(yaml: bytes, file: file)
  }

  /// Changes what a file mentions and leaves all else: files are layered by applying one after the other. Lists and constraints
  /// are replaced as a whole. When anything is wrong nothing is changed.
  ///
  /// - Returns: for each setting that the file gives (`http.port`), where.
  package mutating func apply(
    yaml bytes: [UInt8], file: String
  ) throws(ConfigurationErrors) -> [String: ConfigurationLocation] {
    let (root, errors) = YAMLNode.parse(bytes, file: file)
    var reading = Reading(file: file, errors: errors)
    var result = self
    if let root { Configuration.schema.read(root, into: &result, at: [], &reading) }
    guard reading.errors.isEmpty else { throw ConfigurationErrors(reading.errors) }
    self = result
    return reading.origins
  }
}

/// A place in a file.
package struct ConfigurationLocation: Hashable, Sendable, CustomStringConvertible {
  package var file: String
  /// Counts from 1.
  package var line: Int
  /// Counts from 1, in characters.
  package var column: Int

  /// `perch.yaml:3:7`, as compilers say it.
  package var description: String { "\(file):\(line):\(column)" }
}

/// One thing that is wrong with a file.
package struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
  package var location: ConfigurationLocation
  package var message: String

  /// `perch.yaml:3:7: unknown key …`
  package var description: String { "\(location): \(message)" }
}

/// All that is wrong with a file, in its order.
package struct ConfigurationErrors: Error, Equatable, Sendable, CustomStringConvertible {
  /// A file that is no configuration at all is not listed line by line.
  package static let maximum = 100

  package let errors: [ConfigurationError]

  init(_ errors: [ConfigurationError]) {
    let ordered = errors.enumerated().sorted { left, right in
      let (first, second) = (left.element.location, right.element.location)
      return (first.line, first.column, left.offset) < (second.line, second.column, right.offset)
    }
    self.errors = ordered.prefix(Self.maximum).map(\.element)
  }

  /// One line for each.
  package var description: String { errors.map(\.description).joined(separator: "\n") }
}

/// What comes together while a file is read.
struct Reading {
  let file: String
  private(set) var errors: [ConfigurationError]
  private(set) var origins: [String: ConfigurationLocation] = [:]

  init(file: String, errors: [ConfigurationError]) {
    self.file = file
    self.errors = errors
  }

  mutating func report(_ message: String, at mark: YAMLNode.Mark) {
    errors.append(ConfigurationError(location: location(mark), message: message))
  }

  mutating func note(_ path: [String], at mark: YAMLNode.Mark) {
    origins[path.joined(separator: ".")] = location(mark)
  }

  private func location(_ mark: YAMLNode.Mark) -> ConfigurationLocation {
    ConfigurationLocation(file: file, line: mark.line, column: mark.column)
  }
}
