import Glibc
import Synchronization
import NetSim
import Testing
import Wire

@testable import Signaling

/// Waits until `condition` holds; the bound only ends a test that has failed.
func eventually(_ condition: () -> Bool) -> Bool {
  for _ in 0..<2_000 {
    if condition() { return true }
    usleep(5_000)
  }
  return false
}

@Suite struct ConnectionTests {
  @Test func answersInOrderWhateverComesAhead() throws {
    try withServer(FakeService(statistics: "{}")) { port in
      let client = try Client(port: port)
      let one = message("GET", "/api/stats") + message("GET", "/nothing") + message("HEAD", "/")
      client.send(String(repeating: one, count: 50))
      for _ in 0..<50 {
        #expect(try client.response().status == 200)
        #expect(try client.response().status == 404)
        #expect(try client.response(to: "HEAD").status == 200)
      }
    }
  }

  @Test func aThousandRequestsLeaveNothingBehind() throws {
    let service = FakeService()
    try withServer(service) { port in
      let openFiles = { (0..<1024).count { fcntl(Int32($0), F_GETFD) >= 0 } }
      let before = openFiles()
      let client = try Client(port: port)
      for index in 0..<1_000 {
        if index % 2 == 0 {
          client.send(message("POST", "/whep", offerFields, body: "v=0\r\n"))
          #expect(try client.response().status == 201)
        } else {
          #expect(try exchange(port, "GET", "/main.js").status == 200)
        }
      }
      #expect(service.state.withLock { $0.created.count } == 500)
      // Other tests run beside this one and have sockets too: far fewer than the thousand that a leak would leave.
      #expect(eventually { openFiles() < before + 300 })
    }
  }

  @Test func aViewerWhosePlayerHasGoneIsRemoved() throws {
    let service = FakeService(.hold)
    try withServer(service) { port in
      for isHard in [false, true] {
        var client: Client? = try Client(port: port)
        client?.send(message("POST", "/whep", offerFields, body: "v=0"))
        #expect(eventually { service.state.withLock { !$0.held.isEmpty } })
        if isHard { client?.reset() }
        client = nil
        #expect(try exchange(port, "GET", "/healthz").status == 200)  // the server has seen the end by now
        let (viewer, reply) = service.state.withLock { ($0.created.last!.viewer, $0.held.removeLast()) }
        reply.succeed(ViewerAnswer(sdp: "late", entityTag: "x"))
        #expect(eventually { service.state.withLock { $0.removed.last == viewer } })
      }
    }
  }

  @Test func anAnswerThatComesTooLateGoesToNobody() throws {
    let service = FakeService(.hold)
    try withServer(service, { $0.replyTimeout = .milliseconds(50) }) { port in
      let client = try Client(port: port)
      client.send(message("POST", "/whep", offerFields, body: "v=0"))
      let response = try client.response()
      #expect(response.status == 504)
      #expect(response.fields["retry-after"] != nil)
      let (viewer, reply) = service.state.withLock { ($0.created[0].viewer, $0.held[0]) }
      reply.succeed(ViewerAnswer(sdp: "late", entityTag: "x"))
      #expect(eventually { service.state.withLock { $0.removed == [viewer] } })
      #expect(client.isAtEnd)
    }
  }

  @Test func onlyTheFirstAnswerCounts() throws {
    let service = FakeService(.hold)
    try withServer(service) { port in
      let client = try Client(port: port)
      client.send(message("POST", "/whep", offerFields, body: "v=0") + message("GET", "/healthz"))
      #expect(eventually { service.state.withLock { !$0.held.isEmpty } })
      let reply = service.state.withLock { $0.held[0] }
      reply.fail(.unacceptable("No."))
      reply.succeed(ViewerAnswer(sdp: "", entityTag: ""))
      #expect(try client.response().status == 422)
      #expect(try client.response().status == 200)
    }
  }

  @Test func aReplyThatIsDroppedIsAFault() throws {
    try withServer(FakeService(.drop)) { port in
      let response = try exchange(port, "POST", "/whep", offerFields, body: "v=0")
      #expect(response.status == 500)
    }
  }

  @Test func aSlowRequestIsCutOffHoweverItDrips() throws {
    try withServer(FakeService(), { $0.requestTimeout = .milliseconds(150) }) { port in
      let client = try Client(port: port)
      for byte in "GET / HT".utf8 {
        client.send([byte])
        usleep(10_000)
      }
      let response = try client.response()
      #expect(response.status == 408)
      #expect(response.fields["connection"] == "close")
      #expect(client.isAtEnd)
      let body = try Client(port: port)
      body.send("POST /whep HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nv=0")
      #expect(try body.response().status == 408)
    }
  }

  @Test func anIdleConnectionIsClosed() throws {
    try withServer(FakeService(), { $0.keepAliveTimeout = .milliseconds(50) }) { port in
      #expect(try Client(port: port).isAtEnd)
      let client = try Client(port: port)
      client.send(message("GET", "/healthz"))
      #expect(try client.response().status == 200)
      #expect(client.isAtEnd)
    }
  }

  @Test func aClientThatDoesNotReadIsCutOff() throws {
    try withServer(
      FakeService(statistics: String(repeating: "x", count: 8 << 20)), { $0.responseTimeout = .milliseconds(200) }
    ) {
      port in
      let client = try Client(port: port, receiveBuffer: 4096)
      client.send(message("GET", "/api/stats"))
      #expect(eventually { client.hasHungUp })
      #expect(throws: ClientError.self) { _ = try client.response() }
    }
  }

