package import JSON

/// JSON-RPC 2.0 over the `control` channel: takes a message apart, calls the methods, and puts the answers together.
///
/// Confined to the `net` thread. Methods answer at once or later; a batch is answered when its last answer is there. A notification
/// (no `id`) is carried out and never answered, not even with an error (§4.1).
package final class RPCDispatcher {
  /// Gives a method's answer, once, on the `net` thread.
  package typealias Completion = (Result<JSONValue, RPCError>) -> Void
  package typealias ImmediateMethod = (inout RPCParameters) throws(RPCError) -> JSONValue
  package typealias DeferredMethod = (inout RPCParameters, @escaping Completion) throws(RPCError) -> Void

  private enum Method {
    case immediate(ImmediateMethod)
    case deferred(DeferredMethod)
  }

  /// A batch longer than this is refused: one message must not keep the loop busy.
  package static let maximumBatchLength = 32

  private var methods: [String: Method] = [:]

  package init() {}

  /// Adds a method that answers at once.
  package func add(_ name: String, _ method: @escaping ImmediateMethod) {
    methods[name] = .immediate(method)
  }

  /// Adds a method that answers later through its completion.
  package func add(_ name: String, deferred method: @escaping DeferredMethod) {
    methods[name] = .deferred(method)
  }

  /// Carries out a message.
  ///
  /// - Parameter respond: gets the JSON text to send back, at once or later; not called when nothing is to be answered.
  package func handle(_ message: [UInt8], respond: @escaping ([UInt8]) -> Void) {
    let parsed: JSONValue
    do {
      parsed = try JSONValue(parsing: message)
    } catch {
      return respond(Self.response(id: .null, .failure(.parseError("the message is not JSON: \(error)"))).bytes)
    }
    guard let requests = parsed.array else {
      return handle(request: parsed) { if let response = $0 { respond(response.bytes) } }
    }
    guard (1...Self.maximumBatchLength).contains(requests.count) else {
      let error = RPCError.invalidRequest("a batch has 1 to \(Self.maximumBatchLength) requests")
      return respond(Self.response(id: .null, .failure(error)).bytes)
    }
    let batch = Batch(missing: requests.count, respond: respond)
    for request in requests {
      handle(request: request) { batch.add($0) }
    }
  }

  private func handle(request: JSONValue, respond: @escaping (JSONValue?) -> Void) {
    guard request["jsonrpc"]?.string == "2.0", let name = request["method"]?.string,
      Self.isValid(id: request["id"])
    else {
      let error = RPCError.invalidRequest(
        "a request has jsonrpc \"2.0\", a method, and an id that is a string or a number")
      return respond(Self.response(id: .null, .failure(error)))
    }
    let id = request["id"]
    var answered = false
    let complete: Completion = { result in
      precondition(!answered, "each method answers once: an error of ours, not of the wire")
      answered = true
      respond(id.map { Self.response(id: $0, result) })
    }
    guard let method = methods[name] else {
      let known = methods.keys.sorted().joined(separator: ", ")
      return complete(.failure(.methodNotFound("there is no method '\(name.prefix(64))'; there are: \(known)")))
    }
    do throws(RPCError) {
      var parameters = try RPCParameters(request["params"])
      switch method {
      case .immediate(let method): complete(.success(try method(&parameters)))
      case .deferred(let method): try method(&parameters, complete)
      }
    } catch {
      complete(.failure(error))
    }
  }

  private static func isValid(id: JSONValue?) -> Bool {
    switch id {
    case nil, .null?, .string?, .integer?, .real?: true
    case .bool?, .array?, .object?: false
    }
  }

  private static func response(id: JSONValue, _ result: Result<JSONValue, RPCError>) -> JSONValue {
    switch result {
    case .success(let value): ["jsonrpc": "2.0", "id": id, "result": value]
    case .failure(let error): ["jsonrpc": "2.0", "id": id, "error": error.json]
    }
  }

  /// The answers of a batch, until all are there.
  private final class Batch {
    private var missing: Int
    private var responses: [JSONValue] = []
    private let respond: ([UInt8]) -> Void

    init(missing: Int, respond: @escaping ([UInt8]) -> Void) {
      self.missing = missing
      self.respond = respond
    }

    func add(_ response: JSONValue?) {
      missing -= 1
      if let response { responses.append(response) }
      if missing == 0, !responses.isEmpty { respond(JSONValue.array(responses).bytes) }
    }
  }
}
