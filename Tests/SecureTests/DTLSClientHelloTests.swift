import NetSim
import Testing
import Wire

@testable import Secure

@Suite struct DTLSClientHelloTests {
  @Test(arguments: [true, false], [2, 3, 7]) func aServerTakesAClientHelloInPieces(_ asksForCookie: Bool, _ pieces: Int)
  {
    let association = Association(seed: 1, asksForCookie: asksForCookie)
    var split = 0
    association.intercept = { datagram, toServer in
      guard toServer else { return [datagram] }
      let fragments = Self.fragment(datagram, into: pieces)
      if fragments.count == pieces { split += 1 }
      return fragments
    }
    association.run { association.bothConnected }
    #expect(split == (asksForCookie ? 2 : 1))
    #expect(association.bothConnected)
    #expect(association.client.keys?.local == association.server.keys?.remote)
  }

  @Test(arguments: 0..<40) func theyMayBeLostRepeatedAndReordered(_ seed: Int) {
    let association = Association(
      seed: UInt64(seed), weather: Weather(lost: 200, duplicated: 300, delayed: 500), asksForCookie: seed % 2 == 0)
    association.intercept = { datagram, toServer in toServer ? Self.fragment(datagram, into: 3) : [datagram] }
    association.run { association.bothConnected }
    #expect(association.bothConnected, "seed \(seed): \(association.client.events) \(association.server.events)")
  }

  @Test func overlappingPiecesFit() throws {
    let message = (0..<100).map { UInt8($0) }
    var assembly = ClientHelloAssembly()
    #expect(Self.add(message, 40..<80, to: &assembly) == nil)
    #expect(Self.add(message, 60..<100, to: &assembly) == nil)
    #expect(Self.add(message, 0..<30, to: &assembly) == nil)
    let record = try #require(Self.add(message, 20..<45, to: &assembly))
    #expect(Array(record[25...]) == message)
    #expect(Array(record[13..<25]) == [1, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0, 100])
  }

  @Test func anotherMessageStartsAnew() throws {
    let message = [UInt8](repeating: 5, count: 100)
    var assembly = ClientHelloAssembly()
    #expect(Self.add(message, 0..<50, sequence: 0, to: &assembly) == nil)
    #expect(Self.add(message, 50..<100, sequence: 1, to: &assembly) == nil)
    #expect(Self.add(message, 0..<50, sequence: 1, to: &assembly) != nil)
  }

  @Test func piecesDoNotWaitForEver() throws {
    let message = [UInt8](repeating: 5, count: 100)
    var assembly = ClientHelloAssembly()
    #expect(Self.add(message, 0..<50, to: &assembly) == nil)
    let late = Instant(nanoseconds: 0) + ClientHelloAssembly.maximumAge + .nanoseconds(1)
    #expect(Self.add(message, 50..<100, now: late, to: &assembly) == nil)
  }

  @Test func refusesMessagesThatFitNoRecord() throws {
    var assembly = ClientHelloAssembly()
    let header: [UInt8] = [1, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 9]
    #expect(Self.add(record: header, now: Instant(nanoseconds: 0), to: &assembly) == nil)
    let pastTheEnd: [UInt8] = [1, 0, 0, 4, 0, 0, 0, 0, 4, 0, 0, 1, 9]
    #expect(Self.add(record: pastTheEnd, now: Instant(nanoseconds: 0), to: &assembly) == nil)
  }

  @Test func neverTrapsOnGarbage() throws {
    var random = SeededGenerator(seed: 77)
    var assembly = ClientHelloAssembly()
    for _ in 0..<20_000 {
      var body = (0..<Int.random(in: 0...60, using: &random)).map { _ in UInt8.random(in: 0...3, using: &random) }
      if !body.isEmpty { body[0] = 1 }
      _ = Self.add(record: body, now: Instant(nanoseconds: 0), to: &assembly)
    }
  }

  private static func add(
    _ message: [UInt8], _ range: Range<Int>, sequence: UInt16 = 0, now: Instant = Instant(nanoseconds: 0),
    to assembly: inout ClientHelloAssembly
  ) -> [UInt8]? {
    let fragment = ByteWriter.bytes(capacity: 2000) {
      $0.write(UInt8(1))
      $0.writeUInt24(UInt32(message.count))
      $0.write(sequence)
      $0.writeUInt24(UInt32(range.lowerBound))
      $0.writeUInt24(UInt32(range.count))
      $0.write(Array(message[range]))
    }
    return add(record: fragment, now: now, to: &assembly)
  }

  private static func add(record body: [UInt8], now: Instant, to assembly: inout ClientHelloAssembly) -> [UInt8]? {
    let header = RecordHeader(type: .handshake, epoch: 0, sequenceNumber: 3, bodyLength: body.count)
    return assembly.add(body.span.bytes, of: header, now: now)
  }

  /// What a sender with a smaller MTU would have sent: a ClientHello in pieces, everything else as it is. Record numbers are spread
  /// to make room for the pieces'.
  private static func fragment(_ datagram: [UInt8], into pieces: Int) -> [[UInt8]] {
    guard datagram.count > 25, datagram[0] == 22, datagram[4] == 0, datagram[13] == 1 else { return [spread(datagram)] }
    let message = Array(datagram[25...])
    let size = (message.count + pieces - 1) / pieces
    return stride(from: 0, to: message.count, by: size).map { start in
      let part = Array(message[start..<min(start + size, message.count)])
      return ByteWriter.bytes(capacity: 2000) {
        $0.write(Array(datagram[0..<9]))
        $0.write(UInt16(datagram[10]) &* 16 &+ UInt16(start / size))
        $0.write(UInt16(part.count + 12))
        $0.write(Array(datagram[13..<19]))
        $0.writeUInt24(UInt32(start))
        $0.writeUInt24(UInt32(part.count))
        $0.write(part)
      }
    }
  }

  private static func spread(_ datagram: [UInt8]) -> [UInt8] {
    var datagram = datagram
    var start = 0
    while start + 13 <= datagram.count {
      let length = Int(datagram[start + 11]) << 8 | Int(datagram[start + 12])
      if datagram[start + 4] == 0 {
        let number = UInt16(datagram[start + 10]) &* 16
        datagram[start + 9] = UInt8(number >> 8)
        datagram[start + 10] = UInt8(number & 255)
      }
      start += 13 + length
    }
    return datagram
  }
}
