/// Packets between two layers of one session (DTLS records on their way out, SCTP packets on their way to DTLS), in order, in
/// one growing piece of memory that is reused once the queue has been emptied.
@usableFromInline
package struct PacketQueue: ~Copyable {
  @usableFromInline var bytes: [UInt8] = []
  @usableFromInline var lengths: [Int] = []
  @usableFromInline var firstLength = 0
  @usableFromInline var firstByte = 0
  @usableFromInline let maximumBytes: Int
  /// How many packets were refused because the queue was full.
  @usableFromInline package internal(set) var dropped = 0

  /// - Parameter maximumBytes: a packet that would take the queue past this is refused and counted.
  package init(maximumBytes: Int) {
    self.maximumBytes = maximumBytes
  }

  @inlinable
  package var isEmpty: Bool { firstLength == lengths.count }

  /// How many packets wait.
  package var count: Int { lengths.count &- firstLength }

  /// Adds a packet at the end; false when the queue is full.
  @discardableResult
  package mutating func append(_ packet: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count &- firstByte &+ packet.count <= maximumBytes else {
      dropped &+= 1
      return false
    }
    bytes.append(contentsOf: packet)
    lengths.append(packet.count)
    return true
  }

  /// Takes the oldest packet out and shows it to `body`; nil when there is none.
  @inlinable
  package mutating func popFirst<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result? {
    guard !isEmpty else { return nil }
    let length = lengths[firstLength]
    let result = bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[firstByte..<(firstByte &+ length)])) }
    firstLength &+= 1
    firstByte &+= length
    if isEmpty { removeAll() }
    return result
  }

  @inlinable
  package mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    lengths.removeAll(keepingCapacity: true)
    firstLength = 0
    firstByte = 0
  }
}
