import Testing

import Wire

@Suite struct ByteTests {
  @Test func readsWhatWasWritten() throws {
    let bytes = ByteWriter.bytes(capacity: 64) {
      $0.write(UInt8(1))
      $0.write(UInt16(0x0203))
      $0.writeUInt24(0x04_05_06)
      $0.write(UInt32(0x0708_090A))
      $0.write(UInt64(11))
      $0.write("abc")
    }
    var reader = ByteReader(bytes.span.bytes)
    #expect(try reader.readUInt8() == 1)
    #expect(try reader.readUInt16() == 0x0203)
    #expect(try reader.readUInt24() == 0x04_05_06)
    #expect(try reader.readUInt32() == 0x0708_090A)
    #expect(try reader.readUInt64() == 11)
    #expect(try reader.readBytes(3) == Array("abc".utf8))
    let isAtEnd = reader.isAtEnd
    #expect(isAtEnd)
  }

  @Test func readingPastTheEndThrowsAndStays() throws {
    let bytes: [UInt8] = [1, 2, 3]
    var reader = ByteReader(bytes.span.bytes)
    #expect(throws: ParseError.truncated) { _ = try ByteTests.read32(bytes) }
    #expect(try reader.readUInt16() == 0x0102)
    let remaining = reader.remaining
    #expect(remaining == 1)
  }

  private static func read32(_ bytes: [UInt8]) throws -> UInt32 {
    var reader = ByteReader(bytes.span.bytes)
    return try reader.readUInt32()
  }

  @Test func writingPastTheEndYieldsNothing() {
    #expect(ByteWriter.bytes(capacity: 3) { $0.write(UInt32(1)) }.isEmpty)
    #expect(
      ByteWriter.bytes(capacity: 3) {
        $0.write([1, 2]); $0.writeZeros(2)
      }.isEmpty)
    #expect(
      ByteWriter.bytes(capacity: 3) {
        $0.write([1, 2]); $0.patch(UInt16(0x0304), at: 0)
      } == [3, 4])
  }

  @Test func sequenceNumbersCompareAcrossTheirWrap() {
    #expect(UInt16(0).isNewer(than: 65_535))
    #expect(!UInt16(65_535).isNewer(than: 0))
    #expect(!UInt16(7).isNewer(than: 7))
    #expect(UInt16(0x8000).isNewer(than: 0) != UInt16(0).isNewer(than: 0x8000))
    var unwrapper = SequenceUnwrapper()
    #expect([65_534, 65_535, 0, 65_533, 2].map { unwrapper.unwrap($0) } == [65_534, 65_535, 65_536, 65_533, 65_538])
  }

  @Test func ntpTimestampsCountFrom1900() {
    #expect(WallClock(microseconds: 0).ntpTimestamp == UInt64(2_208_988_800) << 32)
    #expect(WallClock(microseconds: 1_500_000).ntpTimestamp == UInt64(2_208_988_801) << 32 | UInt64(1) << 31)
  }
}

@Suite struct DatagramBatchTests {
  private let path = NetworkPath(
    local: SocketAddress(IPAddress(v4: 1), port: 1), remote: SocketAddress(IPAddress(v4: 2), port: 2))

  @Test func emptiesItselfWhenFull() {
    var sent = 0
    var batch = DatagramBatch(capacity: 4096) { batch in
      sent += batch.entries.count
      batch.removeAll()
    }
    for _ in 0..<10 { batch.append(on: path) { $0.writeZeros(1400) } }
    #expect(sent == 8)
    let offsets = batch.entries.map(\.offset)
    #expect(offsets == [0, 1400])
  }

  @Test func leavesOutWhatOverflowsOrIsDiscarded() {
    var batch = DatagramBatch(capacity: 4096) { $0.removeAll() }
    batch.append(on: path) { $0.writeZeros(1473) }
    batch.append(on: path) {
      $0.write(UInt8(1)); $0.discard()
    }
    batch.append(on: path) { _ in }
    let isEmpty = batch.isEmpty
    #expect(isEmpty)
  }

  @Test func packetQueueKeepsOrderAndRefusesWhatIsTooMuch() {
    var queue = PacketQueue(maximumBytes: 5)
    let bytes: [UInt8] = [1, 2, 3]
    let accepted = bytes.withUnsafeBytes { packet in
      [queue.append(packet), queue.append(UnsafeRawBufferPointer(rebasing: packet[..<2])), queue.append(packet)]
    }
    #expect(accepted == [true, true, false])
    let lengths = (0..<3).map { _ in queue.popFirst { $0.count } }
    #expect(lengths == [3, 2, nil])
    let dropped = queue.dropped
    #expect(dropped == 1)
  }
}
