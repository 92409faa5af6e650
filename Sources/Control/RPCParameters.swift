package import JSON

/// The `params` of a request, taken apart with checks. Each getter either gives a value of the right type and range, or throws the
/// error that names the parameter and what was expected. ``finish()`` refuses what nobody asked for.
package struct RPCParameters {
  private let object: JSONObject
  private var known: Set<String> = []

  init(_ value: JSONValue?) throws(RPCError) {
    guard let value else {
      object = JSONObject()
      return
    }
    guard let object = value.object else {
      throw .invalidParameters("params must be an object with named parameters")
    }
    self.object = object
  }

  /// An integer in `range`; nil when the parameter is missing.
  package mutating func integer(_ name: String, in range: ClosedRange<Int64>) throws(RPCError) -> Int64? {
    guard let value = take(name) else { return nil }
    guard let integer = value.integer, range.contains(integer) else {
      throw .invalidParameters("\(name) must be an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return integer
  }

  /// A string of at most `limit` bytes; nil when the parameter is missing.
  package mutating func string(_ name: String, limit: Int = 256) throws(RPCError) -> String? {
    guard let value = take(name) else { return nil }
    guard let string = value.string, string.utf8.count <= limit else {
      throw .invalidParameters("\(name) must be a string of at most \(limit) bytes")
    }
    return string
  }

  /// The value as it came, for those whose type depends on another parameter; nil when it is missing.
  package mutating func value(_ name: String) -> JSONValue? {
    take(name)
  }

  /// Throws when there are parameters that no getter was called for.
  package func finish() throws(RPCError) {
    if let unknown = object.keys.first(where: { !known.contains($0) }) {
      let expected = known.isEmpty ? "none is expected" : "expected are: \(known.sorted().joined(separator: ", "))"
      throw .invalidParameters("there is no parameter '\(unknown)'; \(expected)")
    }
  }

  /// Passes a value on, or throws that the parameter is missing.
  package static func require<Value>(_ value: Value?, _ name: String) throws(RPCError) -> Value {
    guard let value else { throw .invalidParameters("the parameter \(name) is missing") }
    return value
  }

  private mutating func take(_ name: String) -> JSONValue? {
    known.insert(name)
    return object[name]
  }
}
