import Testing

@testable import Signaling

@Suite struct PageTests {
  @Test(arguments: [
    ("/", "text/html; charset=utf-8"), ("/style.css", "text/css; charset=utf-8"),
    ("/start.js", "text/javascript; charset=utf-8"),
    ("/main.js", "text/javascript; charset=utf-8"), ("/favicon.svg", "image/svg+xml"),
  ])
  func eachFileHasItsTypeAndIsCheckedForChanges(path: String, type: String) throws {
    try withServer { port in
      let response = try exchange(port, "GET", path)
      #expect(response.status == 200)
      #expect(response.fields["content-type"] == type)
      #expect(response.fields["cache-control"] == "no-cache")
      #expect(!response.body.isEmpty)
      let tag = try #require(response.fields["etag"])
      let again = try exchange(port, "GET", path, ["If-None-Match: \"other\", W/\(tag)"])
      #expect(again.status == 304)
      #expect(again.body.isEmpty)
      #expect(again.fields["etag"] == tag)
      let head = try exchange(port, "HEAD", path)
      #expect(head.fields["content-length"] == "\(response.body.count)")
    }
  }

  @Test func thePageMayLoadNothingFromElsewhere() throws {
    try withServer { port in
      let response = try exchange(port, "GET", "/?debug")
      #expect(response.fields["content-security-policy"]?.hasPrefix("default-src 'self';") == true)
      #expect(response.fields["referrer-policy"] == "no-referrer")
      #expect(!response.text.contains("http://"))
      #expect(!response.text.contains("https://"))
    }
  }

  @Test func everyModuleThatIsImportedIsServed() throws {
    try withServer { port in
      var waiting = ["/main.js"]
      var seen: Set<String> = []
      while let path = waiting.popLast() {
        guard seen.insert(path).inserted else { continue }
        let response = try exchange(port, "GET", path)
        #expect(response.status == 200, "\(path)")
        for part in response.text.split(separator: "from \"./").dropFirst() {
          waiting.append("/" + part.prefix { $0 != "\"" })
        }
      }
    }
  }

  @Test func pathsLeadNowhereElse() throws {
    try withServer(FakeService(), { $0.pageFolder = "/etc" }) { port in
      for path in ["/passwd", "/../passwd", "/%2e%2e/passwd", "//etc/passwd", "/main.js/../passwd", "/main.js"] {
        let response = try exchange(port, "GET", path)
        #expect(response.status == 404)
      }
    }
  }
}
