package import Wire

/// What a sender says about its stream (RFC 3550 §6.4.1), with what it receives itself.
package struct SenderReport: Equatable, Sendable {
  package var ssrc: UInt32
  /// The wall clock when the report was made, and the media clock at the same moment: how a receiver synchronises streams.
  package var ntpTimestamp: UInt64
  package var rtpTimestamp: UInt32
  /// Packets and payload bytes sent since the beginning, modulo 2³².
  package var packetCount: UInt32
  package var octetCount: UInt32
  /// At most 31 are written.
  package var reports: [ReportBlock]

  package init(
    ssrc: UInt32, ntpTimestamp: UInt64, rtpTimestamp: UInt32, packetCount: UInt32, octetCount: UInt32,
    reports: [ReportBlock] = []
  ) {
    self.ssrc = ssrc
    self.ntpTimestamp = ntpTimestamp
    self.rtpTimestamp = rtpTimestamp
    self.packetCount = packetCount
    self.octetCount = octetCount
    self.reports = reports
  }

  init(parsing reader: inout ByteReader, reportCount: Int) throws(ParseError) {
    ssrc = try reader.readUInt32()
    ntpTimestamp = try reader.readUInt64()
    rtpTimestamp = try reader.readUInt32()
    packetCount = try reader.readUInt32()
    octetCount = try reader.readUInt32()
    reports = try ReportBlock.parse(reportCount, from: &reader)
  }

  /// Appends the packet.
  package func write(into writer: inout ByteWriter) {
    writer.writeRTCP(.senderReport, count: min(reports.count, ReportBlock.maximumPerPacket)) { writer in
      writer.write(ssrc)
      writer.write(ntpTimestamp)
      writer.write(rtpTimestamp)
      writer.write(packetCount)
      writer.write(octetCount)
      for report in reports.prefix(ReportBlock.maximumPerPacket) { report.write(into: &writer) }
    }
  }
}

/// What somebody who sends nothing receives (RFC 3550 §6.4.2).
package struct ReceiverReport: Equatable, Sendable {
  /// Of who reports.
  package var ssrc: UInt32
  /// At most 31 are written.
  package var reports: [ReportBlock]

  package init(ssrc: UInt32, reports: [ReportBlock]) {
    self.ssrc = ssrc
    self.reports = reports
  }

  init(parsing reader: inout ByteReader, reportCount: Int) throws(ParseError) {
    ssrc = try reader.readUInt32()
    reports = try ReportBlock.parse(reportCount, from: &reader)
  }

  /// Appends the packet.
  package func write(into writer: inout ByteWriter) {
    writer.writeRTCP(.receiverReport, count: min(reports.count, ReportBlock.maximumPerPacket)) { writer in
      writer.write(ssrc)
      for report in reports.prefix(ReportBlock.maximumPerPacket) { report.write(into: &writer) }
    }
  }
}

