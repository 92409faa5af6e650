import NetSim
import Testing
import Wire

@testable import Secure

/// Nothing that arrives may trap, and nothing but the right certificate may connect.
@Suite struct DTLSHostileTests {
  @Test(arguments: 0..<120) func alteredDatagramsNeverConnectWrongly(_ seed: Int) {
    let association = Association(
      seed: UInt64(seed), weather: Weather(lost: 50, duplicated: 50, delayed: 200, flipped: 250, truncated: 50),
      asksForCookie: seed % 2 == 0)
    association.run { association.bothConnected }
    for (peer, other) in [(association.client, association.server), (association.server, association.client)] {
      guard peer.isConnected, other.isConnected else { continue }
      #expect(peer.keys?.local == other.keys?.remote, "seed \(seed)")
    }
    #expect(association.client.received.isEmpty && association.server.received.isEmpty)
  }

  @Test(arguments: 0..<40) func alteredDatagramsNeverTakeInAStranger(_ seed: Int) {
    let association = Association(
      seed: UInt64(seed), weather: Weather(flipped: 200), serverKnows: [Identities.stranger.fingerprint],
      clientKnows: [Identities.stranger.fingerprint])
    association.run()
    #expect(!association.client.isConnected && !association.server.isConnected, "seed \(seed)")
  }

  @Test func everyTruncationOfEveryDatagramIsSurvived() {
    for datagram in Self.conversation() {
      for count in 0..<datagram.bytes.count {
        let (client, server) = Self.pairBefore(datagram.index)
        (datagram.toServer ? server : client).handle(
          Array(datagram.bytes[..<count]), now: Instant(nanoseconds: 0))
        #expect(!(datagram.toServer ? server : client).received.contains([9]))
      }
    }
  }

  @Test func garbageIsIgnoredAtEveryStage() {
    var random = SeededGenerator(seed: 99)
    let association = Association(seed: 20)
    association.intercept = { datagram, _ in
      let garbage = (0..<4).map { _ in Self.garbage(&random, like: datagram) }
      return garbage + [datagram]
    }
    association.run { association.bothConnected }
    #expect(association.bothConnected)
    for _ in 0..<5_000 {
      association.client.handle(Self.garbage(&random, like: [23, 0xFE, 0xFD, 0, 1]), now: association.now)
    }
    #expect(association.client.events.count == 1)
    #expect(association.client.received.isEmpty)
  }

  @Test func whatHasEndedStaysInert() {
    let association = Association(seed: 21, clientKnows: [Identities.stranger.fingerprint])
    association.run()
    let events = association.client.events
    let other = Association.connected(seed: 22)
    #expect(other.server.send([1]))
    for datagram in other.server.takeOutgoing() { association.client.handle(datagram, now: association.now) }
    association.client.engine.handleTimeout(now: association.now + .seconds(100))
    association.client.engine.close()
    association.client.collect()
    #expect(association.client.takeOutgoing().isEmpty)
    #expect(association.client.events == events)
    #expect(!association.client.send([1]))
  }

  @Test func anAlertOfTheHandshakeNamesItsReason() {
    let association = Association(seed: 23)
    association.client.handle([21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40], now: association.now)
    #expect(association.client.events == [.failed(.alert(40))])
  }

  @Test func aClientThatRepeatsItsFinishedWithoutEndGetsAnswersWithAnEnd() {
    let association = Association(seed: 24)
    var finished: [[UInt8]] = []
    association.intercept = { [server = association.server] datagram, toServer in
      if toServer, server.isConnected { finished.append(datagram) }
      // The client never learns that the server is done.
      return !toServer && datagram.first == 20 ? [] : [datagram]
    }
    association.run()
    #expect(association.client.events == [.failed(.timedOut)])
    #expect(association.server.isConnected)
    #expect(finished.count > 5)
    // The same bytes once more are replays.
    for datagram in finished { association.server.handle(datagram, now: association.now) }
    #expect(association.server.takeOutgoing().isEmpty)
  }

  private struct Sent {
    var index: Int
    var toServer: Bool
    var bytes: [UInt8]
  }

  /// All datagrams of one handshake, in order.
  private static func conversation() -> [Sent] {
    let association = Association(seed: 30)
    var sent: [Sent] = []
    association.intercept = { datagram, toServer in
      sent.append(Sent(index: sent.count, toServer: toServer, bytes: datagram))
      return [datagram]
    }
    association.run { association.bothConnected }
    // The ends of the longer ones tell nothing new.
    return sent.map { Sent(index: $0.index, toServer: $0.toServer, bytes: Array($0.bytes.prefix(160))) }
  }

  /// The two peers of that handshake as they were when that datagram was under way.
  private static func pairBefore(_ index: Int) -> (client: Peer, server: Peer) {
    let association = Association(seed: 30)
    var count = 0
    association.intercept = { datagram, _ in
      defer { count += 1 }
      return count < index ? [datagram] : []
    }
    association.run { count > index }
    return (association.client, association.server)
  }

  private static func garbage(_ random: inout SeededGenerator, like datagram: [UInt8]) -> [UInt8] {
    var bytes = (0..<Int.random(in: 0...200, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
    // Half of it looks like a record of the second epoch: what has no valid tag yet must not disturb.
    if Bool.random(using: &random), bytes.count > 13 {
      bytes.replaceSubrange(0..<3, with: [datagram[0], 0xFE, 0xFD])
      bytes.replaceSubrange(3..<5, with: [0, 2])
      bytes.replaceSubrange(11..<13, with: [0, UInt8(bytes.count - 13)])
    }
    return bytes
  }
}
