import NetSim
import RTP
import Wire

/// Bytes that begin like a VP8 frame and go on at random.
func vp8Bytes(
  _ count: Int, isKeyframe: Bool, width: UInt16 = 640, height: UInt16 = 480, using generator: inout SeededGenerator
) -> [UInt8] {
  // Some at random, and over again: whole megabytes at random would take most of the tests' time.
  let period = (0..<61).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  var bytes: [UInt8] = []
  while bytes.count < count { bytes += period }
  bytes.removeLast(bytes.count - count)
  let head: [UInt8] =
    isKeyframe
    ? [
      0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, UInt8(width & 255), UInt8(width >> 8), UInt8(height & 255),
      UInt8(height >> 8),
    ] : [0x31, 0x02, 0x00]
  bytes.replaceSubrange(0..<head.count, with: head)
  return bytes
}

func videoFrame(
  _ count: Int, isKeyframe: Bool, at captured: Instant = .start, temporalID: UInt8? = nil,
  maximumPayload: Int = PacketisedVideoFrame.defaultMaximumPayload, using generator: inout SeededGenerator
) -> PacketisedVideoFrame {
  let layer = temporalID.map { VP8PayloadDescriptor.TemporalLayer(id: $0, isSwitchingPoint: $0 > 0) }
  return PacketisedVideoFrame(
    bytes: vp8Bytes(count, isKeyframe: isKeyframe, using: &generator), format: .vp8(VP8Picture(temporalLayer: layer)),
    isKeyframe: isKeyframe, captured: captured, width: 640, height: 480, maximumPayload: maximumPayload)!
}

extension RTPSendStream {
  /// The packets of one frame as datagrams.
  func packets(of frame: PacketisedVideoFrame, transportSequence: UInt16? = nil, now: Instant = .start) -> [[UInt8]] {
    (0..<frame.packetCount).map { index in
      ByteWriter.bytes(capacity: 1472) {
        write(frame, packet: index, transportSequence: transportSequence, now: now, into: &$0)
      }
    }
  }

  func retransmission(of sequenceNumber: UInt16, transportSequence: UInt16? = nil, now: Instant) -> [UInt8] {
    ByteWriter.bytes(capacity: 1472) {
      writeRetransmission(of: sequenceNumber, transportSequence: transportSequence, now: now, into: &$0)
    }
  }
}

/// What a test compares of a packet.
struct Seen: Equatable {
  var header: RTPHeader
  var payload: [UInt8]

  init(_ bytes: [UInt8]) throws {
    let packet = try RTPPacket(parsing: bytes.span.bytes)
    header = packet.header
    payload = packet.payload.copied()
  }

  func descriptor() throws -> VP8PayloadDescriptor {
    var reader = ByteReader(payload.span.bytes)
    return try VP8PayloadDescriptor(parsing: &reader)
  }
}