/// How one stream arrives (RFC 3550 §6.4.1).
package struct ReportBlock: Hashable, Sendable {
  /// The stream reported on.
  package var ssrc: UInt32
  /// Packets lost since the last report, in 256ths.
  package var fractionLost: UInt8
  /// Packets lost since the beginning: 24 bits with sign, negative when duplicates arrived.
  package var cumulativeLost: Int32
  /// The highest sequence number received, with the count of its wraps above.
  package var highestSequenceNumber: UInt32
  /// In ticks of the stream's media clock.
  package var jitter: UInt32
  /// The middle 32 bits of the last sender report's NTP timestamp; 0 when none has arrived.
  package var lastSenderReport: UInt32
  /// Between that report's arrival and this report, in 65,536ths of a second.
  package var delaySinceLastSenderReport: UInt32

  package static let maximumPerPacket = 31  // RFC 3550 §6.4.1: five bits

  package init(
    ssrc: UInt32, fractionLost: UInt8, cumulativeLost: Int32, highestSequenceNumber: UInt32, jitter: UInt32,
    lastSenderReport: UInt32, delaySinceLastSenderReport: UInt32
  ) {
    self.ssrc = ssrc
    self.fractionLost = fractionLost
    self.cumulativeLost = cumulativeLost
    self.highestSequenceNumber = highestSequenceNumber
    self.jitter = jitter
    self.lastSenderReport = lastSenderReport
    self.delaySinceLastSenderReport = delaySinceLastSenderReport
  }

  init(parsing reader: inout ByteReader) throws(ParseError) {
    ssrc = try reader.readUInt32()
    fractionLost = try reader.readUInt8()
    cumulativeLost = Int32(bitPattern: try reader.readUInt24() &<< 8) &>> 8
    highestSequenceNumber = try reader.readUInt32()
    jitter = try reader.readUInt32()
    lastSenderReport = try reader.readUInt32()
    delaySinceLastSenderReport = try reader.readUInt32()
  }

  func write(into writer: inout ByteWriter) {
    writer.write(ssrc)
    writer.write(fractionLost)
    writer.writeUInt24(UInt32(bitPattern: cumulativeLost))
    writer.write(highestSequenceNumber)
    writer.write(jitter)
    writer.write(lastSenderReport)
    writer.write(delaySinceLastSenderReport)
  }

  static func parse(_ count: Int, from reader: inout ByteReader) throws(ParseError) -> [ReportBlock] {
    var reports: [ReportBlock] = []
    for _ in 0..<count { reports.append(try ReportBlock(parsing: &reader)) }
    return reports
  }
}

/// Who the sources are (RFC 3550 §6.5); of all the items only CNAME, the name that streams to be synchronised share.
package struct SourceDescription: Equatable, Sendable {
  /// At most 31 are written.
  package var chunks: [Chunk]

  /// One source and its name.
  package struct Chunk: Hashable, Sendable {
    package var ssrc: UInt32
    /// At most 255 bytes of UTF-8; nil when the chunk has none.
    package var cname: String?

    package init(ssrc: UInt32, cname: String?) {
      self.ssrc = ssrc
      self.cname = cname
    }
  }

  static let canonicalName: UInt8 = 1
  static let maximumNameLength = 255  // RFC 3550 §6.5: one byte of length

  package init(chunks: [Chunk]) {
    self.chunks = chunks
  }

  init(parsing reader: inout ByteReader, chunkCount: Int) throws(ParseError) {
    chunks = []
    for _ in 0..<chunkCount {
      let start = reader.offset
      var chunk = Chunk(ssrc: try reader.readUInt32(), cname: nil)
      while true {
        let item = try reader.readUInt8()
        if item == 0 { break }
        let text = try reader.read(Int(try reader.readUInt8()))
        if item == Self.canonicalName { chunk.cname = String(validating: text.copied(), as: UTF8.self) }
      }
      let odd = (reader.offset &- start) & 3
      if odd != 0 { try reader.skip(4 &- odd) }
      chunks.append(chunk)
    }
  }

  /// Appends the packet.
  package func write(into writer: inout ByteWriter) {
    let chunks = chunks.prefix(31)
    writer.writeRTCP(.sourceDescription, count: chunks.count) { writer in
      for chunk in chunks { Self.write(chunk, into: &writer) }
    }
  }

  private static func write(_ chunk: Chunk, into writer: inout ByteWriter) {
    let start = writer.count
    writer.write(chunk.ssrc)
    if let cname = chunk.cname {
      let length = cname.utf8.count
      guard length <= maximumNameLength else { return writer.discard() }
      writer.write(canonicalName)
      writer.write(UInt8(truncatingIfNeeded: length))
      writer.write(cname)
    }
    writer.writeZeros(4 &- (writer.count &- start) & 3)  // one to four: the list of items ends with a zero
  }
}

/// Sources that have stopped (RFC 3550 §6.6). The reason is not kept.
package struct Goodbye: Equatable, Sendable {
  /// At most 31 are written.
  package var sources: [UInt32]

  package init(sources: [UInt32]) {
    self.sources = sources
  }

  init(parsing reader: inout ByteReader, sourceCount: Int) throws(ParseError) {
    sources = []
    for _ in 0..<sourceCount { sources.append(try reader.readUInt32()) }
  }

  /// Appends the packet.
  package func write(into writer: inout ByteWriter) {
    let sources = sources.prefix(31)
    writer.writeRTCP(.goodbye, count: sources.count) { writer in
      for source in sources { writer.write(source) }
    }
  }
}

