import Synchronization
import Testing
import Wire

@testable import Signaling

@Suite struct WHEPTests {
  @Test func anOfferBecomesAViewer() throws {
    let service = FakeService()
    try withServer(service) { port in
      let response = try exchange(port, "POST", "/whep", offerFields, body: "v=0\r\ns=offer\r\n")
      #expect(response.status == 201)
      #expect(response.fields["content-type"] == "application/sdp")
      #expect(response.fields["etag"] == "\"tag1\"")
      #expect(response.text == "v=0\r\ns=answer\r\n")
      let created = service.state.withLock { $0.created[0] }
      #expect(created.offer == "v=0\r\ns=offer\r\n")
      #expect(response.fields["location"] == "/whep/\(created.viewer.text)")
    }
  }

  @Test func aViewerTakesCandidatesAndEnds() throws {
    let service = FakeService()
    try withServer(service) { port in
      let location = try exchange(port, "POST", "/whep", offerFields, body: "v=0\r\n").fields["location"]!
      let fragment = "a=ice-ufrag:x\r\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n"
      let patch = try exchange(port, "PATCH", location, fragmentFields + ["If-Match: \"tag1\""], body: fragment)
      #expect(patch.status == 204)
      #expect(patch.fields["content-length"] == nil)
      #expect(service.state.withLock { $0.updated[0].fragment } == fragment)
      #expect(try exchange(port, "DELETE", location).status == 200)
      #expect(service.state.withLock { $0.removed.map(\.text) } == [String(location.dropFirst(6))])
    }
  }

  @Test(arguments: [
    ("*", Precondition.any), ("\"a\"", .entityTags(["a"])), ("\"a\", W/\"b\", \"c\"", .entityTags(["a", "c"])),
    ("a", .entityTags(["a"])),
  ])
  func understandsIfMatch(text: String, expected: Precondition) throws {
    let service = FakeService()
    try withServer(service) { port in
      _ = try exchange(port, "PATCH", Self.someViewer, fragmentFields + ["If-Match: \(text)"], body: "x")
      #expect(service.state.withLock { $0.updated[0].precondition } == expected)
    }
  }

  private static let someViewer = "/whep/0123456789abcdef0123456789abcdef"

  struct Case: Sendable, CustomTestStringConvertible {
    var method = "POST"
    var path = "/whep"
    var fields = offerFields
    var body = "v=0\r\n"
    let status: Int
    var testDescription: String { "\(method) \(path) → \(status)" }
  }

  @Test(arguments: [
    Case(fields: [], status: 415),
    Case(fields: ["Content-Type: text/plain"], status: 415),
    Case(fields: ["Content-Type: application/SDP; charset=utf-8"], status: 201),
    Case(fields: offerFields + ["Accept: text/html"], status: 406),
    Case(fields: offerFields + ["Accept: application/sdp;q=0, text/html"], status: 406),
    Case(fields: offerFields + ["Accept: text/html, */*;q=0.1"], status: 201),
    Case(body: "", status: 400),
    Case(body: "hello", status: 400),
    Case(body: String(repeating: "v", count: 65537), status: 413),
    Case(method: "GET", body: "", status: 405),
    Case(method: "PUT", status: 405),
    Case(method: "BREW", status: 501),
    Case(path: "/whip", status: 405),
    Case(method: "GET", path: "/whip", body: "", status: 404),
    Case(method: "DELETE", path: "/whep/1", body: "", status: 404),
    Case(method: "DELETE", path: "/whep/0123456789ABCDEF0123456789abcdef", body: "", status: 404),
    Case(method: "GET", path: someViewer, body: "", status: 405),
    Case(method: "PATCH", path: someViewer, fields: ["If-Match: \"tag1\""], status: 415),
    Case(method: "PATCH", path: someViewer, fields: fragmentFields, status: 428),
    Case(method: "PATCH", path: someViewer, fields: fragmentFields + ["If-Match: \"old\""], status: 412),
    Case(method: "PATCH", path: someViewer, fields: fragmentFields + ["If-Match: \"tag1\""], body: "", status: 400),
    Case(method: "GET", path: "/api/stats", body: "", status: 200),
    Case(method: "GET", path: "/healthz", body: "", status: 200),
    Case(method: "POST", path: "/api/stats", status: 405),
    Case(method: "OPTIONS", path: "*", fields: [], body: "", status: 204),
    Case(method: "GET", path: "*", fields: [], body: "", status: 400),
  ])
  func eachRequestGetsItsStatus(_ request: Case) throws {
    try withServer { port in
      let response = try exchange(port, request.method, request.path, request.fields, body: request.body)
      #expect(response.status == request.status)
      #expect(response.fields["x-content-type-options"] == "nosniff")
      guard response.status >= 400 else { return }
      #expect(response.fields["content-type"] == "application/problem+json")
      for member in ["\"type\":\"urn:perch:problem:", "\"title\":\"", "\"status\":\(request.status),", "\"detail\":\""]
      {
        #expect(response.text.contains(member))
      }
    }
  }

