import NetSim
import Testing
import Wire

@testable import Secure

@Suite struct SRTPTests {
  @Test(arguments: [SRTPKeys.Profile.aes128HMACSHA1Tag80, .aes128HMACSHA1Tag32])
  func whatOneEndProtectsTheOtherReads(_ profile: SRTPKeys.Profile) throws {
    var sender = try SRTPSender(Self.keys(profile))
    var receiver = try SRTPReceiver(Self.keys(profile))
    for size in [0, 1, 15, 16, 17, 100, 1_100] {
      let packet = RTP.packet(sequence: UInt16(size), size: size)
      let protected = try #require(RTP.protect(packet, by: &sender))
      #expect(protected.count == packet.count + (profile == .aes128HMACSHA1Tag80 ? 10 : 4))
      #expect(size < 4 || !protected.contains(packet[12...]))
      #expect(RTP.unprotect(protected, by: &receiver) == packet)
    }
    let report = RTCP.packet()
    let protected = try #require(RTCP.protect(report, by: &sender))
    #expect(protected.count == report.count + 14)
    #expect(RTCP.unprotect(protected, by: &receiver) == report)
  }

  @Test func refusesReplays() throws {
    var sender = try SRTPSender(Self.keys())
    var receiver = try SRTPReceiver(Self.keys())
    let protected = try #require(RTP.protect(RTP.packet(sequence: 1), by: &sender))
    let report = try #require(RTCP.protect(RTCP.packet(), by: &sender))
    #expect(RTP.unprotect(protected, by: &receiver) != nil)
    #expect(RTP.unprotect(protected, by: &receiver) == nil)
    #expect(RTCP.unprotect(report, by: &receiver) != nil)
    #expect(RTCP.unprotect(report, by: &receiver) == nil)
    let refused = receiver.refused
    #expect(refused == 2)
  }

