internal import Control
internal import JSON

/// Requests that wait for a device to answer on another thread, by number. Confined to the `net` thread.
struct PendingAnswers {
  /// More than this wait only when a device hangs or somebody floods; they are refused, not queued.
  static let maximum = 256

  private var completions: [UInt64: RPCDispatcher.Completion] = [:]
  private var next: UInt64 = 0

  var count: Int { completions.count }

  /// Keeps a completion; the number names it in ``NetMessage/answer(_:_:)``.
  mutating func keep(_ completion: @escaping RPCDispatcher.Completion) throws(RPCError) -> UInt64 {
    guard completions.count < Self.maximum else {
      throw .deviceError("\(Self.maximum) requests wait for this device already: try again when some are answered")
    }
    next &+= 1
    completions[next] = completion
    return next
  }

  /// The completion with this number, once; nil when it was taken before.
  mutating func take(_ number: UInt64) -> RPCDispatcher.Completion? {
    completions.removeValue(forKey: number)
  }
}
