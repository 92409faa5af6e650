import Control
import JSON
import Testing

@Suite struct RPCDispatcherTests {
  private func dispatcher() -> RPCDispatcher {
    let dispatcher = RPCDispatcher()
    dispatcher.add("add") { (parameters) throws(RPCError) in
      let a = try RPCParameters.require(try parameters.integer("a", in: 0...100), "a")
      let b = try parameters.integer("b", in: 0...100) ?? 1
      try parameters.finish()
      return .integer(a + b)
    }
    return dispatcher
  }

  private func answer(_ request: String) throws -> JSONValue? {
    var answers: [[UInt8]] = []
    dispatcher().handle(Array(request.utf8)) { answers.append($0) }
    #expect(answers.count <= 1)
    return try answers.first.map { try JSONValue(parsing: $0) }
  }

  @Test func answersARequestWithItsIdentifier() throws {
    let response = try answer(#"{"jsonrpc":"2.0","id":"x7","method":"add","params":{"a":3,"b":4}}"#)
    #expect(response == ["jsonrpc": "2.0", "id": "x7", "result": 7])
  }

  @Test(arguments: [
    (#"{"#, -32700), (#"{"jsonrpc":"1.0","id":1,"method":"add"}"#, -32600), (#"7"#, -32600), (#"[]"#, -32600),
    (#"{"jsonrpc":"2.0","id":{},"method":"add"}"#, -32600), (#"{"jsonrpc":"2.0","id":1,"method":"sub"}"#, -32601),
    (#"{"jsonrpc":"2.0","id":1,"method":"add","params":[1]}"#, -32602),
    (#"{"jsonrpc":"2.0","id":1,"method":"add","params":{}}"#, -32602),
    (#"{"jsonrpc":"2.0","id":1,"method":"add","params":{"a":101}}"#, -32602),
    (#"{"jsonrpc":"2.0","id":1,"method":"add","params":{"a":"1"}}"#, -32602),
    (#"{"jsonrpc":"2.0","id":1,"method":"add","params":{"a":1,"c":2}}"#, -32602),
  ])
  func answersErrorsWithTheirCodes(request: String, code: Int64) throws {
    #expect(try answer(request)?["error"]?["code"]?.integer == code)
  }

  @Test func anUnknownParameterIsNamedTogetherWithTheKnownOnes() throws {
    let response = try answer(#"{"jsonrpc":"2.0","id":1,"method":"add","params":{"a":1,"c":2}}"#)
    #expect(response?["error"]?["message"]?.string == "there is no parameter 'c'; expected are: a, b")
  }

  @Test func notificationsAreNeverAnswered() throws {
    #expect(try answer(#"{"jsonrpc":"2.0","method":"add","params":{"a":1}}"#) == nil)
    #expect(try answer(#"{"jsonrpc":"2.0","method":"nothing"}"#) == nil)
    #expect(try answer(#"[{"jsonrpc":"2.0","method":"nothing"}]"#) == nil)
  }

  @Test func aBatchIsAnsweredTogetherAndInvalidPartsAlone() throws {
    let response = try answer(
      #"[{"jsonrpc":"2.0","id":1,"method":"add","params":{"a":1}},1,{"jsonrpc":"2.0","method":"add","params":{"a":1}}]"#
    )
    let parts = try #require(response?.array)
    #expect(parts.count == 2)
    #expect(parts[0]["result"] == 2)
    #expect(parts[1]["error"]?["code"] == -32600)
  }

  @Test func aBatchWithDeferredAnswersWaitsForTheLast() throws {
    let dispatcher = RPCDispatcher()
    var later: [RPCDispatcher.Completion] = []
    dispatcher.add("slow", deferred: { (_, completion) throws(RPCError) in later.append(completion) })
    var answers: [[UInt8]] = []
    let batch = #"[{"jsonrpc":"2.0","id":1,"method":"slow"},{"jsonrpc":"2.0","id":2,"method":"slow"}]"#
    dispatcher.handle(Array(batch.utf8)) { answers.append($0) }
    later[1](.success(2))
    #expect(answers.isEmpty)
    later[0](.failure(.deviceError("no camera")))
    #expect(answers.count == 1)
    #expect(try JSONValue(parsing: answers[0]).array?.count == 2)
  }
}
