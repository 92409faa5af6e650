internal import CLinux
internal import Glibc
public import Synchronization

/// Wakes a loop of another thread: an `eventfd` that becomes readable.
@usableFromInline
package struct EventSignal: ~Copyable, Sendable {
  private let descriptor: FileDescriptor

  package init() throws(SystemError) {
    descriptor = FileDescriptor(owning: try SystemError.check(perch_eventfd(), "make an eventfd"))
  }

  /// To be polled for reading.
  package var raw: Int32 { descriptor.raw }

  /// Makes the descriptor readable. From any thread.
  @usableFromInline
  package func signal() {
    var one: UInt64 = 1
    _ = write(raw, &one, 8)  // fails only when 2⁶⁴-1 signals wait: it is readable then
  }

  /// Makes the descriptor unreadable until the next signal.
  @usableFromInline
  package func clear() {
    var count: UInt64 = 0
    _ = read(raw, &count, 8)
  }
}

/// Messages from any thread to one loop: bounded, in order, waking the loop only when the box was empty.
///
/// Inlinable, so that each module has its own kind of message without generic code at each post.
@usableFromInline
package final class Mailbox<Message: Sendable>: Sendable {
  @usableFromInline let capacity: Int
  @usableFromInline let messages = Mutex<[Message]>([])
  @usableFromInline let signal: EventSignal

  /// - Parameter capacity: ``post(_:)`` refuses messages past this many.
  package init(capacity: Int) throws(SystemError) {
    self.capacity = capacity
    signal = try EventSignal()
  }

  /// Readable while messages wait. The loop polls it and then calls ``drain(into:)``.
  package var descriptor: Int32 { signal.raw }

  /// Leaves a message. From any thread.
  ///
  /// - Returns: false when the box is full: the receiver has hung, and the sender decides what that means.
  @inlinable
  @discardableResult
  package func post(_ message: consuming sending Message) -> Bool {
    var box: Message? = consume message
    let (accepted, wake) = messages.withLock { messages -> (Bool, Bool) in
      guard messages.count < capacity, let message = box.take() else { return (false, false) }
      messages.append(message)
      return (true, messages.count == 1)
    }
    if wake { signal.signal() }
    return accepted
  }

  /// Moves all messages into `batch`, whose memory is reused for the next ones. From the loop's thread only.
  @inlinable
  package func drain(into batch: inout [Message]) {
    signal.clear()
    batch.removeAll(keepingCapacity: true)
    var taken = batch
    batch = []
    messages.withLock { swap(&$0, &taken) }
    batch = taken
  }
}
