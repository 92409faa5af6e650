/// Writes big-endian values into memory of a fixed size that somebody else owns: usually a slot of a ``DatagramBatch``.
///
/// A write past the end is not made and is remembered in ``overflowed``; whoever owns the memory then discards the whole. So no
/// writer needs a check per field, and no length can trap. Valid only inside the closure that hands it out.
@usableFromInline
package struct ByteWriter: ~Copyable {
  @usableFromInline let base: UnsafeMutableRawPointer
  @usableFromInline package let capacity: Int
  /// How many bytes have been written.
  @usableFromInline package internal(set) var count = 0
  /// Something did not fit, or ``discard()`` was called: the bytes must not be used.
  @usableFromInline package internal(set) var overflowed = false

  /// - Parameter memory: must stay valid for as long as the writer is used.
  @inlinable
  package init(_ memory: UnsafeMutableRawBufferPointer) {
    // An empty buffer has no address; nothing is ever written through the stand-in since the capacity is zero.
    base = memory.baseAddress ?? UnsafeMutableRawPointer(bitPattern: 1)!
    capacity = memory.count
  }

  /// Makes an array of what `body` writes; empty when that is more than `capacity` bytes.
  package static func bytes(capacity: Int, _ body: (inout ByteWriter) -> Void) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initialized in
      var writer = ByteWriter(UnsafeMutableRawBufferPointer(buffer))
      body(&writer)
      initialized = writer.overflowed ? 0 : writer.count
    }
  }

  @inlinable
  package mutating func write(_ value: UInt8) { store(value) }
  @inlinable
  package mutating func write(_ value: UInt16) { store(value.bigEndian) }
  @inlinable
  package mutating func write(_ value: UInt32) { store(value.bigEndian) }
  @inlinable
  package mutating func write(_ value: UInt64) { store(value.bigEndian) }

  /// The lower 24 bits of `value`.
  @inlinable
  package mutating func writeUInt24(_ value: UInt32) {
    write(UInt8(truncatingIfNeeded: value &>> 16))
    write(UInt16(truncatingIfNeeded: value))
  }

  @inlinable
  package mutating func write(_ bytes: RawSpan) {
    bytes.withUnsafeBytes { write($0) }
  }

  @inlinable
  package mutating func write(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count <= capacity &- count else { return overflowed = true }
    guard let source = bytes.baseAddress else { return }
    (base + count).copyMemory(from: source, byteCount: bytes.count)
    count &+= bytes.count
  }

  @inlinable
  package mutating func write(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { write($0) }
  }

  @inlinable
  package mutating func write(_ text: String) {
    var text = text
    text.withUTF8 { write(UnsafeRawBufferPointer($0)) }
  }

  @inlinable
  package mutating func writeZeros(_ number: Int) {
    guard number >= 0, number <= capacity &- count else { return overflowed = true }
    (base + count).initializeMemory(as: UInt8.self, repeating: 0, count: number)
    count &+= number
  }

  /// Puts `value` at `offset`, which has been written already: lengths that are known only afterwards.
  @inlinable
  package mutating func patch(_ value: UInt16, at offset: Int) {
    guard offset >= 0, offset &+ 2 <= count else { return overflowed = true }
    (base + offset).storeBytes(of: value.bigEndian, as: UInt16.self)
  }

  @inlinable
  package mutating func patch(_ value: UInt8, at offset: Int) {
    guard offset >= 0, offset < count else { return overflowed = true }
    (base + offset).storeBytes(of: value, as: UInt8.self)
  }

  /// Forgets what was written past `count`.
  @inlinable
  package mutating func truncate(to count: Int) {
    if count >= 0, count < self.count { self.count = count }
  }

  /// Gives up: the bytes will not be used.
  @inlinable
  package mutating func discard() { overflowed = true }

  /// Lets a cipher work in place. `body` gets the whole memory and the number of bytes written, which it may change; when it
  /// returns false the bytes are discarded.
  @inlinable
  package mutating func transform(_ body: (UnsafeMutableRawBufferPointer, inout Int) -> Bool) {
    guard !overflowed else { return }
    var length = count
    guard body(UnsafeMutableRawBufferPointer(start: base, count: capacity), &length), length >= 0, length <= capacity
    else {
      return overflowed = true
    }
    count = length
  }

  /// What has been written so far, for checksums over it.
  @inlinable
  package func withWrittenBytes<Result>(_ body: (RawSpan) -> Result) -> Result {
    body(UnsafeRawBufferPointer(start: base, count: count).bytes)
  }

  @inlinable
  mutating func store<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
    guard MemoryLayout<Value>.size <= capacity &- count else { return overflowed = true }
    (base + count).storeBytes(of: value, as: Value.self)
    count &+= MemoryLayout<Value>.size
  }
}
