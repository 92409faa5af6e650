import LinuxIO
import Testing
import Wire

@Suite struct UDPSocketTests {
  /// Sends `sizes` from one socket to another over loopback and returns what arrives.
  private func exchange(_ family: IPAddress.Family, sizes: [Int]) throws -> [[UInt8]] {
    let loopback = try #require(IPAddress(family == .v4 ? "127.0.0.1" : "::1"))
    let sender = try UDPSocket(family: family, port: 0)
    let receiver = try UDPSocket(family: family, port: 0)
    let path = NetworkPath(
      local: SocketAddress(loopback, port: sender.port), remote: SocketAddress(loopback, port: receiver.port))
    var batch = DatagramBatch { $0.removeAll() }
    for (index, size) in sizes.enumerated() {
      batch.append(on: path) { $0.write([UInt8](repeating: UInt8(index), count: size)) }
    }
    sender.send(batch)
    let poller = try Poller()
    try poller.add(receiver.raw, token: 7)
    var arrived: [[UInt8]] = []
    let limit = Clock.now() + .seconds(5)
    while arrived.count < sizes.count, Clock.now() < limit {
      try poller.wait(until: limit) { #expect($0 == 7) }
      while receiver.receive({ bytes, from in
        #expect(from == NetworkPath(local: path.remote, remote: path.local))
        arrived.append(Array(bytes))
      }) {}
    }
    return arrived
  }

  @Test(arguments: [IPAddress.Family.v4, .v6])
  func datagramsArriveWholeInOrderAndWithTheirAddresses(family: IPAddress.Family) throws {
    let sizes =
      Array(repeating: 1100, count: 40) + [300] + [20, 20, 500, 500, 500, 1] + Array(repeating: 64, count: 70)
    let arrived = try exchange(family, sizes: sizes)
    #expect(arrived.map(\.count) == sizes)
    #expect(arrived.enumerated().allSatisfy { index, bytes in bytes.allSatisfy { $0 == UInt8(index) } })
  }

  @Test func aPortInUseIsAnErrorThatNamesIt() throws {
    let first = try UDPSocket(family: .v4, port: 0)
    #expect(throws: SystemError.self) { _ = try UDPSocket(family: .v4, port: first.port) }
  }

  @Test func whatCannotBeSentIsCountedAndTheRestGoesOn() throws {
    let receiver = try UDPSocket(family: .v4, port: 0)
    let sender = try UDPSocket(family: .v4, port: 0)
    let loopback = try #require(IPAddress("127.0.0.1"))
    let foreign = try #require(IPAddress("198.51.100.7"))  // as a source address it is not ours
    let remote = SocketAddress(loopback, port: receiver.port)
    var batch = DatagramBatch { $0.removeAll() }
    batch.append(on: NetworkPath(local: SocketAddress(foreign, port: 1), remote: remote)) { $0.write(UInt8(1)) }
    batch.append(on: NetworkPath(local: SocketAddress(loopback, port: 1), remote: remote)) { $0.write(UInt8(2)) }
    sender.send(batch)
    #expect(sender.refused == 1)
    var arrived: [UInt8] = []
    _ = receiver.receive { bytes, _ in arrived += bytes }
    #expect(arrived == [2])
  }
}
