internal import CLinux
package import Wire

/// Waits until one of a few descriptors is readable or has failed (the call that follows says how), or the deadline has passed.
///
/// ``Poller`` is for many descriptors that stay; this one is for a device thread, whose descriptors come and go, and takes what
/// `epoll` refuses: regular files count as readable. Negative descriptors are left out.
///
/// - Parameter deadline: nil waits for ever.
/// - Returns: which are ready, the first in bit 0; 0 when time has passed or a signal came, so look again in any case.
package func waitForInput<let count: Int>(_ descriptors: InlineArray<count, Int32>, until deadline: Instant?) -> UInt32
{
  let timeout = deadline.map { max(0, ($0 - Clock.now()).nanoseconds) } ?? -1
  return descriptors.span.withUnsafeBufferPointer {
    perch_wait_for_input($0.baseAddress, Int32(count), timeout)
  }
}