  @Test func refusesWhatWasAlteredAnywhereOrCut() throws {
    var sender = try SRTPSender(Self.keys())
    var receiver = try SRTPReceiver(Self.keys())
    let packet = RTP.packet(sequence: 1, size: 40)
    let protected = try #require(RTP.protect(packet, by: &sender))
    let report = try #require(RTCP.protect(RTCP.packet(), by: &sender))
    for bit in 0..<(protected.count * 8) {
      var altered = protected
      altered[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(RTP.unprotect(altered, by: &receiver) == nil, "bit \(bit)")
    }
    for bit in 0..<(report.count * 8) {
      var altered = report
      altered[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(RTCP.unprotect(altered, by: &receiver) == nil, "bit \(bit)")
    }
    for count in 0..<protected.count { #expect(RTP.unprotect(Array(protected[..<count]), by: &receiver) == nil) }
    for count in 0..<report.count { #expect(RTCP.unprotect(Array(report[..<count]), by: &receiver) == nil) }
    #expect(RTP.unprotect(protected, by: &receiver) == packet)
  }

  @Test func neverTrapsOnGarbage() throws {
    var sender = try SRTPSender(Self.keys())
    var receiver = try SRTPReceiver(Self.keys())
    var random = SeededGenerator(seed: 42)
    for _ in 0..<20_000 {
      var garbage = (0..<Int.random(in: 0...120, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      if !garbage.isEmpty, Bool.random(using: &random) { garbage[0] = garbage[0] & 0x3F | 0x80 }
      #expect(RTP.unprotect(garbage, by: &receiver) == nil)
      #expect(RTCP.unprotect(garbage, by: &receiver) == nil)
      _ = RTP.protect(garbage, by: &sender)
    }
  }

  @Test func aRetransmissionComesOutTheSame() throws {
    var sender = try SRTPSender(Self.keys())
    let first = RTP.protect(RTP.packet(sequence: 1), by: &sender)
    for sequence in 2..<500 as Range<UInt16> { _ = RTP.protect(RTP.packet(sequence: sequence), by: &sender) }
    #expect(RTP.protect(RTP.packet(sequence: 1), by: &sender) == first)
  }

  @Test func readsPacketsThatWereDelayedByLessThanTheWindow() throws {
    var sender = try SRTPSender(Self.keys())
    var receiver = try SRTPReceiver(Self.keys())
    let packets = try (0..<1_024).map { try #require(RTP.protect(RTP.packet(sequence: UInt16($0)), by: &sender)) }
    for packet in packets.reversed() { #expect(RTP.unprotect(packet, by: &receiver) != nil) }
  }

  @Test func countsOnWhenSequenceNumbersWrap() throws {
    var sender = try SRTPSender(Self.keys())
    var receiver = try SRTPReceiver(Self.keys())
    for index in 0..<140_000 {
      let packet = RTP.packet(sequence: UInt16(truncatingIfNeeded: index), size: 4)
      let protected = try #require(RTP.protect(packet, by: &sender))
      // One in a hundred is lost, some about the wrap among them.
      guard index % 100 != 36 else { continue }
      let read = RTP.unprotect(protected, by: &receiver)
      guard read == packet else {
        Issue.record("packet \(index)")
        return
      }
    }
  }

  @Test func countsEachSSRCByItself() throws {
    var sender = try SRTPSender(Self.keys())
    var receiver = try SRTPReceiver(Self.keys())
    for sequence in 0..<50 as Range<UInt16> {
      for ssrc in 1...8 as ClosedRange<UInt32> {
        let packet = RTP.packet(sequence: sequence &* UInt16(ssrc), ssrc: ssrc)
        let protected = try #require(RTP.protect(packet, by: &sender))
        #expect(RTP.unprotect(protected, by: &receiver) == packet)
      }
    }
  }

  @Test func anSSRCTooManyIsRefused() throws {
    var sender = try SRTPSender(Self.keys())
    var receiver = try SRTPReceiver(Self.keys())
    for ssrc in 1...UInt32(SRTPReceiver.maximumSSRCs + 1) {
      let protected = try #require(RTP.protect(RTP.packet(sequence: 1, ssrc: ssrc), by: &sender))
      #expect((RTP.unprotect(protected, by: &receiver) != nil) == (ssrc <= SRTPReceiver.maximumSSRCs))
    }
    let known = try #require(RTP.protect(RTP.packet(sequence: 2, ssrc: 1), by: &sender))
    #expect(RTP.unprotect(known, by: &receiver) != nil)
  }

  @Test func refusesABufferWithoutRoomForTheTag() throws {
    var sender = try SRTPSender(Self.keys())
    var packet = RTP.packet(sequence: 1) + [UInt8](repeating: 0, count: SRTPSender.maximumOverhead - 1)
    var length = packet.count - SRTPSender.maximumOverhead + 1
    let done = packet.withUnsafeMutableBytes { sender.protectRTP($0, length: &length) }
    #expect(!done)
  }

  @Test func theKeysOfAHandshakeFit() throws {
    let association = Association.connected(seed: 50)
    let client = try #require(association.client.keys)
    let server = try #require(association.server.keys)
    var toServer = try SRTPSender(client)
    var atServer = try SRTPReceiver(server)
    var toClient = try SRTPSender(server)
    var atClient = try SRTPReceiver(client)
    let packet = RTP.packet(sequence: 1)
    let up = try #require(RTP.protect(packet, by: &toServer))
    let down = try #require(RTP.protect(packet, by: &toClient))
    #expect(up != down)
    #expect(RTP.unprotect(up, by: &atServer) == packet)
    #expect(RTP.unprotect(down, by: &atClient) == packet)
    #expect(RTP.unprotect(up, by: &atClient) == nil)
  }

  private static func keys(_ profile: SRTPKeys.Profile = .aes128HMACSHA1Tag80) -> SRTPKeys {
    let master = SRTPKeys.Master(key: (0..<16).map { $0 }, salt: (16..<30).map { $0 })
    return SRTPKeys(profile: profile, local: master, remote: master)
  }
}