  @Test func aLargeResponseArrivesWhole() throws {
    try withServer(FakeService(statistics: String(repeating: "y", count: 3 << 20))) { port in
      let client = try Client(port: port, receiveBuffer: 8192)
      client.send(message("GET", "/api/stats") + message("GET", "/healthz"))
      #expect(try client.response().body.count == 3 << 20)
      #expect(try client.response().text == "ok\n")
    }
  }

  @Test func theRefusalOfALargeBodyArrives() throws {
    try withServer { port in
      let client = try Client(port: port)
      let body = String(repeating: "v", count: 200_000)
      client.send(message("POST", "/whep", offerFields, body: body))
      #expect(try client.response().status == 413)
      #expect(client.isAtEnd)
    }
  }

  @Test func aClientThatAsksFirstIsToldToContinue() throws {
    try withServer { port in
      let client = try Client(port: port)
      client.send(
        "POST /whep HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sdp\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
      )
      #expect(try client.response().status == 100)
      client.send("v=0")
      #expect(try client.response().status == 201)
    }
  }

  @Test func theLongestIdleConnectionMakesRoomForANewOne() throws {
    try withServer(FakeService(), { $0.maximumConnections = 3 }) { port in
      let clients = try (0..<3).map { _ in try Client(port: port) }
      for client in [clients[1], clients[0], clients[2], clients[1]] {
        client.send(message("GET", "/healthz"))
        #expect(try client.response().status == 200)
      }
      #expect(try exchange(port, "GET", "/healthz").status == 200)
      #expect(clients[0].isAtEnd)
      clients[1].send(message("GET", "/healthz"))
      #expect(try clients[1].response().status == 200)
    }
  }

  @Test func connectionsBeyondTheLimitAreToldSoWhenAllAreBusy() throws {
    try withServer(FakeService(), { $0.maximumConnections = 4 }) { port in
      var clients = try (0..<4).map { _ in try Client(port: port) }
      for client in clients {
        client.send(message("GET", "/healthz") + "GET /half")
        #expect(try client.response().status == 200)
      }
      let extra = try Client(port: port)
      let response = try extra.response()
      #expect(response.status == 503)
      #expect(response.fields["retry-after"] == "2")
      clients.removeLast()
      #expect(eventually { (try? exchange(port, "GET", "/healthz").status) == 200 })
    }
  }

  @Test func stoppingDoesNotWaitForAnybody() throws {
    let service = FakeService(.hold)
    let server = HTTPServer(
      configuration: HTTPConfiguration(listen: [SocketAddress(.loopback, port: 0)]), service: service)
    try server.start()
    let client = try Client(port: server.addresses[0].port)
    client.send(message("POST", "/whep", offerFields, body: "v=0"))
    #expect(eventually { service.state.withLock { !$0.held.isEmpty } })
    let reply = service.state.withLock { $0.held.removeLast() }
    server.stop()
    #expect(client.isAtEnd)
    reply.succeed(ViewerAnswer(sdp: "after the end", entityTag: "x"))
    server.stop()
  }

  @Test func aServerCanBeStoppedAndItsPortUsedAgain() throws {
    let first = HTTPServer(
      configuration: HTTPConfiguration(listen: [SocketAddress(.loopback, port: 0)]), service: FakeService())
    try first.start()
    let address = first.addresses[0]
    let second = HTTPServer(configuration: HTTPConfiguration(listen: [address]), service: FakeService())
    let error = #expect(throws: HTTPServerError.self) { try second.start() }
    #expect(error == .addressInUse(address))
    #expect("\(error!)".contains("another program"))
    #expect(try exchange(address.port, "GET", "/healthz").status == 200)
    first.stop()
    try second.start()
    #expect(try exchange(address.port, "GET", "/healthz").status == 200)
    second.stop()
  }

  @Test func anAddressThatIsNotOursIsExplained() {
    let address = SocketAddress(IPAddress(v4: 0xC000_0201), port: 0)
    let server = HTTPServer(configuration: HTTPConfiguration(listen: [address]), service: FakeService())
    #expect(throws: HTTPServerError.addressNotAvailable(address)) { try server.start() }
  }

  @Test func listensOnBothFamiliesWithOnePort() throws {
    let server = HTTPServer(
      configuration: HTTPConfiguration(listen: [
        SocketAddress(.loopback, port: 0), SocketAddress(IPAddress(v6High: 0, low: 1), port: 0),
      ]), service: FakeService())
    try server.start()
    defer { server.stop() }
    #expect(Set(server.addresses.map(\.port)).count == 1)
  }

  @Test(arguments: [UInt64(11), 12, 13])
  func survivesWhateverIsSent(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let sample = Array(
      (message("POST", "/whep", offerFields, body: "v=0\r\n") + message("GET", "/") + message("OPTIONS", "*")).utf8)
    try withServer { port in
      for _ in 0..<150 {
        var bytes = sample
        for _ in 0..<Int.random(in: 1...10, using: &generator) {
          bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
        }
        let client = try Client(port: port)
        client.send(Array(bytes[..<Int.random(in: 1...bytes.count, using: &generator)]))
        if Bool.random(using: &generator) { client.reset() }
      }
      #expect(eventually { (try? exchange(port, "GET", "/healthz").status) == 200 }, "seed \(seed)")
    }
  }
}
