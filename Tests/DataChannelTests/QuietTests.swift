import Foundation
import Testing
import Wire

@testable import DataChannel

extension DataChannelTests {
  @Suite struct QuietTests {
    @Test func aQuietAssociationNeverWakesUp() throws {
      let pair = try Pair.connected()
      _ = try pair.openChannel()
      pair.run(for: .seconds(1))
      #expect(pair.client.deadline == nil)
      #expect(pair.server.deadline == nil)
      let packets = pair.packetsSent
      let wakeUps = pair.wakeUps
      pair.run(for: .seconds(24 * 3600))
      #expect(pair.packetsSent == packets)
      #expect(pair.wakeUps == wakeUps)
    }

    @Test func aMessageASecondWakesEachSideOnce() throws {
      let pair = try Pair.connected()
      let id = try pair.openChannel()
      pair.run(for: .seconds(1))
      let wakeUps = pair.wakeUps
      for _ in 0..<100 {
        try pair.client.send("21.5", on: id, now: pair.now)
        pair.run(for: .seconds(1))
      }
      #expect(pair.takeMessages(.server).count == 100)
      // For the delayed acknowledgement.
      #expect(pair.wakeUps - wakeUps <= 100)
    }

    @Test func anAcknowledgementIsNotLate() throws {
      let pair = try Pair.connected()
      let id = try pair.openChannel()
      pair.run(for: .seconds(1))
      let sent = pair.now
      try pair.client.send("x", on: id, now: pair.now)
      pair.run(for: .seconds(1)) { pair.client.deadline == nil }
      #expect(pair.now - sent <= .milliseconds(24))
    }

    @Test func fiftyAssociationsAreSmall() throws {
      _ = try Pair.connected()
      let before = try residentBytes()
      var pairs: [Pair] = []
      for _ in 0..<25 {
        let pair = try Pair.connected()
        for label in ["telemetry", "control", "events"] { _ = try pair.openChannel(label: label) }
        pairs.append(pair)
      }
      let each = (try residentBytes() - before) / 50
      #expect(each < 48 * 1024, "\(each) bytes")
    }

    private func residentBytes() throws -> Int {
      let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")[1]
      return try #require(Int(pages)) * sysconf(Int32(_SC_PAGESIZE))
    }

    @Test func associationsComeAndGo() throws {
      _ = try Pair.connected()
      let before = try residentBytes()
      for index in 0..<1000 {
        let pair = try Pair.connected()
        let id = try pair.openChannel()
        try pair.client.send([UInt8](repeating: 1, count: 20_000), on: id, now: pair.now)
        pair.run(for: .milliseconds(Int64(index % 5)))
        if index % 2 == 0 { pair.client.abort() }
      }
      #expect(try residentBytes() - before < 4 * 1024 * 1024)
    }
  }
}
