/// An IPv4 or IPv6 address.
@usableFromInline
package struct IPAddress: Hashable, Sendable {
  @usableFromInline
  package enum Family: UInt8, Hashable, Sendable {
    case v4 = 4
    case v6 = 6
  }

  @usableFromInline package let family: Family
  /// The 16 bytes of an IPv6 address in network order; an IPv4 address is the lower 32 bits of `low`.
  @usableFromInline package let high: UInt64
  @usableFromInline package let low: UInt64

  @inlinable
  package init(v4 value: UInt32) {
    family = .v4
    high = 0
    low = UInt64(value)
  }

  @inlinable
  package init(v6High high: UInt64, low: UInt64) {
    family = .v6
    self.high = high
    self.low = low
  }

  /// The four bytes of an IPv4 address, first byte in the highest place; nil for IPv6.
  @inlinable
  package var v4: UInt32? { family == .v4 ? UInt32(truncatingIfNeeded: low) : nil }

  package var isLoopback: Bool {
    switch family {
    case .v4: low >> 24 == 127
    case .v6: high == 0 && low == 1
    }
  }

  /// 169.254/16 and fe80::/10.
  package var isLinkLocal: Bool {
    switch family {
    case .v4: low >> 16 == 0xA9FE
    case .v6: high >> 54 == 0xFE80 >> 6
    }
  }

  /// 0.0.0.0 and ::.
  package var isUnspecified: Bool { high == 0 && low == 0 }

  package var isMulticast: Bool {
    switch family {
    case .v4: low >> 28 == 0xE
    case .v6: high >> 56 == 0xFF
    }
  }
}

/// An IP address and a UDP or TCP port.
@usableFromInline
package struct SocketAddress: Hashable, Sendable {
  @usableFromInline package var address: IPAddress
  @usableFromInline package var port: UInt16
  /// The interface that a link-local IPv6 address belongs to; 0 otherwise.
  @usableFromInline package var scope: UInt32

  @inlinable
  package init(_ address: IPAddress, port: UInt16, scope: UInt32 = 0) {
    self.address = address
    self.port = port
    self.scope = scope
  }
}

extension SocketAddress: CustomStringConvertible {
  /// `192.0.2.1:5000`, `[2001:db8::1]:5000`.
  @usableFromInline
  package var description: String {
    switch address.family {
    case .v4: "\(address):\(port)"
    case .v6: "[\(address)]:\(port)"
    }
  }
}

extension IPAddress: CustomStringConvertible {
  /// Dotted decimal, or RFC 5952.
  @usableFromInline
  package var description: String {
    if let v4 {
      return "\(v4 >> 24).\(v4 >> 16 & 255).\(v4 >> 8 & 255).\(v4 & 255)"
    }
    let groups = (0..<8).map { (index: Int) -> UInt16 in
      let half = index < 4 ? high : low
      return UInt16(truncatingIfNeeded: half >> UInt64(48 - 16 * (index & 3)))
    }
    let zeros = Self.longestRunOfZeros(groups)
    var text = ""
    var index = 0
    while index < 8 {
      if index == zeros.lowerBound, zeros.count > 1 {
        text += "::"
        index = zeros.upperBound
      } else {
        if index > 0, index != zeros.upperBound || zeros.count < 2 { text += ":" }
        text += String(groups[index], radix: 16)
        index += 1
      }
    }
    return text
  }

  /// RFC 5952 §4.2.3: the first of the longest runs.
  private static func longestRunOfZeros(_ groups: [UInt16]) -> Range<Int> {
    var best = 0..<0
    var start = 0
    for index in 0...8 {
      guard index == 8 || groups[index] != 0 else { continue }
      if index - start > best.count { best = start..<index }
      start = index + 1
    }
    return best
  }
}

extension IPAddress {
  /// Reads an address as people write it; nil for anything else: names, ports, brackets, zones.
  package init?(_ text: some StringProtocol) {
    let bytes = Array(text.utf8)
    guard bytes.count <= Self.longestText else { return nil }
    if let v4 = Self.parseV4(bytes[...]) {
      self.init(v4: v4)
    } else if let (high, low) = Self.parseV6(bytes) {
      self.init(v6High: high, low: low)
    } else {
      return nil
    }
  }

  private static let longestText = 45  // INET6_ADDRSTRLEN without its final zero

  private static func parseV4(_ text: ArraySlice<UInt8>) -> UInt32? {
    let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var value: UInt32 = 0
    for part in parts {
      guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
      var number: UInt32 = 0
      for digit in part {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
        number = number * 10 + UInt32(digit - UInt8(ascii: "0"))
      }
      guard number <= 255 else { return nil }
      value = value << 8 | number
    }
    return value
  }

  private static func parseV6(_ text: [UInt8]) -> (high: UInt64, low: UInt64)? {
    let colon = UInt8(ascii: ":")
    var head: [UInt16] = []
    var tail: [UInt16]?  // what follows "::"
    var index = 0
    if text.starts(with: [colon, colon]) {
      tail = []
      index = 2
    }
    while index < text.count {
      let end = text[index...].firstIndex(of: colon) ?? text.count
      let part = text[index..<end]
      var groups: [UInt16]
      if end == text.count, let v4 = parseV4(part) {
        groups = [UInt16(truncatingIfNeeded: v4 >> 16), UInt16(truncatingIfNeeded: v4)]
      } else {
        guard (1...4).contains(part.count), let group = parseGroup(part) else { return nil }
        groups = [group]
      }
      if tail == nil { head += groups } else { tail! += groups }
      guard head.count + (tail?.count ?? 0) <= 8 else { return nil }
      if end == text.count { break }
      index = end + 1
      if index < text.count, text[index] == colon {
        guard tail == nil else { return nil }
        tail = []
        index += 1
      } else if index == text.count {
        return nil
      }
    }
    let missing = 8 - head.count - (tail?.count ?? 0)
    guard tail == nil ? missing == 0 : missing >= 1 else { return nil }
    let groups = head + Array(repeating: 0, count: missing) + (tail ?? [])
    let join = { (part: ArraySlice<UInt16>) in part.reduce(UInt64(0)) { $0 << 16 | UInt64($1) } }
    return (join(groups[..<4]), join(groups[4...]))
  }

  private static func parseGroup(_ digits: ArraySlice<UInt8>) -> UInt16? {
    var value: UInt16 = 0
    for digit in digits {
      let nibble: UInt8
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): nibble = digit - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): nibble = digit - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): nibble = digit - UInt8(ascii: "A") + 10
      default: return nil
      }
      value = value << 4 | UInt16(nibble)
    }
    return value
  }
}
