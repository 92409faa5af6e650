import Testing

@testable import RTP
import Wire

@Suite struct RTPPacketTests {
  /// Version 2, marker, payload type 96, two contributing sources, one-byte extensions (1: "ab", 3: 0x1234), padding of 3.
  static let packet: [UInt8] = [
    0xB2, 0xE0, 0x12, 0x34, 0x00, 0x00, 0x10, 0x00, 0xCA, 0xFE, 0xBA, 0xBE, 0, 0, 0, 1, 0, 0, 0, 2,
    0xBE, 0xDE, 0x00, 0x02, 0x11, 0x61, 0x62, 0x31, 0x12, 0x34, 0x00, 0x00,
    0xDE, 0xAD, 0xBE, 0xEF, 0x01, 0x00, 0x00, 0x03,
  ]

  @Test func readsHeaderExtensionsAndPayload() throws {
    let packet = try RTPPacket(parsing: Self.packet.span.bytes)
    let header = packet.header
    #expect(
      header
        == RTPHeader(marker: true, payloadType: 96, sequenceNumber: 0x1234, timestamp: 0x1000, ssrc: 0xCAFE_BABE))
    let payload = packet.payload.copied()
    #expect(payload == [0xDE, 0xAD, 0xBE, 0xEF, 0x01])
    var map = ExtensionMap()
    map.mid = 1
    map.transportSequenceNumber = 3
    let values = HeaderExtensionValues(packet, map: map)
    #expect(values.mid == "ab")
    #expect(values.transportSequenceNumber == 0x1234)
    #expect(values.absoluteSendTime == nil)
  }

  @Test func readsTheTwoByteForm() throws {
    let bytes: [UInt8] = [
      0x90, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3,
      0x10, 0x00, 0x00, 0x03, 0x20, 0x02, 0x00, 0x07, 0x00, 0x05, 0x00, 0x21, 0x01, 0x9E, 0x00, 0x00, 0xFF,
    ]
    let packet = try RTPPacket(parsing: bytes.span.bytes)
    var map = ExtensionMap()
    map.transportSequenceNumber = 0x20
    map.audioLevel = 0x21
    map.mid = 5  // present but empty
    let values = HeaderExtensionValues(packet, map: map)
    #expect(values.transportSequenceNumber == 7)
    #expect(values.audioLevel == AudioLevel(decibelsBelowFullScale: 30, isVoice: true))
    #expect(values.mid == nil)
    let payload = packet.payload.copied()
    #expect(payload == [0xFF])
  }

  @Test func stopsAtTheReservedIdAndSkipsWrongLengths() throws {
    let bytes: [UInt8] = [
      0x90, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3,
      0xBE, 0xDE, 0x00, 0x02, 0x30, 0x01, 0xF0, 0x00, 0x21, 0x00, 0x07, 0x00,
    ]
    var map = ExtensionMap()
    map.transportSequenceNumber = 2  // behind the element with id 15
    map.absoluteSendTime = 3  // one byte long, should be three
    let values = HeaderExtensionValues(try RTPPacket(parsing: bytes.span.bytes), map: map)
    #expect(values == HeaderExtensionValues())
  }

  @Test(
    arguments: [
      [0x40, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3],  // version 1
      [0xA0, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0],  // padding of no length
      [0xA0, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 2],  // padding longer than what is there
      [0x81, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3],  // a contributing source that is not there
      [0x90, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xBE, 0xDE, 0, 1],  // extensions that are not there
    ] as [[UInt8]])
  func refusesWhatItsLengthsDoNotBearOut(bytes: [UInt8]) {
    #expect(throws: ParseError.self) { _ = try RTPPacket(parsing: bytes.span.bytes).header }
  }

  @Test func tellsRTCPByItsPacketType() {
    #expect([200, 205, 207, 192, 223].allSatisfy { RTPPacket.isRTCP(secondByte: $0) })
    #expect(![96, 111, 96 | 0x80, 127 | 0x80, 191].contains { RTPPacket.isRTCP(secondByte: $0) })
  }

  @Test func survivesBrokenPackets() {
    var map = ExtensionMap()
    for (index, kind) in HeaderExtension.allCases.enumerated() { map[kind] = UInt8(index + 1) }
    let twoByte: [UInt8] = [
      0x90, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0x10, 0x00, 0x00, 0x03, 1, 2, 0x41, 0x42, 4, 2, 0, 7, 5, 3, 1, 2, 3,
    ]
    for packet in [Self.packet, twoByte] {
      fuzz(packet, flips: 3000) { bytes in
        if let packet = try? RTPPacket(parsing: bytes) { _ = HeaderExtensionValues(packet, map: map) }
      }
    }
  }

  @Test func writesTheExtensionsThatWereNegotiatedAndNoOther() throws {
    let now = Instant(nanoseconds: 65_500_000_000)  // 65.5 s: 1.5 modulo 64
    let level = AudioLevel(decibelsBelowFullScale: 12, isVoice: true)
    for firstID: UInt8 in [1, 12, 14, 40] {
      for chosen in 0..<32 {
        let kinds: [HeaderExtension] = [.mid, .transportSequenceNumber, .absoluteSendTime, .playoutDelay, .audioLevel]
        var map = ExtensionMap()
        for (index, kind) in kinds.enumerated() where chosen >> index & 1 == 1 { map[kind] = firstID + UInt8(index) }
        for isAudio in [false, true] {
          let template = HeaderExtensionTemplate(map: map, mid: "v0", isAudio: isAudio)
          let header = RTPHeader(marker: false, payloadType: 96, sequenceNumber: 1, timestamp: 2, ssrc: 3)
          let bytes = ByteWriter.bytes(capacity: 200) {
            header.write(hasExtensions: template.byteCount > 0, into: &$0)
            template.write(transportSequence: 0xABCD, audioLevel: level, now: now, into: &$0)
          }
          #expect(bytes.count == 12 + template.byteCount)
          let packet = try RTPPacket(parsing: bytes.span.bytes)
          let read = packet.header
          #expect(read == header)
          var expected = HeaderExtensionValues()
          if map.mid != 0 { expected.mid = "v0" }
          if map.transportSequenceNumber != 0 { expected.transportSequenceNumber = 0xABCD }
          if map.absoluteSendTime != 0 { expected.absoluteSendTime = 3 << 17 }
          if map.playoutDelay != 0, !isAudio { expected.playoutDelay = .init(minimum: 0, maximum: 0) }
          if map.audioLevel != 0, isAudio { expected.audioLevel = level }
          #expect(HeaderExtensionValues(packet, map: map) == expected)
        }
      }
    }
  }

  @Test func anExtensionWithoutValueLeavesPadding() throws {
    var map = ExtensionMap()
    map.transportSequenceNumber = 3
    map.audioLevel = 4
    map.mid = 5
    let template = HeaderExtensionTemplate(map: map, mid: "a", isAudio: true)
    let bytes = ByteWriter.bytes(capacity: 200) {
      RTPHeader(marker: false, payloadType: 96, sequenceNumber: 1, timestamp: 2, ssrc: 3)
        .write(hasExtensions: true, into: &$0)
      template.write(transportSequence: nil, audioLevel: nil, now: .start, into: &$0)
    }
    let values = HeaderExtensionValues(try RTPPacket(parsing: bytes.span.bytes), map: map)
    #expect(values.mid == "a")
    #expect(values.transportSequenceNumber == nil)
    #expect(values.audioLevel == nil)
  }

  @Test func mediaClocksDoNotOverflowAfterYears() {
    let years = Instant(nanoseconds: .max - 1)
    let step = Interval.milliseconds(20)
    #expect(
      RTPClock.opus.timestamp(at: years) &- RTPClock.opus.timestamp(at: years - step) == 960)
    #expect(RTPClock.video.ticks(in: .seconds(2)) == 180_000)
    #expect(RTPClock.video.interval(ofTicks: 90) == .milliseconds(1))
  }
}
