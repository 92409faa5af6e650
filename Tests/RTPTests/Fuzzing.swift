import NetSim
import Testing

import RTP
import Wire

/// Feeds a parser what no peer that means well would send: `packet` cut at every length, and with bits flipped at random. Passing is
/// not trapping; what the parser makes of it is its own affair.
func fuzz(_ packet: [UInt8], flips: Int = 2000, seed: UInt64 = .random(in: .min ... .max), _ parse: (RawSpan) -> Void) {
  for length in 0...packet.count {
    parse(Array(packet.prefix(length)).span.bytes)
  }
  // Should a flip trap, the test's output ends with its seed.
  var generator = SeededGenerator(seed: seed)
  print("fuzz seed \(seed)")
  guard !packet.isEmpty else { return }
  for _ in 0..<flips {
    var broken = packet
    for _ in 0..<Int.random(in: 1...8, using: &generator) {
      broken[Int.random(in: 0..<packet.count, using: &generator)] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
    }
    parse(broken.span.bytes)
  }
}

/// All packets of a datagram of RTCP, with the reader's counts.
func readRTCP(_ bytes: RawSpan) -> (packets: [RTCPPacket], unknown: Int, malformed: Int) {
  var reader = RTCPReader(bytes)
  var packets: [RTCPPacket] = []
  while let packet = reader.next() { packets.append(packet) }
  return (packets, reader.unknown, reader.malformed)
}

func readRTCP(_ bytes: [UInt8]) -> [RTCPPacket] {
  readRTCP(bytes.span.bytes).packets
}

func print(_ packet: RTCPPacket) -> [UInt8] {
  ByteWriter.bytes(capacity: 1472) { packet.write(into: &$0) }
}

extension Instant {
  static let start = Instant(nanoseconds: 1_000_000_000_000)

  static func milliseconds(_ count: Int64) -> Instant { start + .milliseconds(count) }
}
