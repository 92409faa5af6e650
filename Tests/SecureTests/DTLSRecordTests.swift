import NetSim
import Testing
import Wire

@testable import Secure

@Suite struct DTLSRecordTests {
  @Test func carriesDataOfEverySizeBothWays() {
    let association = Association.connected(seed: 1)
    let limit = DTLSEngine.maximumApplicationData
    let messages = [0, 1, 15, 16, 17, 1200, limit].map { size in (0..<size).map { UInt8(truncatingIfNeeded: $0) } }
    for message in messages {
      #expect(association.client.send(message))
      #expect(association.server.send(message))
    }
    association.run()
    #expect(association.server.received == messages)
    #expect(association.client.received == messages)
  }

  @Test func refusesWhatIsLargerThanADatagram() {
    let association = Association.connected(seed: 2)
    #expect(!association.client.send([UInt8](repeating: 0, count: DTLSEngine.maximumApplicationData + 1)))
    #expect(association.client.send([UInt8](repeating: 0, count: DTLSEngine.maximumApplicationData)))
    #expect(association.client.takeOutgoing().map(\.count) == [DatagramBatch.maximumDatagramSize])
  }

  @Test func refusesToSendBeforeTheHandshakeIsDone() {
    let association = Association(seed: 3)
    #expect(!association.client.send([1]))
  }

  @Test func writesIntoABatchWhatItWouldQueue() {
    let association = Association.connected(seed: 4)
    let bytes: [UInt8] = [1, 2, 3]
    let record = ByteWriter.bytes(capacity: 100) { writer in
      _ = bytes.withUnsafeBytes { association.client.engine.send($0, to: &writer) }
    }
    association.server.handle(record, now: association.now)
    #expect(association.server.received == [bytes])
    let tight = ByteWriter.bytes(capacity: record.count - 1) { writer in
      _ = bytes.withUnsafeBytes { association.client.engine.send($0, to: &writer) }
    }
    #expect(tight.isEmpty)
  }

  @Test func readsSeveralRecordsOfOneDatagram() {
    let association = Association.connected(seed: 5)
    for byte in 1...3 { #expect(association.client.send([UInt8(byte)])) }
    association.server.handle(association.client.takeOutgoing().flatMap { $0 }, now: association.now)
    #expect(association.server.received == [[1], [2], [3]])
  }

  @Test func dropsReplaysAndKeepsWhatComesOutOfOrder() {
    let association = Association.connected(seed: 6)
    for byte in 0..<10 { #expect(association.client.send([UInt8(byte)])) }
    let datagrams = association.client.takeOutgoing()
    for datagram in datagrams.reversed() + datagrams { association.server.handle(datagram, now: association.now) }
    #expect(association.server.received == (0..<10).reversed().map { [UInt8($0)] })
  }

  @Test func dropsWhatWasAlteredAnywhere() {
    let association = Association.connected(seed: 7)
    #expect(association.client.send([1, 2, 3]))
    let datagram = association.client.takeOutgoing()[0]
    for bit in 0..<(datagram.count * 8) {
      var altered = datagram
      altered[bit / 8] ^= 1 << UInt8(bit % 8)
      association.server.handle(altered, now: association.now)
    }
    for count in 0..<datagram.count { association.server.handle(Array(datagram[..<count]), now: association.now) }
    #expect(association.server.received.isEmpty)
    association.server.handle(datagram, now: association.now)
    #expect(association.server.received == [[1, 2, 3]])
  }

  @Test(arguments: [true, false]) func sayingGoodbyeEndsBothEnds(_ byClient: Bool) {
    let association = Association.connected(seed: 8)
    let (near, far) = byClient ? (association.client, association.server) : (association.server, association.client)
    near.engine.close()
    association.run()
    #expect(far.events.last == .closed)
    #expect(near.events.count == 1)
    #expect(!near.send([1]))
    #expect(!far.send([1]))
  }

  @Test func anUnencryptedAlertDoesNotEndAConnection() {
    let association = Association.connected(seed: 9)
    association.client.handle([21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40], now: association.now)
    association.client.handle([21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 10, 0, 2, 1, 0], now: association.now)
    #expect(association.client.events.count == 1)
    #expect(association.server.send([1]))
    association.run()
    #expect(association.client.received == [[1]])
  }

  @Test func theReplayWindowAdmitsEachNumberOnce() {
    var window = ReplayWindow()
    #expect(window.admits(0))
    window.insert(100)
    #expect(window.admits(99) && window.admits(37) && !window.admits(100) && !window.admits(36))
    window.insert(37)
    #expect(!window.admits(37) && window.admits(38))
    window.insert(101)
    #expect(!window.admits(100) && !window.admits(37) && window.admits(99))
    window.insert(1_000)
    #expect(!window.admits(101) && window.admits(999))
  }

  @Test func theReplayWindowAgreesWithASetOfAllNumbers() {
    for seed in 0..<50 as Range<UInt64> {
      var random = SeededGenerator(seed: seed)
      var window = ReplayWindow()
      var seen: Set<UInt64> = []
      var newest: UInt64 = 0
      for _ in 0..<500 {
        let number = UInt64.random(in: (newest > 80 ? newest - 80 : 0)...(newest + 40), using: &random)
        let expected = !seen.contains(number) && (seen.isEmpty || number > newest || newest - number < 64)
        #expect(window.admits(number) == expected, "seed \(seed), number \(number)")
        guard expected else { continue }
        window.insert(number)
        seen.insert(number)
        newest = max(newest, number)
      }
    }
  }
}
