/// Why bytes from outside could not be read as what they claim to be. One error for all parsers: the callers drop and count.
@usableFromInline
package enum ParseError: Error, Equatable, Sendable {
  /// The bytes end before the value does.
  case truncated
  /// The bytes are there, but no such value exists. The text names the field for counters and tests, never for logic.
  case malformed(StaticReason)

  /// A reason that costs nothing to make.
  @usableFromInline
  package struct StaticReason: Equatable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    package let text: StaticString

    @usableFromInline
    package init(stringLiteral value: StaticString) {
      text = value
    }

    @usableFromInline
    package var description: String { text.description }

    @usableFromInline
    package static func == (left: StaticReason, right: StaticReason) -> Bool {
      left.description == right.description
    }
  }
}

/// Reads big-endian values from bytes that nobody vouches for. Each read either yields the value and moves on, or throws
/// ``ParseError/truncated`` and stays; no input can trap.
///
/// Used on the stack of one parser; it cannot outlive the bytes.
@usableFromInline
package struct ByteReader: ~Escapable {
  @usableFromInline let bytes: RawSpan
  /// How many bytes have been read.
  @usableFromInline package internal(set) var offset = 0

  @inlinable
  @_lifetime(copy bytes)
  package init(_ bytes: RawSpan) {
    self.bytes = bytes
  }

  /// How many bytes are left.
  @inlinable
  package var remaining: Int { bytes.byteCount &- offset }

  @inlinable
  package var isAtEnd: Bool { offset == bytes.byteCount }

  @inlinable
  @_lifetime(self: copy self)
  package mutating func readUInt8() throws(ParseError) -> UInt8 {
    try load(UInt8.self)
  }

  @inlinable
  @_lifetime(self: copy self)
  package mutating func readUInt16() throws(ParseError) -> UInt16 {
    UInt16(bigEndian: try load(UInt16.self))
  }

  /// Three bytes, as in RTP header extensions and RTCP loss counts.
  @inlinable
  @_lifetime(self: copy self)
  package mutating func readUInt24() throws(ParseError) -> UInt32 {
    guard remaining >= 3 else { throw .truncated }
    let high = try readUInt8()
    let low = try readUInt16()
    return UInt32(high) &<< 16 | UInt32(low)
  }

  @inlinable
  @_lifetime(self: copy self)
  package mutating func readUInt32() throws(ParseError) -> UInt32 {
    UInt32(bigEndian: try load(UInt32.self))
  }

  @inlinable
  @_lifetime(self: copy self)
  package mutating func readUInt64() throws(ParseError) -> UInt64 {
    UInt64(bigEndian: try load(UInt64.self))
  }

  @inlinable
  @_lifetime(self: copy self)
  package mutating func skip(_ count: Int) throws(ParseError) {
    guard count >= 0, count <= remaining else { throw .truncated }
    offset &+= count
  }

  /// The next `count` bytes, in place.
  @inlinable
  @_lifetime(copy self)
  package mutating func read(_ count: Int) throws(ParseError) -> RawSpan {
    guard count >= 0, count <= remaining else { throw .truncated }
    let start = offset
    offset &+= count
    return bytes.extracting(start..<offset)
  }

  /// All that is left, in place.
  @inlinable
  @_lifetime(copy self)
  package mutating func readRemaining() -> RawSpan {
    let start = offset
    offset = bytes.byteCount
    return bytes.extracting(start..<offset)
  }

  /// The next `count` bytes as an array of their own.
  @inlinable
  @_lifetime(self: copy self)
  package mutating func readBytes(_ count: Int) throws(ParseError) -> [UInt8] {
    try read(count).copied()
  }

  @inlinable
  @_lifetime(self: copy self)
  mutating func load<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) throws(ParseError) -> Value {
    guard MemoryLayout<Value>.size <= remaining else { throw .truncated }
    let value = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: Value.self)
    offset &+= MemoryLayout<Value>.size
    return value
  }
}

extension RawSpan {
  /// These bytes as an array of their own.
  @inlinable
  package func copied() -> [UInt8] {
    let count = byteCount
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      unsafe withUnsafeBytes { source in
        if let base = source.baseAddress, let target = buffer.baseAddress {
          unsafe UnsafeMutableRawPointer(target).copyMemory(from: base, byteCount: count)
        }
      }
      initialized = count
    }
  }

  /// The byte at `offset`, or nil past the end.
  @inlinable
  package func byte(at offset: Int) -> UInt8? {
    guard offset >= 0, offset < byteCount else { return nil }
    return unsafe unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
  }
}
