import Wire

@testable import Secure

enum RTP {
  static func packet(sequence: UInt16, size: Int = 100, ssrc: UInt32 = 0x1234_5678) -> [UInt8] {
    ByteWriter.bytes(capacity: 12 + size) {
      $0.write([0x80, 96])
      $0.write(sequence)
      $0.write(UInt32(sequence) &* 3_000)
      $0.write(ssrc)
      $0.write((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) })
    }
  }

  static func protect(_ packet: [UInt8], by sender: inout SRTPSender) -> [UInt8]? {
    transform(packet, room: SRTPSender.maximumOverhead) { sender.protectRTP($0, length: &$1) }
  }

  static func unprotect(_ packet: [UInt8], by receiver: inout SRTPReceiver) -> [UInt8]? {
    transform(packet, room: 0) { receiver.unprotectRTP($0, length: &$1) }
  }
}

enum RTCP {
  /// A sender report and a source description.
  static func packet() -> [UInt8] {
    ByteWriter.bytes(capacity: 100) {
      $0.write([0x80, 200, 0, 6, 0x12, 0x34, 0x56, 0x78])
      $0.write((0..<20).map { UInt8($0) })
      $0.write([0x81, 202, 0, 2, 0x12, 0x34, 0x56, 0x78, 1, 1, 97, 0])
    }
  }

  static func protect(_ packet: [UInt8], by sender: inout SRTPSender) -> [UInt8]? {
    transform(packet, room: SRTPSender.maximumOverhead) { sender.protectRTCP($0, length: &$1) }
  }

  static func unprotect(_ packet: [UInt8], by receiver: inout SRTPReceiver) -> [UInt8]? {
    transform(packet, room: 0) { receiver.unprotectRTCP($0, length: &$1) }
  }
}

private func transform(
  _ packet: [UInt8], room: Int, _ body: (UnsafeMutableRawBufferPointer, inout Int) -> Bool
) -> [UInt8]? {
  var bytes = packet + [UInt8](repeating: 0, count: room)
  var length = packet.count
  let done = bytes.withUnsafeMutableBytes { body($0, &length) }
  return done ? Array(bytes[..<length]) : nil
}
