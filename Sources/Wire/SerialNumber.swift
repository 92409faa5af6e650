/// Serial-number arithmetic (RFC 1982) on counters that wrap: RTP sequence numbers and timestamps, picture ids.
extension FixedWidthInteger where Self: UnsignedInteger {
  /// Whether this counter value comes after `other`, by the shorter way round. Values exactly half the range apart count as
  /// after each other in one direction only: the larger one is newer.
  @inlinable
  package func isNewer(than other: Self) -> Bool {
    let distance = self &- other
    let half = Self.max / 2 &+ 1
    return distance == half ? self > other : distance != 0 && distance < half
  }
}

/// Turns 16-bit sequence numbers into ones that never wrap, from the order in which they arrive.
package struct SequenceUnwrapper: Sendable {
  private var last: Int64?

  package init() {}

  /// The number nearest to the last one whose lower 16 bits are `sequenceNumber`.
  package mutating func unwrap(_ sequenceNumber: UInt16) -> Int64 {
    guard let last else {
      self.last = Int64(sequenceNumber)
      return Int64(sequenceNumber)
    }
    let step = Int16(truncatingIfNeeded: Int64(sequenceNumber) &- last)
    let unwrapped = last &+ Int64(step)
    self.last = max(last, unwrapped)
    return unwrapped
  }
}
