/// What the load generator is asked to do.
struct Options {
  var url = "http://127.0.0.1:8088/whep"
  var viewers = 1
  var seconds = 10
  /// Seconds at the start that do not count: connecting, first keyframes.
  var warmup = 2
  var printsJSON = false
  var measuresEcho = false

  static let usage = """
    Usage: perch-load [--url http://ADDRESS:PORT/whep] [--viewers N] [--seconds S] [--warmup S] [--echo] [--json]

      Watches a WHEP server with N viewers that decrypt, reassemble and count, and reports frames, loss and latency.
      --echo   also opens data channels on the first viewer: "echo", whose messages come back, for round trip and throughput, and
               "sink", whose messages nobody answers, for throughput one way.

    """

  struct UsageError: Error {
    let message: String
  }

  init(_ words: [String]) throws(UsageError) {
    var rest = words[...]
    while let word = rest.popFirst() {
      switch word {
      case "--url": url = try Self.value(&rest, word)
      case "--viewers": viewers = try Self.number(&rest, word, 1...1000)
      case "--seconds": seconds = try Self.number(&rest, word, 1...86_400)
      case "--warmup": warmup = try Self.number(&rest, word, 0...3600)
      case "--json": printsJSON = true
      case "--echo": measuresEcho = true
      default: throw UsageError(message: "'\(word)' is not an option")
      }
    }
  }

  private static func value(_ rest: inout ArraySlice<String>, _ option: String) throws(UsageError) -> String {
    guard let value = rest.popFirst() else { throw UsageError(message: "\(option) needs a value") }
    return value
  }

  private static func number(
    _ rest: inout ArraySlice<String>, _ option: String, _ range: ClosedRange<Int>
  ) throws(UsageError) -> Int {
    guard let number = Int(try value(&rest, option)), range.contains(number) else {
      throw UsageError(message: "\(option) needs a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }
}
