import Synchronization
import NetSim
import Testing
import Wire

@testable import Signaling

@Suite struct AccessTests {
  @Test(arguments: [
    ("localhost", 200), ("localhost:8080", 200), ("LOCALHOST.", 200), ("cam.localhost", 200), ("127.0.0.1:1", 200),
    ("[::1]:8080", 200), ("192.168.1.7", 200), ("board.example:80", 200), ("evil.example", 421),
    ("localhost.evil", 421),
    ("127.0.0.1.evil.example", 421), ("", 421),
  ])
  func onLoopbackOnlyKnownNamesAreServed(host: String, status: Int) throws {
    try withServer(FakeService(), { $0.hostNames = ["Board.Example"] }) { port in
      let response = try exchange(port, "GET", "/", ["Host: \(host)"])
      #expect(response.status == status)
    }
  }

  @Test func elsewhereAnyNameIsServed() {
    let policy = AccessPolicy(HTTPConfiguration(listen: [SocketAddress(IPAddress(v4: 0), port: 80)]))
    #expect(throws: Never.self) { try policy.checkHost(Self.request(["host": "cam.lan"])) }
  }

  @Test func pagesOfOtherOriginsMayChangeNothing() throws {
    let service = FakeService()
    try withServer(service) { port in
      let fields = offerFields + ["Host: localhost:80", "Origin: https://evil.example"]
      #expect(try exchange(port, "POST", "/whep", fields, body: "v=0").status == 403)
      let own = offerFields + ["Host: localhost:80", "Origin: https://localhost:80"]
      let response = try exchange(port, "POST", "/whep", own, body: "v=0")
      #expect(response.status == 201)
      #expect(response.fields["access-control-allow-origin"] == nil)
      #expect(service.state.withLock { $0.created.count } == 1)
    }
  }

  @Test func pagesOfAllowedOriginsMayWatch() throws {
    try withServer(FakeService(), { $0.allowedOrigins = ["https://wall.example"] }) { port in
      let origin = "Origin: https://wall.example"
      let response = try exchange(port, "POST", "/whep", offerFields + [origin], body: "v=0")
      #expect(response.status == 201)
      #expect(response.fields["access-control-allow-origin"] == "https://wall.example")
      #expect(response.fields["access-control-expose-headers"]?.contains("Location, ETag, Link") == true)
      #expect(response.fields["vary"] == "Origin")
      let preflight = try exchange(
        port, "OPTIONS", "/whep", [origin, "Access-Control-Request-Method: POST"])
      #expect(preflight.status == 204)
      #expect(preflight.fields["access-control-allow-methods"] == "POST")
      #expect(preflight.fields["access-control-allow-headers"]?.contains("If-Match") == true)
      let foreign = try exchange(
        port, "OPTIONS", "/whep", ["Origin: https://evil.example", "Access-Control-Request-Method: POST"])
      #expect(foreign.fields["access-control-allow-origin"] == nil)
      #expect(foreign.fields["access-control-allow-methods"] == nil)
      // What went wrong must be readable too.
      #expect(
        try exchange(port, "POST", "/whep", [origin]).fields["access-control-allow-origin"] == "https://wall.example")
    }
  }

  @Test func allOriginsCanBeAllowed() throws {
    try withServer(FakeService(), { $0.allowedOrigins = ["*"] }) { port in
      let response = try exchange(port, "GET", "/api/stats", ["Origin: https://any.example"])
      #expect(response.fields["access-control-allow-origin"] == "*")
    }
  }

  @Test func theBudgetOfOffersComesBack() {
    var budget = OfferBudget(burst: 2, interval: .seconds(1))
    let client = IPAddress(v4: 1)
    var now = Instant(nanoseconds: 5)
    #expect(budget.take(for: client, now: now) == nil)
    #expect(budget.take(for: client, now: now) == nil)
    #expect(budget.take(for: client, now: now) == .seconds(1))
    #expect(budget.take(for: IPAddress(v4: 2), now: now) == nil)
    now = now + .seconds(1)
    #expect(budget.take(for: client, now: now) == nil)
    #expect(budget.take(for: client, now: now) == .seconds(1))
    now = now + .seconds(100)
    #expect(budget.take(for: client, now: now) == nil)
    #expect(budget.take(for: client, now: now) == nil)
    #expect(budget.take(for: client, now: now) != nil)
  }

  @Test func anIPv6NetworkHasOneBudget() {
    var budget = OfferBudget(burst: 1, interval: .seconds(1))
    let now = Instant(nanoseconds: 0)
    #expect(budget.take(for: IPAddress(v6High: 7, low: 1), now: now) == nil)
    #expect(budget.take(for: IPAddress(v6High: 7, low: 2), now: now) != nil)
    #expect(budget.take(for: IPAddress(v6High: 8, low: 2), now: now) == nil)
  }

  @Test func aFloodOfAddressesForgetsTheQuietest() {
    var budget = OfferBudget(burst: 1, interval: .seconds(3600))
    let busy = IPAddress(v4: 0)
    for index in 0..<UInt32(OfferBudget.maximumAddresses * 4) {
      #expect(budget.take(for: IPAddress(v4: index + 1), now: Instant(nanoseconds: Int64(index))) == nil)
    }
    let now = Instant(nanoseconds: 1 << 20)
    #expect(budget.take(for: busy, now: now) == nil)
    #expect(budget.take(for: busy, now: now) != nil)
  }

  @Test func aViewersNameIsItsText() {
    var generator = SeededGenerator(seed: 9)
    let viewer = ViewerID.random(using: &generator)
    #expect(ViewerID(viewer.text) == viewer)
    #expect(viewer.text.utf8.count == 32)
    for text in ["", "0", viewer.text + "0", viewer.text.uppercased() + "é", String(repeating: "g", count: 32)] {
      #expect(ViewerID(text) == nil)
    }
  }

  private static func request(_ fields: [String: String]) -> HTTPRequest {
    HTTPRequest(method: "GET", path: "/", fields: fields.map { ($0.key, $0.value) }, keepsAlive: true)
  }
}
