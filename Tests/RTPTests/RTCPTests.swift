import Testing

import RTP
import Wire

@Suite struct RTCPTests {
  static let block = ReportBlock(
    ssrc: 0x0102_0304, fractionLost: 25, cumulativeLost: -3, highestSequenceNumber: 0x0001_0005, jitter: 77,
    lastSenderReport: 0xB44D_B705, delaySinceLastSenderReport: 0x0005_4000)

  /// One of each kind.
  static let packets: [RTCPPacket] = [
    .senderReport(
      SenderReport(
        ssrc: 1, ntpTimestamp: 0xB44D_B705_2000_0000, rtpTimestamp: 3, packetCount: 4, octetCount: 5, reports: [block])),
    .senderReport(SenderReport(ssrc: 1, ntpTimestamp: 2, rtpTimestamp: 3, packetCount: 4, octetCount: 5)),
    .receiverReport(ReceiverReport(ssrc: 9, reports: [block, block])),
    .sourceDescription(SourceDescription(chunks: [.init(ssrc: 1, cname: "perch"), .init(ssrc: 2, cname: "perches")])),
    .sourceDescription(SourceDescription(chunks: [.init(ssrc: 1, cname: nil)])),
    .goodbye(Goodbye(sources: [1, 2, 3])),
    .nack(GenericNACK(senderSSRC: 1, mediaSSRC: 2, sequenceNumbers: [65_530, 65_531, 65_535, 0, 10, 11, 500])),
    .transportFeedback(
      TransportFeedback(
        senderSSRC: 1, mediaSSRC: 2, baseSequenceNumber: 65_533, statusCount: 9, referenceTime: -5, feedbackCount: 200,
        arrivals: [
          .init(sequenceNumber: 65_533, ticks: 4), .init(sequenceNumber: 65_535, ticks: 300),
          .init(sequenceNumber: 1, ticks: -2),
        ])),
    .pictureLossIndication(PictureLossIndication(senderSSRC: 1, mediaSSRC: 2)),
    .fullIntraRequest(
      FullIntraRequest(
        senderSSRC: 1, entries: [.init(ssrc: 2, sequenceNumber: 7), .init(ssrc: 3, sequenceNumber: 255)])),
    .maximumBitrate(ReceiverEstimatedMaximumBitrate(senderSSRC: 1, bitrate: 0x3_FFFF << 4, ssrcs: [2, 3])),
    .extendedReport(
      ExtendedReport(
        ssrc: 1, receiverReferenceTime: 0x1234_5678_9ABC_DEF0,
        delays: [.init(ssrc: 2, lastReceiverReport: 3, delay: 4), .init(ssrc: 5, lastReceiverReport: 6, delay: 7)])),
  ]

  @Test(arguments: packets)
  func readsWhatItPrints(packet: RTCPPacket) {
    let bytes = print(packet)
    #expect(!bytes.isEmpty && bytes.count % 4 == 0)
    #expect(readRTCP(bytes) == [packet])
  }

  @Test func readsACompoundPacketInItsOrder() {
    let bytes = Self.packets.flatMap { print($0) }
    #expect(readRTCP(bytes) == Self.packets)
  }

  @Test(arguments: packets)
  func survivesBrokenPackets(packet: RTCPPacket) {
    fuzz(print(packet), flips: 3000) { _ = readRTCP($0) }
  }

  @Test func survivesABrokenCompoundPacket() {
    fuzz(Self.packets.flatMap { print($0) }, flips: 3000) { _ = readRTCP($0) }
  }

  @Test func printsAnEmptyReceiverReportAsTheRFCDrawsIt() {
    #expect(print(.receiverReport(ReceiverReport(ssrc: 0x0102_0304, reports: []))) == [0x80, 201, 0, 1, 1, 2, 3, 4])
  }

