/// Where a datagram goes: from one of our addresses to one of the peer's.
///
/// Both ends matter on a board with several interfaces: an ICE check must be answered from the address that it was sent to
/// (RFC 8445 §7.3.1.2).
@usableFromInline
package struct NetworkPath: Hashable, Sendable {
  @usableFromInline package var local: SocketAddress
  @usableFromInline package var remote: SocketAddress

  package init(local: SocketAddress, remote: SocketAddress) {
    self.local = local
    self.remote = remote
  }
}

/// Datagrams on their way out: written one after the other into one piece of memory that is allocated once and reused.
///
/// Everything that sends appends here; the owner hands the whole to the kernel (or to a simulated network) in one go. Because the
/// bytes of consecutive datagrams touch, a run of equal sizes to one peer can leave as a single segmented send (`UDP_SEGMENT`).
/// When the memory is full the batch empties itself through the closure given at the start, so appending never fails.
@usableFromInline
package struct DatagramBatch: ~Copyable {
  /// One datagram: where it goes, and where it lies in the batch's memory.
  @usableFromInline
  package struct Entry {
    @usableFromInline package var path: NetworkPath
    @usableFromInline package var offset: Int
    @usableFromInline package var length: Int

    @inlinable
    init(path: NetworkPath, offset: Int, length: Int) {
      self.path = path
      self.offset = offset
      self.length = length
    }
  }

  /// The largest datagram that anything of ours writes: an Ethernet frame's payload without IPv4 and UDP headers. Media and SCTP
  /// stay below 1,200 bytes (RFC 8831 §5); the rest is room for ciphers to work in.
  @usableFromInline package static let maximumDatagramSize = 1472

  /// Fits 64 full segments, the most that one segmented send may carry (UDP_MAX_SEGMENTS).
  package static let defaultCapacity = 96 * 1024

  @usableFromInline package internal(set) var entries: [Entry] = []
  @usableFromInline let memory: UnsafeMutableRawBufferPointer
  @usableFromInline var used = 0
  @usableFromInline let whenFull: (inout DatagramBatch) -> Void

  /// - Parameters:
  ///   - capacity: bytes of memory; at least ``maximumDatagramSize``.
  ///   - whenFull: sends what is in the batch and calls ``removeAll()``.
  package init(capacity: Int = defaultCapacity, whenFull: @escaping (inout DatagramBatch) -> Void) {
    precondition(capacity >= Self.maximumDatagramSize, "a batch holds at least one datagram")
    memory = .allocate(byteCount: capacity, alignment: 64)
    entries.reserveCapacity(capacity / 128)
    self.whenFull = whenFull
  }

  deinit {
    memory.deallocate()
  }

  @inlinable
  package var isEmpty: Bool { entries.isEmpty }

  /// Adds the datagram that `body` writes; none when it overflows, discards, or writes nothing.
  @inlinable
  package mutating func append(on path: NetworkPath, _ body: (inout ByteWriter) -> Void) {
    if memory.count &- used < Self.maximumDatagramSize {
      whenFull(&self)
    }
    let room = UnsafeMutableRawBufferPointer(rebasing: memory[used..<(used &+ Self.maximumDatagramSize)])
    var writer = ByteWriter(room)
    body(&writer)
    guard !writer.overflowed, writer.count > 0 else { return }
    entries.append(Entry(path: path, offset: used, length: writer.count))
    used &+= writer.count
  }

  /// Adds a datagram with these bytes.
  @inlinable
  package mutating func append(on path: NetworkPath, _ bytes: RawSpan) {
    append(on: path) { $0.write(bytes) }
  }

  @inlinable
  package mutating func removeAll() {
    entries.removeAll(keepingCapacity: true)
    used = 0
  }

  /// The bytes of all entries, to be read at their offsets.
  @inlinable
  package func withMemory<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    body(UnsafeRawBufferPointer(rebasing: memory[..<used]))
  }
}
