package import Wire

/// The VP8 payload descriptor (RFC 7741 §4.2): what stands before the VP8 bytes in each RTP packet.
package struct VP8PayloadDescriptor: Hashable, Sendable {
  /// The frame may be dropped without harm to any other.
  package var isNonReference = false
  /// The packet begins a VP8 partition.
  package var startsPartition = false
  /// 3 bits.
  package var partition: UInt8 = 0
  /// 15 bits; those of the 7-bit form are accepted too.
  package var pictureID: UInt16?
  /// Counts the frames of the lowest temporal layer.
  package var tl0PictureIndex: UInt8?
  package var temporalLayer: TemporalLayer?
  /// 5 bits.
  package var keyIndex: UInt8?

  /// TID and Y.
  package struct TemporalLayer: Hashable, Sendable {
    /// 2 bits, 0 is the base.
    package var id: UInt8
    /// The frame needs nothing above the base layer: a viewer may begin to receive this layer here.
    package var isSwitchingPoint: Bool

    package init(id: UInt8, isSwitchingPoint: Bool) {
      self.id = id & 3
      self.isSwitchingPoint = isSwitchingPoint
    }
  }

  package static let maximumByteCount = 6

  package init() {}

  /// Reads the descriptor and leaves the reader at the first byte of VP8.
  package init(parsing reader: inout ByteReader) throws(ParseError) {
    let first = try reader.readUInt8()
    isNonReference = first & 0x20 != 0
    startsPartition = first & 0x10 != 0
    partition = first & 0x07
    guard first & 0x80 != 0 else { return }
    let extensions = try reader.readUInt8()
    if extensions & 0x80 != 0 {
      let high = try reader.readUInt8()
      if high & 0x80 != 0 {
        pictureID = UInt16(high & 0x7F) &<< 8 | UInt16(try reader.readUInt8())
      } else {
        pictureID = UInt16(high)
      }
    }
    if extensions & 0x40 != 0 {
      tl0PictureIndex = try reader.readUInt8()
    }
    if extensions & 0x30 != 0 {
      let byte = try reader.readUInt8()
      if extensions & 0x20 != 0 {
        temporalLayer = TemporalLayer(id: byte &>> 6, isSwitchingPoint: byte & 0x20 != 0)
      }
      if extensions & 0x10 != 0 {
        keyIndex = byte & 0x1F
      }
    }
  }

  /// How many bytes ``write(into:)`` writes.
  package var byteCount: Int {
    guard hasExtensions else { return 1 }
    return 2 &+ (pictureID == nil ? 0 : 2) &+ (tl0PictureIndex == nil ? 0 : 1)
      &+ (temporalLayer == nil && keyIndex == nil ? 0 : 1)
  }

  /// Writes the descriptor, the picture id always in 15 bits so that all packets of a stream have descriptors of one size.
  package func write(into writer: inout ByteWriter) {
    let first: UInt8 = (isNonReference ? 0x20 : 0) | (startsPartition ? 0x10 : 0) | partition & 0x07
    guard hasExtensions else { return writer.write(first) }
    writer.write(first | 0x80)
    writer.write(
      (pictureID == nil ? 0 : 0x80) | (tl0PictureIndex == nil ? 0 : 0x40) | (temporalLayer == nil ? 0 : 0x20)
        | (keyIndex == nil ? 0 : 0x10) as UInt8)
    if let pictureID { writer.write(pictureID | 0x8000) }
    if let tl0PictureIndex { writer.write(tl0PictureIndex) }
    if temporalLayer != nil || keyIndex != nil {
      var byte = (keyIndex ?? 0) & 0x1F
      if let temporalLayer {
        byte |= temporalLayer.id &<< 6 | (temporalLayer.isSwitchingPoint ? 0x20 : 0)
      }
      writer.write(byte)
    }
  }

  private var hasExtensions: Bool {
    pictureID != nil || tl0PictureIndex != nil || temporalLayer != nil || keyIndex != nil
  }
}

/// What the first bytes of an encoded VP8 frame tell (RFC 6386 §9.1).
package struct VP8FrameHeader: Hashable, Sendable {
  package let isKeyframe: Bool
  /// Pixels; of keyframes only, zero otherwise.
  package let width: UInt16
  package let height: UInt16

  package init(parsing bytes: RawSpan) throws(ParseError) {
    var reader = ByteReader(bytes)
    let tag = try reader.readUInt24()
    isKeyframe = tag & 0x01_0000 == 0  // the lowest bit of the first byte
    guard isKeyframe else {
      width = 0
      height = 0
      return
    }
    guard try reader.readUInt24() == 0x9D_012A else { throw .malformed("VP8 start code") }
    // Little-endian, 14 bits of size below 2 bits of scale.
    width = try reader.readUInt16().byteSwapped & 0x3FFF
    height = try reader.readUInt16().byteSwapped & 0x3FFF
  }
}

/// What all packets and viewers of one VP8 frame have in common in their payload descriptors.
package struct VP8Picture: Hashable, Sendable {
  /// The frame may be dropped without harm to any other.
  package var isNonReference: Bool
  /// Nil when the encoder makes no layers: the descriptor then has a picture id only.
  package var temporalLayer: VP8PayloadDescriptor.TemporalLayer?
  /// 5 bits: which keyframe the frame depends on. Written with layers only.
  package var keyIndex: UInt8

  package init(
    isNonReference: Bool = false, temporalLayer: VP8PayloadDescriptor.TemporalLayer? = nil, keyIndex: UInt8 = 0
  ) {
    self.isNonReference = isNonReference
    self.temporalLayer = temporalLayer
    self.keyIndex = keyIndex & 0x1F
  }

  var descriptorSize: Int { temporalLayer == nil ? 4 : VP8PayloadDescriptor.maximumByteCount }

  /// The frame is sent as one partition (RFC 7741 §4.4 leaves it to the sender): a lost packet costs the frame in any case.
  func writeDescriptor(startsFrame: Bool, numbers: PictureNumbers, into writer: inout ByteWriter) {
    var descriptor = VP8PayloadDescriptor()
    descriptor.isNonReference = isNonReference
    descriptor.startsPartition = startsFrame
    descriptor.pictureID = numbers.pictureID
    if let temporalLayer {
      descriptor.tl0PictureIndex = numbers.tl0PictureIndex
      descriptor.temporalLayer = temporalLayer
      descriptor.keyIndex = keyIndex
    }
    descriptor.write(into: &writer)
  }
}
