package import Wire

/// One RTCP packet out of a datagram.
package enum RTCPPacket: Equatable, Sendable {
  /// RFC 3550 §6.4.1.
  case senderReport(SenderReport)
  /// RFC 3550 §6.4.2.
  case receiverReport(ReceiverReport)
  /// RFC 3550 §6.5.
  case sourceDescription(SourceDescription)
  /// RFC 3550 §6.6.
  case goodbye(Goodbye)
  /// RFC 4585 §6.2.1.
  case nack(GenericNACK)
  /// draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1.
  case transportFeedback(TransportFeedback)
  /// RFC 4585 §6.3.1.
  case pictureLossIndication(PictureLossIndication)
  /// RFC 5104 §4.3.1.
  case fullIntraRequest(FullIntraRequest)
  /// draft-alvestrand-rmcat-remb.
  case maximumBitrate(ReceiverEstimatedMaximumBitrate)
  /// RFC 3611.
  case extendedReport(ExtendedReport)

  /// Appends the packet; several in one datagram make a compound packet.
  package func write(into writer: inout ByteWriter) {
    switch self {
    case .senderReport(let packet): packet.write(into: &writer)
    case .receiverReport(let packet): packet.write(into: &writer)
    case .sourceDescription(let packet): packet.write(into: &writer)
    case .goodbye(let packet): packet.write(into: &writer)
    case .nack(let packet): packet.write(into: &writer)
    case .transportFeedback(let packet): packet.write(into: &writer)
    case .pictureLossIndication(let packet): packet.write(into: &writer)
    case .fullIntraRequest(let packet): packet.write(into: &writer)
    case .maximumBitrate(let packet): packet.write(into: &writer)
    case .extendedReport(let packet): packet.write(into: &writer)
    }
  }
}

/// Takes a datagram of RTCP apart, compound or reduced-size (RFC 5506), one packet at a time.
///
/// A packet of unknown type, or with a body that does not parse, is skipped and counted. A header that lies about its length ends
/// the reading: nothing after it can be found. Cannot outlive the bytes.
package struct RTCPReader: ~Escapable {
  private var reader: ByteReader
  /// Packets of types that we have no use for.
  package private(set) var unknown = 0
  /// Packets that are not what their type says, and the rest of a datagram after a broken header.
  package private(set) var malformed = 0

  /// - Parameter bytes: after decryption.
  @_lifetime(copy bytes)
  package init(_ bytes: RawSpan) {
    reader = ByteReader(bytes)
  }

  /// The next packet that could be read; nil at the end.
  @_lifetime(self: copy self)
  package mutating func next() -> RTCPPacket? {
    while !reader.isAtEnd {
      do {
        if let packet = try readPacket() { return packet }
      } catch {
        malformed &+= 1
      }
    }
    return nil
  }

  @_lifetime(self: copy self)
  private mutating func readPacket() throws(ParseError) -> RTCPPacket? {
    let first: UInt8
    let type: UInt8
    let contents: RawSpan
    do throws(ParseError) {
      first = try reader.readUInt8()
      type = try reader.readUInt8()
      contents = try reader.read(Int(try reader.readUInt16()) &* 4)
      guard first &>> 6 == 2 else { throw .malformed("RTCP version") }
    } catch {
      _ = reader.readRemaining()
      throw error
    }
    var body = ByteReader(contents)
    if first & 0x20 != 0 {
      let padding = Int(contents.byte(at: contents.byteCount &- 1) ?? 0)
      guard padding > 0, padding <= contents.byteCount else { throw .malformed("RTCP padding") }
      body = ByteReader(contents.extracting(0..<(contents.byteCount &- padding)))
    }
    let count = Int(first & 0x1F)
    switch (RTCPPacketType(rawValue: type), count) {
    case (.senderReport, _):
      return .senderReport(try SenderReport(parsing: &body, reportCount: count))
    case (.receiverReport, _):
      return .receiverReport(try ReceiverReport(parsing: &body, reportCount: count))
    case (.sourceDescription, _):
      return .sourceDescription(try SourceDescription(parsing: &body, chunkCount: count))
    case (.goodbye, _):
      return .goodbye(try Goodbye(parsing: &body, sourceCount: count))
    case (.transportFeedback, GenericNACK.format):
      return .nack(try GenericNACK(parsing: &body))
    case (.transportFeedback, TransportFeedback.format):
      return .transportFeedback(try TransportFeedback(parsing: &body))
    case (.payloadFeedback, PictureLossIndication.format):
      return .pictureLossIndication(try PictureLossIndication(parsing: &body))
    case (.payloadFeedback, FullIntraRequest.format):
      return .fullIntraRequest(try FullIntraRequest(parsing: &body))
    case (.payloadFeedback, ReceiverEstimatedMaximumBitrate.format):
      if let packet = try ReceiverEstimatedMaximumBitrate(parsing: &body) { return .maximumBitrate(packet) }
    case (.extendedReport, _):
      return .extendedReport(try ExtendedReport(parsing: &body))
    case (.transportFeedback, _), (.payloadFeedback, _), (.application, _), (nil, _):
      break
    }
    unknown &+= 1
    return nil
  }
}

/// The second byte of an RTCP packet.
enum RTCPPacketType: UInt8 {
  case senderReport = 200
  case receiverReport = 201
  case sourceDescription = 202
  case goodbye = 203
  case application = 204
  case transportFeedback = 205
  case payloadFeedback = 206
  case extendedReport = 207
}

extension ByteWriter {
  /// Writes one RTCP packet (RFC 3550 §6.4.1): header, what `body` writes, and the length.
  /// - Parameter count: the five bits of report count, or feedback message type.
  mutating func writeRTCP(_ type: RTCPPacketType, count: Int, _ body: (inout ByteWriter) -> Void) {
    precondition(count >= 0 && count < 32, "callers cut their lists to what five bits can count")
    let start = self.count
    write(UInt8(0x80 | count))
    write(type.rawValue)
    write(UInt16(0))
    body(&self)
    let length = self.count &- start
    guard !overflowed, length % 4 == 0, length / 4 <= Int(UInt16.max) else { return discard() }
    patch(UInt16(truncatingIfNeeded: length / 4 &- 1), at: start &+ 2)
  }
}