  @Test func printsReportBlocksAsTheRFCDrawsThem() {
    #expect(
      print(.receiverReport(ReceiverReport(ssrc: 1, reports: [Self.block]))) == [
        0x81, 201, 0, 7, 0, 0, 0, 1, 1, 2, 3, 4, 25, 0xFF, 0xFF, 0xFD, 0, 1, 0, 5, 0, 0, 0, 77, 0xB4, 0x4D, 0xB7, 0x05,
        0, 5, 0x40, 0,
      ])
  }

  @Test func printsPictureLossAndIntraRequestsAsTheRFCsDrawThem() {
    #expect(
      print(.pictureLossIndication(PictureLossIndication(senderSSRC: 1, mediaSSRC: 2))) == [
        0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2,
      ])
    #expect(
      print(.fullIntraRequest(FullIntraRequest(senderSSRC: 1, entries: [.init(ssrc: 2, sequenceNumber: 9)]))) == [
        0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 9, 0, 0, 0,
      ])
  }

  @Test func packsANACKIntoBitmasks() {
    let nack = GenericNACK(senderSSRC: 1, mediaSSRC: 2, sequenceNumbers: [100, 101, 116, 117])
    #expect(
      print(.nack(nack)) == [
        0x81, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 100, 0x80, 0x01, 0, 117, 0, 0,
      ])
  }

  @Test func readsTheREMBOfTheDraft() {
    // Mantissa 0x3FFFF, exponent 3.
    let bytes: [UInt8] = [
      0x8F, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, 0x52, 0x45, 0x4D, 0x42, 1, 0x0F, 0xFF, 0xFF, 0, 0, 0, 2,
    ]
    #expect(
      readRTCP(bytes) == [
        .maximumBitrate(ReceiverEstimatedMaximumBitrate(senderSSRC: 1, bitrate: 0x3_FFFF << 3, ssrcs: [2]))
      ])
    var impossible = bytes
    impossible[17] = 0xFF  // exponent 63
    #expect(readRTCP(impossible.span.bytes).malformed == 1)
  }

  @Test(arguments: [0, 1, 262_143, 262_144, 1_000_000, 5_000_000_000, UInt64.max])
  func keepsEighteenBitsOfABitrate(bitrate: UInt64) {
    let packet = RTCPPacket.maximumBitrate(ReceiverEstimatedMaximumBitrate(senderSSRC: 1, bitrate: bitrate, ssrcs: []))
    guard case .maximumBitrate(let read) = readRTCP(print(packet)).first else {
      Issue.record("not read")
      return
    }
    #expect(read.bitrate <= bitrate)
    #expect(bitrate - read.bitrate <= bitrate >> 17)
  }

  @Test func skipsUnknownTypesAndBrokenBodiesButGoesOn() {
    let application: [UInt8] = [0x80, 204, 0, 2, 0, 0, 0, 1, 0x61, 0x62, 0x63, 0x64]
    let tooShort: [UInt8] = [0x81, 201, 0, 1, 0, 0, 0, 1]  // promises a block
    let otherFeedback: [UInt8] = [0x9F, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]
    let bytes = application + tooShort + otherFeedback + print(Self.packets[8])
    let read = readRTCP(bytes.span.bytes)
    #expect(read.packets == [Self.packets[8]])
    #expect(read.unknown == 2)
    #expect(read.malformed == 1)
  }

  @Test func stopsAtAHeaderThatLiesAboutItsLength() {
    var bytes = print(Self.packets[8]) + print(Self.packets[8])
    bytes[15] = 9
    let read = readRTCP(bytes.span.bytes)
    #expect(read.packets == [Self.packets[8]])
    #expect(read.malformed == 1)
  }

  @Test func leavesOutPadding() {
    let bytes: [UInt8] = [0xA1, 203, 0, 2, 0, 0, 0, 5, 0, 0, 0, 4]
    #expect(readRTCP(bytes) == [.goodbye(Goodbye(sources: [5]))])
    let wrong: [UInt8] = [0xA1, 203, 0, 2, 0, 0, 0, 5, 0, 0, 0, 200]
    #expect(readRTCP(wrong.span.bytes).malformed == 1)
  }

  @Test func passesOverOtherItemsAndReportBlocks() {
    let description: [UInt8] = [
      0x81, 202, 0, 5, 0, 0, 0, 1, 2, 3, 0x61, 0x62, 0x63, 1, 1, 0x7A, 6, 1, 0x7A, 0, 0, 0, 0, 0,
    ]
    #expect(readRTCP(description) == [.sourceDescription(SourceDescription(chunks: [.init(ssrc: 1, cname: "z")]))])
    let extended: [UInt8] = [
      0x80, 207, 0, 6, 0, 0, 0, 1, 1, 0, 0, 1, 9, 9, 9, 9, 4, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 8,
    ]
    #expect(readRTCP(extended) == [.extendedReport(ExtendedReport(ssrc: 1, receiverReferenceTime: 7 << 32 | 8))])
  }

  @Test func neverPrintsMoreThanFiveBitsCanCount() {
    let many = ReceiverReport(ssrc: 1, reports: Array(repeating: Self.block, count: 40))
    #expect(
      readRTCP(print(.receiverReport(many))) == [
        .receiverReport(ReceiverReport(ssrc: 1, reports: Array(many.reports.prefix(31))))
      ])
  }
}
