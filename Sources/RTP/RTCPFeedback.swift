package import Wire

/// Packets that a receiver misses (RFC 4585 §6.2.1).
package struct GenericNACK: Equatable, Sendable {
  package var senderSSRC: UInt32
  /// The stream whose packets are missing.
  package var mediaSSRC: UInt32
  /// In the order of the packet; when parsed at most 17 for each four bytes of the datagram.
  package var sequenceNumbers: [UInt16]

  static let format = 1

  /// - Parameter sequenceNumbers: ascending in serial order packs best.
  package init(senderSSRC: UInt32, mediaSSRC: UInt32, sequenceNumbers: [UInt16]) {
    self.senderSSRC = senderSSRC
    self.mediaSSRC = mediaSSRC
    self.sequenceNumbers = sequenceNumbers
  }

  init(parsing reader: inout ByteReader) throws(ParseError) {
    senderSSRC = try reader.readUInt32()
    mediaSSRC = try reader.readUInt32()
    sequenceNumbers = []
    while !reader.isAtEnd {
      let first = try reader.readUInt16()
      var following = try reader.readUInt16()
      sequenceNumbers.append(first)
      var next = first
      while following != 0 {
        next &+= 1
        if following & 1 != 0 { sequenceNumbers.append(next) }
        following &>>= 1
      }
    }
  }

  /// Appends the packet.
  package func write(into writer: inout ByteWriter) {
    writer.writeRTCP(.transportFeedback, count: Self.format) { writer in
      writer.write(senderSSRC)
      writer.write(mediaSSRC)
      var index = 0
      while index < sequenceNumbers.count {
        let first = sequenceNumbers[index]
        var following: UInt16 = 0
        index += 1
        while index < sequenceNumbers.count {
          let distance = sequenceNumbers[index] &- first
          guard (1...16).contains(distance) else { break }
          following |= 1 &<< (distance &- 1)
          index += 1
        }
        writer.write(first)
        writer.write(following)
      }
    }
  }
}

/// A decoder has lost its picture and wants a keyframe (RFC 4585 §6.3.1).
package struct PictureLossIndication: Equatable, Sendable {
  package var senderSSRC: UInt32
  package var mediaSSRC: UInt32

  static let format = 1

  package init(senderSSRC: UInt32, mediaSSRC: UInt32) {
    self.senderSSRC = senderSSRC
    self.mediaSSRC = mediaSSRC
  }

  init(parsing reader: inout ByteReader) throws(ParseError) {
    senderSSRC = try reader.readUInt32()
    mediaSSRC = try reader.readUInt32()
  }

  /// Appends the packet.
  package func write(into writer: inout ByteWriter) {
    writer.writeRTCP(.payloadFeedback, count: Self.format) { writer in
      writer.write(senderSSRC)
      writer.write(mediaSSRC)
    }
  }
}

/// Somebody needs a keyframe to begin or go on (RFC 5104 §4.3.1).
package struct FullIntraRequest: Equatable, Sendable {
  package var senderSSRC: UInt32
  package var entries: [Entry]

  /// One stream that is asked for a keyframe.
  package struct Entry: Hashable, Sendable {
    package var ssrc: UInt32
    /// The same number again is the same request again.
    package var sequenceNumber: UInt8

    package init(ssrc: UInt32, sequenceNumber: UInt8) {
      self.ssrc = ssrc
      self.sequenceNumber = sequenceNumber
    }
  }

  static let format = 4

  package init(senderSSRC: UInt32, entries: [Entry]) {
    self.senderSSRC = senderSSRC
    self.entries = entries
  }

  init(parsing reader: inout ByteReader) throws(ParseError) {
    senderSSRC = try reader.readUInt32()
    try reader.skip(4)  // RFC 5104 §4.3.1.2: the media source is zero, the entries name the streams
    entries = []
    while !reader.isAtEnd {
      entries.append(Entry(ssrc: try reader.readUInt32(), sequenceNumber: try reader.readUInt8()))
      try reader.skip(3)
    }
  }

  /// Appends the packet.
  package func write(into writer: inout ByteWriter) {
    writer.writeRTCP(.payloadFeedback, count: Self.format) { writer in
      writer.write(senderSSRC)
      writer.write(UInt32(0))
      for entry in entries {
        writer.write(entry.ssrc)
        writer.write(UInt32(entry.sequenceNumber) &<< 24)
      }
    }
  }
}

/// What a receiver believes the path carries (draft-alvestrand-rmcat-remb §2.2).
package struct ReceiverEstimatedMaximumBitrate: Equatable, Sendable {
  package var senderSSRC: UInt32
  /// Bits a second, for all of `ssrcs` together. On the wire it has 18 significant bits; the rest is cut off.
  package var bitrate: UInt64
  /// At most 255 are written.
  package var ssrcs: [UInt32]

  static let format = 15  // application layer feedback
  private static let identifier: UInt32 = 0x5245_4D42  // "REMB"

  package init(senderSSRC: UInt32, bitrate: UInt64, ssrcs: [UInt32]) {
    self.senderSSRC = senderSSRC
    self.bitrate = bitrate
    self.ssrcs = ssrcs
  }

  /// Nil when it is some other application's message.
  init?(parsing reader: inout ByteReader) throws(ParseError) {
    senderSSRC = try reader.readUInt32()
    try reader.skip(4)
    guard try reader.readUInt32() == Self.identifier else { return nil }
    let count = try reader.readUInt8()
    let value = try reader.readUInt24()
    let exponent = UInt64(value &>> 18)
    let mantissa = UInt64(value & 0x3_FFFF)
    guard mantissa.leadingZeroBitCount >= exponent else { throw .malformed("REMB bitrate") }
    bitrate = mantissa &<< exponent
    ssrcs = []
    for _ in 0..<count { ssrcs.append(try reader.readUInt32()) }
  }

  /// Appends the packet.
  package func write(into writer: inout ByteWriter) {
    let ssrcs = ssrcs.prefix(255)
    writer.writeRTCP(.payloadFeedback, count: Self.format) { writer in
      writer.write(senderSSRC)
      writer.write(UInt32(0))
      writer.write(Self.identifier)
      writer.write(UInt8(truncatingIfNeeded: ssrcs.count))
      let exponent = max(0, 64 &- 18 &- bitrate.leadingZeroBitCount)
      writer.writeUInt24(UInt32(truncatingIfNeeded: exponent) &<< 18 | UInt32(truncatingIfNeeded: bitrate &>> exponent))
      for ssrc in ssrcs { writer.write(ssrc) }
    }
  }
}
