import ICE
import NetSim
import Testing

struct ICECredentialsTests {
  @Test func makesCredentialsThatItWouldTake() {
    var generator = SeededGenerator(seed: 1)
    let made = (0..<100).map { _ in ICECredentials.make(using: &generator) }
    #expect(Set(made).count == 100)
    for credentials in made {
      #expect(credentials.ufrag.utf8.count == 8)
      #expect(credentials.password.utf8.count == 24)
      #expect(ICECredentials(ufrag: credentials.ufrag, password: credentials.password) == credentials)
    }
    #expect(Set(made.map(\.routingKey)).count == 100)
  }

  @Test func refusesWhatRFC8839Forbids() {
    let good = "abcdefghijklmnopqrstuv"
    #expect(ICECredentials(ufrag: "abcd", password: good) != nil)
    #expect(ICECredentials(ufrag: "abc", password: good) == nil)
    #expect(ICECredentials(ufrag: "abcd", password: String(good.dropLast())) == nil)
    #expect(ICECredentials(ufrag: "ab:d", password: good) == nil)
    #expect(ICECredentials(ufrag: "abcd", password: good + "é") == nil)
    #expect(ICECredentials(ufrag: String(repeating: "a", count: 257), password: good) == nil)
  }
}
