internal import CLinux
package import Wire

/// Waits until one of many descriptors is ready or a deadline has passed (`epoll`). Used by one loop.
///
/// Sendable because it is made on one thread and handed to the loop that uses it from then on: nothing waits on one poller from two
/// threads, and epoll itself may be changed from any.
package struct Poller: ~Copyable, @unchecked Sendable {
  private let descriptor: FileDescriptor
  private let tokens: UnsafeMutableBufferPointer<UInt64>

  /// How many ready descriptors one wait reports; the others are reported by the next.
  private static let capacity = 64

  package init() throws(SystemError) {
    descriptor = FileDescriptor(owning: try SystemError.check(perch_epoll_make(), "make an epoll instance"))
    tokens = .allocate(capacity: Self.capacity)
  }

  deinit {
    tokens.deallocate()
  }

  /// Reports `token` whenever `raw` is readable (level-triggered).
  package func add(_ raw: Int32, token: UInt64) throws(SystemError) {
    _ = try SystemError.check(perch_epoll_add(descriptor.raw, raw, token), "watch a descriptor")
  }

  package func remove(_ raw: Int32) {
    _ = perch_epoll_remove(descriptor.raw, raw)
  }

  /// Waits, then calls `body` with each ready descriptor's token.
  ///
  /// - Parameter deadline: when to return at the latest; nil waits for ever.
  package func wait(until deadline: Instant?, _ body: (UInt64) -> Void) throws(SystemError) {
    let timeout = deadline.map { max(0, ($0 - Clock.now()).nanoseconds) } ?? -1
    let count = perch_epoll_wait(descriptor.raw, tokens.baseAddress!, Int32(Self.capacity), timeout)
    for index in 0..<Int(try SystemError.check(count, "wait for events")) {
      body(tokens[index])
    }
  }
}
