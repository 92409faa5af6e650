import NetSim
import Testing
import Wire

@testable import DataChannel

extension DataChannelTests {
  @Suite struct DCEPTests {
    private let openings = [
      ChannelOpening(label: "", subprotocol: "", isOrdered: true, reliability: .reliable),
      ChannelOpening(label: "control", subprotocol: "json-rpc", isOrdered: true, reliability: .maximumRetransmits(0)),
      ChannelOpening(label: "ünï", subprotocol: "", isOrdered: false, reliability: .maximumLifetime(milliseconds: 500)),
    ]

    @Test func writesWhatRFC8832Shows() {
      #expect(
        ControlMessage.open(openings[2]).bytes == [
          0x03, 0x82, 0x01, 0x00, 0, 0, 0x01, 0xF4, 0, 5, 0, 0, 0xC3, 0xBC, 0x6E, 0xC3, 0xAF,
        ])
      #expect(ControlMessage.acknowledge.bytes == [2])
    }

    @Test func readsWhatItWrites() throws {
      for opening in openings {
        let bytes = ControlMessage.open(opening).bytes
        #expect(try ControlMessage(parsing: bytes.span.bytes) == .open(opening))
      }
      #expect(try ControlMessage(parsing: ([2] as [UInt8]).span.bytes) == .acknowledge)
    }

    @Test func everyTruncationIsRefused() {
      for opening in openings {
        let bytes = ControlMessage.open(opening).bytes
        for length in 0..<bytes.count {
          #expect(throws: ParseError.self) { _ = try ControlMessage(parsing: Array(bytes[..<length]).span.bytes) }
        }
      }
    }

    @Test func flippedBitsNeverTrap() {
      for seed in UInt64(0)..<2000 {
        var generator = SeededGenerator(seed: seed)
        var bytes = ControlMessage.open(openings[Int(seed % 3)]).bytes
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
          bytes[Int.random(in: 0..<bytes.count, using: &generator)] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        }
        _ = try? ControlMessage(parsing: bytes.span.bytes)
      }
    }

    @Test func namesThatAreNotUTF8AreRefused() {
      #expect(throws: ParseError.malformed("DCEP name")) {
        _ = try ControlMessage(parsing: ([3, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0xFF] as [UInt8]).span.bytes)
      }
    }
  }
}
