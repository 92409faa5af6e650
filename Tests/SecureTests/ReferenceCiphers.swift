/// AES-128 and SHA-1 by the book and at leisure, so that what the libraries compute can be compared with something else.

/// AES-128 in counter mode: `count` bytes of key stream from `counter` on.
func keyStream(_ key: [UInt8], _ counter: [UInt8], _ count: Int) -> [UInt8] {
  var counter = counter
  var stream: [UInt8] = []
  while stream.count < count {
    stream += AES128.encrypt(counter, AES128.expand(key))
    for index in counter.indices.reversed() {
      counter[index] &+= 1
      if counter[index] != 0 { break }
    }
  }
  return Array(stream[..<count])
}

/// RFC 2104.
func hmacSHA1(_ key: [UInt8], _ message: some Sequence<UInt8>) -> [UInt8] {
  let key = key + [UInt8](repeating: 0, count: 64 - key.count)
  return sha1(key.map { $0 ^ 0x5C } + sha1(key.map { $0 ^ 0x36 } + message))
}

/// FIPS 180-4 §6.1.
private func sha1(_ message: [UInt8]) -> [UInt8] {
  var padded = message + [0x80]
  while padded.count % 64 != 56 { padded.append(0) }
  padded += (0..<8).reversed().map { UInt8(truncatingIfNeeded: (message.count * 8) >> ($0 * 8)) }
  var hash: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
  for block in stride(from: 0, to: padded.count, by: 64) {
    var words = (0..<16).map { word in (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(padded[block + word * 4 + $1]) } }
    for index in 16..<80 {
      words.append(rotate(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], 1))
    }
    var (a, b, c, d, e) = (hash[0], hash[1], hash[2], hash[3], hash[4])
    for index in 0..<80 {
      let (mixed, constant): (UInt32, UInt32) =
        switch index {
        case ..<20: (b & c | ~b & d, 0x5A82_7999)
        case ..<40: (b ^ c ^ d, 0x6ED9_EBA1)
        case ..<60: (b & c | b & d | c & d, 0x8F1B_BCDC)
        default: (b ^ c ^ d, 0xCA62_C1D6)
        }
      let next = rotate(a, 5) &+ mixed &+ e &+ constant &+ words[index]
      (a, b, c, d, e) = (next, a, rotate(b, 30), c, d)
    }
    hash = zip(hash, [a, b, c, d, e]).map { $0 &+ $1 }
  }
  return hash.flatMap { word in (0..<4).reversed().map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
}

private func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 {
  word << count | word >> (32 - count)
}

/// FIPS 197.
private enum AES128 {
  static func encrypt(_ block: [UInt8], _ roundKeys: [[UInt8]]) -> [UInt8] {
    var state = zip(block, roundKeys[0]).map { $0 ^ $1 }
    for round in 1...10 {
      state = state.map { substitution[Int($0)] }
      state = (0..<16).map { state[($0 + 4 * ($0 % 4)) % 16] }
      if round < 10 { state = mixColumns(state) }
      state = zip(state, roundKeys[round]).map { $0 ^ $1 }
    }
    return state
  }

  static func expand(_ key: [UInt8]) -> [[UInt8]] {
    var words = (0..<4).map { Array(key[($0 * 4)..<($0 * 4 + 4)]) }
    var constant: UInt8 = 1
    for index in 4..<44 {
      var word = words[index - 1]
      if index % 4 == 0 {
        word = [word[1], word[2], word[3], word[0]].map { substitution[Int($0)] }
        word[0] ^= constant
        constant = double(constant)
      }
      words.append(zip(words[index - 4], word).map { $0 ^ $1 })
    }
    return stride(from: 0, to: 44, by: 4).map { Array(words[$0..<($0 + 4)].joined()) }
  }

  private static func mixColumns(_ state: [UInt8]) -> [UInt8] {
    (0..<16).map { index in
      let column = index / 4 * 4
      let at = { (row: Int) in state[column + (index + row) % 4] }
      return double(at(0)) ^ double(at(1)) ^ at(1) ^ at(2) ^ at(3)
    }
  }

  private static func double(_ value: UInt8) -> UInt8 {
    value << 1 ^ (value & 0x80 == 0 ? 0 : 0x1B)
  }

  /// §5.1.1: the inverse in GF(2^8), then an affine map.
  private static let substitution: [UInt8] = {
    var table = [UInt8](repeating: 0x63, count: 256)
    var (power, inverse): (UInt8, UInt8) = (1, 1)
    repeat {
      power ^= double(power)  // times 3, which generates the field
      inverse ^= inverse << 1  // divided by 3
      inverse ^= inverse << 2
      inverse ^= inverse << 4
      if inverse & 0x80 != 0 { inverse ^= 0x09 }
      var turned = inverse
      for count in 1...4 as ClosedRange<UInt8> { turned ^= inverse << count | inverse >> (8 - count) }
      table[Int(power)] = turned ^ 0x63
    } while power != 1
    return table
  }()
}
