import Control
import JSON
import Testing

@testable import Agent

@Suite struct PendingAnswersTests {
  @Test func eachCompletionIsTakenOnceByItsNumber() throws {
    var pending = PendingAnswers()
    var answers: [JSONValue] = []
    let first = try pending.keep { if case .success(let value) = $0 { answers.append(value) } }
    let second = try pending.keep { _ in Issue.record("another request's answer") }
    #expect(first != second)
    pending.take(first)?(.success(7))
    #expect(pending.take(first) == nil)
    #expect(answers == [7])
    #expect(pending.count == 1)
  }

  @Test func moreThanTheirBoundAreRefusedUntilSomeAreAnswered() throws {
    var pending = PendingAnswers()
    let numbers = try (0..<PendingAnswers.maximum).map { _ in try pending.keep { _ in } }
    #expect(throws: RPCError.self) { try pending.keep { _ in } }
    #expect(pending.count == PendingAnswers.maximum)
    _ = pending.take(numbers[0])
    _ = try pending.keep { _ in }
  }
}