  @Test func aRefusalSaysWhatWouldBeTaken() throws {
    try withServer { port in
      let post = try exchange(port, "POST", "/whep")
      #expect(post.fields["accept-post"] == "application/sdp")
      let patch = try exchange(port, "PATCH", Self.someViewer)
      #expect(patch.fields["accept-patch"] == "application/trickle-ice-sdpfrag")
      let get = try exchange(port, "GET", "/whep")
      #expect(get.fields["allow"] == "POST, OPTIONS")
      let options = try exchange(port, "OPTIONS", "/whep")
      #expect(options.fields["accept-post"] == "application/sdp")
    }
  }

  @Test(arguments: [
    (SignalingError.malformed("Line 3 is odd."), 400, nil as String?),
    (.unacceptable("No codec in common."), 422, nil),
    (.tooManyViewers(limit: 4, retryAfter: .milliseconds(2500)), 503, "3"),
    (.noSuchViewer, 404, nil),
    (.restartUnsupported, 422, nil),
    (.unavailable("Starting.", retryAfter: .zero), 503, "1"),
    (.internal("Oh \"no\".\n"), 500, nil),
  ])
  func whatTheServiceRefusesIsExplained(error: SignalingError, status: Int, retryAfter: String?) throws {
    try withServer(FakeService(.fail(error))) { port in
      let response = try exchange(port, "POST", "/whep", offerFields, body: "v=0\r\n")
      #expect(response.status == status)
      #expect(response.fields["retry-after"] == retryAfter)
      if case .internal = error { #expect(response.text.contains(#"Oh \"no\".\u000a"#)) }
    }
  }

  @Test func anOfferBeyondTheBudgetMustWait() throws {
    try withServer(FakeService(), { ($0.offerBurst, $0.offerInterval) = (3, .seconds(100)) }) { port in
      let statuses = try (0..<4).map { _ in try exchange(port, "POST", "/whep", offerFields, body: "v=0").status }
      #expect(statuses == [201, 201, 201, 429])
      #expect(try exchange(port, "POST", "/whep", offerFields, body: "v=0").fields["retry-after"] == "100")
      #expect(try exchange(port, "GET", "/healthz").status == 200)
    }
  }

  @Test func healthIsTheServicesHealth() throws {
    try withServer(FakeService(.fail(.unavailable("The camera hangs.", retryAfter: .seconds(1))))) { port in
      let response = try exchange(port, "GET", "/healthz")
      #expect(response.status == 503)
    }
  }

  @Test func statisticsComeFromTheService() throws {
    try withServer(FakeService(statistics: "{\"viewers\":3}")) { port in
      let response = try exchange(port, "GET", "/api/stats")
      #expect(response.text == "{\"viewers\":3}")
      #expect(response.fields["content-type"] == "application/json")
    }
  }
}
