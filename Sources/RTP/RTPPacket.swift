package import Wire

/// An RTP packet as it lies in a datagram after decryption (RFC 3550 §5.1): its fixed header, the block of header extensions and
/// the payload without padding. Cannot outlive the bytes.
package struct RTPPacket: ~Escapable {
  package let header: RTPHeader
  /// The bytes of the extension block, empty when there is none or its form is not one of RFC 8285's.
  package let extensionBlock: RawSpan
  package let extensionForm: HeaderExtensionForm
  package let payload: RawSpan

  /// Whether a datagram whose second byte is `byte` is RTCP and not RTP: the packet types 192 to 223 (RFC 5761 §4).
  package static func isRTCP(secondByte byte: UInt8) -> Bool {
    (192...223).contains(byte)
  }

  /// - Throws: `ParseError` for another version, and for lengths that the bytes do not bear out.
  @_lifetime(copy bytes)
  package init(parsing bytes: RawSpan) throws(ParseError) {
    var reader = ByteReader(bytes)
    let first = try reader.readUInt8()
    guard first &>> 6 == 2 else { throw .malformed("RTP version") }
    let second = try reader.readUInt8()
    header = RTPHeader(
      marker: second & 0x80 != 0, payloadType: second & 0x7F, sequenceNumber: try reader.readUInt16(),
      timestamp: try reader.readUInt32(), ssrc: try reader.readUInt32())
    try reader.skip(Int(first & 0x0F) &* 4)  // contributing sources: nothing here mixes

    if first & 0x10 != 0 {
      let profile = try reader.readUInt16()
      let length = Int(try reader.readUInt16()) &* 4
      let block = try reader.read(length)
      extensionForm = HeaderExtensionForm(profile: profile)
      extensionBlock = block
    } else {
      extensionForm = .none
      extensionBlock = bytes.extracting(0..<0)
    }

    var padding = 0
    if first & 0x20 != 0 {
      padding = Int(bytes.byte(at: bytes.byteCount &- 1) ?? 0)
      guard padding > 0, padding <= reader.remaining else { throw .malformed("RTP padding") }
    }
    payload = try reader.read(reader.remaining &- padding)
  }
}

/// The fixed header of an RTP packet (RFC 3550 §5.1).
package struct RTPHeader: Hashable, Sendable {
  /// Video: last packet of a frame. Audio: first packet after silence.
  package var marker: Bool
  /// 7 bits.
  package var payloadType: UInt8
  package var sequenceNumber: UInt16
  package var timestamp: UInt32
  package var ssrc: UInt32

  /// Bytes without contributing sources and extensions.
  package static let byteCount = 12

  package init(marker: Bool, payloadType: UInt8, sequenceNumber: UInt16, timestamp: UInt32, ssrc: UInt32) {
    self.marker = marker
    self.payloadType = payloadType
    self.sequenceNumber = sequenceNumber
    self.timestamp = timestamp
    self.ssrc = ssrc
  }

  /// Writes the twelve bytes.
  /// - Parameter hasExtensions: an extension block follows.
  package func write(hasExtensions: Bool, into writer: inout ByteWriter) {
    let flags: UInt64 = hasExtensions ? 0x90 : 0x80
    let second = UInt64(payloadType & 0x7F) | (marker ? 0x80 : 0)
    writer.write(flags &<< 56 | second &<< 48 | UInt64(sequenceNumber) &<< 32 | UInt64(timestamp))
    writer.write(ssrc)
  }
}
