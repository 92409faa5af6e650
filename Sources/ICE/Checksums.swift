internal import CCrypto
internal import Wire

/// HMAC-SHA1, as MESSAGE-INTEGRITY carries it.
struct MessageAuthenticationCode {
  private let bytes: InlineArray<20, UInt8>
  /// Libcrypto refuses when it is out of memory or forbidden SHA-1: then the code matches nothing and cannot be sent.
  private let isComputed: Bool

  init(of message: RawSpan, key: [UInt8]) {
    var bytes = InlineArray<20, UInt8>(repeating: 0)
    isComputed = key.withUnsafeBytes { key in
      message.withUnsafeBytes { message in
        var span = bytes.mutableSpan
        return span.withUnsafeMutableBufferPointer { code in
          perch_hmac_sha1(key.baseAddress, key.count, message.baseAddress, message.count, code.baseAddress)
        }
      }
    }
    self.bytes = bytes
  }

  /// Compares without leaving early.
  func matches(_ received: RawSpan) -> Bool {
    var difference: UInt8 = isComputed && received.byteCount == 20 ? 0 : 1
    for index in bytes.indices {
      difference |= bytes[index] ^ (received.byte(at: index) ?? 0)
    }
    return difference == 0
  }

  func write(into writer: inout ByteWriter) {
    guard isComputed else { return writer.discard() }
    for index in bytes.indices { writer.write(bytes[index]) }
  }
}

extension RawSpan {
  /// The CRC-32 of ITU V.42, which FINGERPRINT is made of (RFC 8489 §14.7).
  var crc32: UInt32 {
    var checksum = UInt32.max
    let table = crc32Table.span
    withUnsafeBytes { bytes in
      for byte in bytes {
        checksum = checksum >> 8 ^ table[Int(UInt8(truncatingIfNeeded: checksum) ^ byte)]
      }
    }
    return ~checksum
  }
}

private let crc32Table: [UInt32] = (0..<256).map { index in
  (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
}