/// Extended reports (RFC 3611): of all the blocks those two by which a receiver that sends nothing learns the round-trip time.
package struct ExtendedReport: Equatable, Sendable {
  /// Of who reports.
  package var ssrc: UInt32
  /// Receiver reference time (§4.4): the reporter's clock, as an NTP timestamp.
  package var receiverReferenceTime: UInt64?
  /// Answers to reference times (§4.5).
  package var delays: [DelaySinceLastReceiverReport]

  /// When the last reference time of one receiver was, and how long ago it arrived.
  package struct DelaySinceLastReceiverReport: Hashable, Sendable {
    /// Of the receiver.
    package var ssrc: UInt32
    /// The middle 32 bits of its reference time.
    package var lastReceiverReport: UInt32
    /// In 65,536ths of a second.
    package var delay: UInt32

    package init(ssrc: UInt32, lastReceiverReport: UInt32, delay: UInt32) {
      self.ssrc = ssrc
      self.lastReceiverReport = lastReceiverReport
      self.delay = delay
    }
  }

  private static let receiverReferenceTimeBlock: UInt8 = 4
  private static let delayBlock: UInt8 = 5

  package init(ssrc: UInt32, receiverReferenceTime: UInt64? = nil, delays: [DelaySinceLastReceiverReport] = []) {
    self.ssrc = ssrc
    self.receiverReferenceTime = receiverReferenceTime
    self.delays = delays
  }

  init(parsing reader: inout ByteReader) throws(ParseError) {
    ssrc = try reader.readUInt32()
    delays = []
    while !reader.isAtEnd {
      let type = try reader.readUInt8()
      try reader.skip(1)
      var block = ByteReader(try reader.read(Int(try reader.readUInt16()) &* 4))
      switch type {
      case Self.receiverReferenceTimeBlock:
        receiverReferenceTime = try block.readUInt64()
      case Self.delayBlock:
        while !block.isAtEnd {
          delays.append(
            DelaySinceLastReceiverReport(
              ssrc: try block.readUInt32(), lastReceiverReport: try block.readUInt32(), delay: try block.readUInt32()))
        }
      default:
        break  // other blocks are for those who ask for them
      }
    }
  }

  /// Appends the packet.
  package func write(into writer: inout ByteWriter) {
    writer.writeRTCP(.extendedReport, count: 0) { writer in
      writer.write(ssrc)
      if let receiverReferenceTime {
        writer.write(UInt32(Self.receiverReferenceTimeBlock) &<< 24 | 2)
        writer.write(receiverReferenceTime)
      }
      if !delays.isEmpty {
        writer.write(UInt32(Self.delayBlock) &<< 24 | UInt32(truncatingIfNeeded: delays.count &* 3))
        for delay in delays {
          writer.write(delay.ssrc)
          writer.write(delay.lastReceiverReport)
          writer.write(delay.delay)
        }
      }
    }
  }
}

/// The middle 32 bits of an NTP timestamp: seconds modulo 65,536 and their 65,536ths.
package func compactNTP(_ timestamp: UInt64) -> UInt32 {
  UInt32(truncatingIfNeeded: timestamp &>> 16)
}

extension Interval {
  /// This length in 65,536ths of a second, as RTCP counts delays; nothing below zero, and at most 18 hours.
  package var compactNTP: UInt32 {
    guard nanoseconds > 0 else { return 0 }
    let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    return seconds > 0xFFFF ? .max : UInt32(truncatingIfNeeded: seconds &<< 16 &+ (rest &<< 16) / 1_000_000_000)
  }

  /// - Parameter compactNTP: a length in 65,536ths of a second.
  package init(compactNTP: UInt32) {
    self.init(nanoseconds: (Int64(compactNTP) &* 1_000_000_000) &>> 16)
  }
}
