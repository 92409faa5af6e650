package import JSON

/// Why a request failed, in JSON-RPC 2.0's terms (§5.1). The message is a sentence for the person who wrote the client.
package struct RPCError: Error, Equatable, Sendable {
  package var code: Int64
  package var message: String

  package init(code: Int64, message: String) {
    self.code = code
    self.message = message
  }

  package static func parseError(_ message: String) -> RPCError { RPCError(code: -32700, message: message) }
  package static func invalidRequest(_ message: String) -> RPCError { RPCError(code: -32600, message: message) }
  package static func methodNotFound(_ message: String) -> RPCError { RPCError(code: -32601, message: message) }
  package static func invalidParameters(_ message: String) -> RPCError { RPCError(code: -32602, message: message) }
  package static func internalError(_ message: String) -> RPCError { RPCError(code: -32603, message: message) }
  /// The request was right, but the device cannot do it now: no camera, or it refused. Of the range for servers' own codes.
  package static func deviceError(_ message: String) -> RPCError { RPCError(code: -32000, message: message) }

  package var json: JSONValue { ["code": .integer(code), "message": .string(message)] }
}
