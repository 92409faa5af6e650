package import Wire

/// One encoded video frame cut into packets: made once, sent to every viewer.
///
/// Immutable and shared between threads and viewers. All packets of a frame but the last carry equally many bytes, and the last
/// no more, so that a run of them can leave in one segmented send (`UDP_SEGMENT`). What differs from viewer to viewer (header,
/// extensions, picture numbers) is written by the viewer's ``RTPSendStream``.
package final class PacketisedVideoFrame: Sendable {
  /// The frame as the encoder made it.
  package let bytes: [UInt8]
  package let format: VideoPayloadFormat
  package let isKeyframe: Bool
  /// When the picture was taken.
  package let captured: Instant
  /// On the 90 kHz clock, without a viewer's offset: ``RTPClock/timestamp(at:)`` of the capture.
  package let timestamp: UInt32
  /// Pixels.
  package let width: Int
  package let height: Int
  /// How many packets the frame takes, one at least.
  package let packetCount: Int
  /// Encoded bytes in each packet but the last.
  package let chunkSize: Int

  /// The most that a packet's payload may have, payload descriptor included, for the datagram to stay within 1,200 bytes (below
  /// the IPv6 minimum of 1,280 with room for a tunnel or TURN): 12 of RTP header, 20 of header extensions, 2 of RTX, 16 of SRTP tag.
  package static let defaultMaximumPayload = 1200 - 12 - 20 - 2 - 16
  /// More than any encoder here makes of one picture; bounds the number of packets to what their index can count.
  package static let maximumFrameSize = 8 * 1024 * 1024

  /// Nil for an empty frame or one larger than ``maximumFrameSize``.
  /// - Parameters:
  ///   - format: how the frame is wrapped, with the fields that are the same for all viewers.
  ///   - maximumPayload: bytes of payload in one packet, descriptor included; 200 at least.
  package init?(
    bytes: [UInt8], format: VideoPayloadFormat, isKeyframe: Bool, captured: Instant, width: Int, height: Int,
    maximumPayload: Int = defaultMaximumPayload
  ) {
    precondition(maximumPayload >= 200, "set by us: less would be all headers")
    guard !bytes.isEmpty, bytes.count <= Self.maximumFrameSize else { return nil }
    self.bytes = bytes
    self.format = format
    self.isKeyframe = isKeyframe
    self.captured = captured
    timestamp = RTPClock.video.timestamp(at: captured)
    self.width = width
    self.height = height
    let room = maximumPayload - format.descriptorSize
    packetCount = (bytes.count + room - 1) / room
    chunkSize = (bytes.count + packetCount - 1) / packetCount
  }

  /// Bytes of payload of one packet, descriptor included.
  /// - Parameter index: from 0, below ``packetCount``.
  package func payloadSize(ofPacket index: Int) -> Int {
    format.descriptorSize &+ chunk(index).count
  }

  /// Whether the packet ends the frame.
  package func hasMarker(packet index: Int) -> Bool {
    index == packetCount - 1
  }

  /// Writes the payload of one packet: descriptor and encoded bytes. Allocates nothing.
  /// - Parameters:
  ///   - index: from 0, below ``packetCount``.
  ///   - numbers: the viewer's own count of pictures.
  package func write(packet index: Int, numbers: PictureNumbers, into writer: inout ByteWriter) {
    format.writeDescriptor(startsFrame: index == 0, numbers: numbers, into: &writer)
    let range = chunk(index)
    bytes.withUnsafeBytes { writer.write(UnsafeRawBufferPointer(rebasing: $0[range])) }
  }

  private func chunk(_ index: Int) -> Range<Int> {
    precondition(index >= 0 && index < packetCount, "packets are numbered by us, never by a peer")
    let start = index &* chunkSize
    return start..<min(start &+ chunkSize, bytes.count)
  }
}

/// A viewer's own count of pictures: contiguous for each viewer, whatever frames of higher temporal layers it was spared.
package struct PictureNumbers: Hashable, Sendable {
  /// 15 bits.
  package var pictureID: UInt16
  /// Counts frames of the lowest temporal layer.
  package var tl0PictureIndex: UInt8

  package init(pictureID: UInt16, tl0PictureIndex: UInt8) {
    self.pictureID = pictureID & 0x7FFF
    self.tl0PictureIndex = tl0PictureIndex
  }

  /// Moves on to the next picture.
  mutating func advance(isBaseLayer: Bool) {
    pictureID = (pictureID &+ 1) & 0x7FFF
    if isBaseLayer { tl0PictureIndex &+= 1 }
  }
}

/// How an encoded frame is wrapped into RTP payloads, with the values that all viewers share. The only place, beside the codec's own
/// file, that knows one payload format from another.
package enum VideoPayloadFormat: Hashable, Sendable {
  case vp8(VP8Picture)

  /// Bytes before the encoded bytes in each packet: the same for all packets of a frame.
  package var descriptorSize: Int {
    switch self {
    case .vp8(let picture): picture.descriptorSize
    }
  }

  /// 0 for the base layer, also where there are no layers.
  package var temporalID: UInt8 {
    switch self {
    case .vp8(let picture): picture.temporalLayer?.id ?? 0
    }
  }

  func writeDescriptor(startsFrame: Bool, numbers: PictureNumbers, into writer: inout ByteWriter) {
    switch self {
    case .vp8(let picture): picture.writeDescriptor(startsFrame: startsFrame, numbers: numbers, into: &writer)
    }
  }
}
