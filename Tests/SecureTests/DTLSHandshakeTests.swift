import Testing
import Wire

@testable import Secure

@Suite struct DTLSHandshakeTests {
  @Test func bothEndsConnectWithTheSameKeys() throws {
    let association = Association.connected(seed: 1)
    let client = try #require(association.client.keys)
    let server = try #require(association.server.keys)
    #expect(client.profile == .aes128HMACSHA1Tag80)
    #expect(client.local == server.remote)
    #expect(client.remote == server.local)
    #expect(client.local != client.remote)
    let deadlines = [association.client.engine.deadline, association.server.engine.deadline]
    #expect(deadlines == [nil, nil])
  }

  @Test func takesTwoRoundTripsAndOneMoreForACookie() {
    for (asksForCookie, milliseconds) in [(false, Int64(40)), (true, 60)] {
      let association = Association(seed: 2, asksForCookie: asksForCookie)
      association.run { association.bothConnected }
      #expect(association.bothConnected)
      #expect(association.now == Instant(nanoseconds: 0) + .milliseconds(milliseconds))
    }
  }

  @Test func theFirstFlightLeavesAtOnceAndAgainAtTheDeadline() throws {
    let association = Association(seed: 3)
    let first = association.client.takeOutgoing()
    #expect(first.count == 1)
    let asked = association.client.engine.deadline
    let deadline = try #require(asked)
    #expect(deadline == Instant(nanoseconds: 0) + .milliseconds(150))
    association.client.engine.handleTimeout(now: deadline - .nanoseconds(1))
    #expect(association.client.takeOutgoing().isEmpty)
    association.client.engine.handleTimeout(now: deadline)
    #expect(association.client.takeOutgoing().count == 1)
    let next = association.client.engine.deadline
    #expect(next == deadline + .milliseconds(300))
  }

  @Test(arguments: 0..<60) func completesInBadWeather(_ seed: Int) {
    let weather = Weather(lost: 200, duplicated: 150, delayed: 300)
    let association = Association(seed: UInt64(seed), weather: weather, asksForCookie: seed % 2 == 0)
    association.run { association.bothConnected }
    #expect(association.bothConnected, "seed \(seed): \(association.client.events) \(association.server.events)")
    #expect(association.client.keys?.local == association.server.keys?.remote, "seed \(seed)")
  }

  @Test func completesWhenTheLastFlightIsLost() {
    let association = Association(seed: 4)
    var lost = 0
    association.intercept = { datagram, toServer in
      // ChangeCipherSpec and Finished of the server, twice.
      guard !toServer, datagram.first == 20, lost < 2 else { return [datagram] }
      lost += 1
      return []
    }
    association.run { association.bothConnected }
    #expect(lost == 2)
    #expect(association.bothConnected)
    #expect(association.server.send([1, 2, 3]))
    association.run { !association.client.received.isEmpty }
    #expect(association.client.received == [[1, 2, 3]])
  }

  @Test func dataThatOvertakesTheLastFlightIsKept() {
    let association = Association(seed: 5)
    var finished: [UInt8] = []
    association.intercept = { datagram, toServer in
      guard !toServer, datagram.first == 20, finished.isEmpty else { return [datagram] }
      finished = datagram
      return []
    }
    association.run { association.server.isConnected }
    #expect(association.server.send([7]))
    association.intercept = { datagram, toServer in toServer ? [datagram] : [datagram, finished] }
    association.run { association.client.isConnected }
    #expect(association.client.isConnected)
    #expect(association.client.received == [[7]])
  }

  @Test func givesUpWhenNobodyAnswers() {
    let association = Association(seed: 6, weather: Weather(lost: 1000))
    association.run()
    #expect(association.client.events == [.failed(.timedOut)])
    #expect(association.server.events == [.failed(.timedOut)])
    #expect(association.now == Instant(nanoseconds: 0) + Handshake.maximumDuration)
    let deadlines = [association.client.engine.deadline, association.server.engine.deadline]
    #expect(deadlines == [nil, nil])
  }

  @Test func theClientRefusesACertificateThatTheSDPDidNotAnnounce() {
    let association = Association(seed: 7, clientKnows: [Identities.stranger.fingerprint])
    association.run()
    #expect(association.client.events == [.failed(.fingerprintMismatch(presented: Identities.server.fingerprint))])
    #expect(association.server.events == [.failed(.alert(Alert.badCertificate))])
  }

  @Test func theServerRefusesACertificateThatTheSDPDidNotAnnounce() {
    let association = Association(seed: 8, serverKnows: [Identities.stranger.fingerprint])
    association.run()
    #expect(association.server.events == [.failed(.fingerprintMismatch(presented: Identities.client.fingerprint))])
    #expect(association.client.events == [.failed(.alert(Alert.badCertificate))])
  }

  /// Certificates are public: only the signature proves that the peer is the one it belongs to.
  @Test func whoShowsTheCertificateOfAnotherIsRefused() throws {
    let falseServer = try Identity(certificate: Identities.server.certificate, key: Identities.stranger.key)
    let association = Association(seed: 14, serverIdentity: falseServer)
    association.run()
    #expect(association.client.failure == .handshake(Self.badSignature))
    let falseClient = try Identity(certificate: Identities.client.certificate, key: Identities.stranger.key)
    let other = Association(seed: 15, clientIdentity: falseClient)
    other.run()
    #expect(other.server.failure == .handshake(Self.badSignature))
    #expect(!association.client.isConnected && !other.server.isConnected)
  }

  private static let badSignature: Int32 = -0x4E00  // MBEDTLS_ERR_ECP_VERIFY_FAILED

  @Test func withoutAFingerprintNobodyIsAccepted() {
    let association = Association(seed: 9, clientKnows: [])
    association.run()
    #expect(association.client.failure == .fingerprintMismatch(presented: Identities.server.fingerprint))
  }

  @Test func oneOfSeveralAnnouncedFingerprintsIsEnough() {
    let association = Association(
      seed: 10, clientKnows: [Identities.stranger.fingerprint, Identities.server.fingerprint])
    association.run { association.bothConnected }
    #expect(association.bothConnected)
  }

  @Test func twoClientsDoNotConnect() {
    let association = Association(seed: 11)
    association.intercept = { datagram, toServer in toServer ? [] : [datagram] }
    let other = Association(seed: 12)
    for datagram in other.client.takeOutgoing() { association.client.handle(datagram, now: association.now) }
    association.run()
    #expect(!association.client.isConnected)
  }

  @Test func closingEndsAHandshakeQuietly() {
    let association = Association(seed: 13)
    _ = association.client.takeOutgoing()
    association.client.engine.close()
    let deadline = association.client.engine.deadline
    #expect(deadline == nil)
    association.client.engine.handleTimeout(now: Instant(nanoseconds: 0) + .seconds(60))
    #expect(association.client.takeOutgoing().isEmpty)
    association.client.collect()
    #expect(association.client.events.isEmpty)
  }
}
