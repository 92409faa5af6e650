internal import LinuxIO
internal import Secure
internal import Session
internal import Wire

/// Drives all viewers on one thread. Each has a socket of its own, as browsers have: to the server they are different peers.
final class Load {
  private let options: Options
  private let client: WHEPClient
  private let identity: Identity
  private let poller: Poller
  private var connections: [Connection] = []
  private var batch = DatagramBatch { $0.removeAll() }

  private final class Connection {
    let viewer: Viewer
    let socket: UDPSocket

    init(viewer: Viewer, socket: UDPSocket) {
      self.viewer = viewer
      self.socket = socket
    }
  }

  init(_ options: Options, _ endpoint: WHEPClient.Endpoint) throws {
    self.options = options
    client = WHEPClient(endpoint: endpoint)
    identity = try Identity(commonName: "perch-load", random: SystemRandomNumberGenerator())
    poller = try Poller()
    SRTP.start()
  }

  func run() throws -> Measurements {
    var failures: [String] = []
    for index in 0..<options.viewers {
      do {
        let connection = try makeConnection(measuresEcho: options.measuresEcho && index == 0)
        try poller.add(connection.socket.raw, token: UInt64(connections.count))
        try connection.viewer.connect(client)
        connections.append(connection)
      } catch {
        failures.append("\(error)")
      }
      step(until: Clock.now())  // those that stand already are served meanwhile
    }
    runLoop(for: .seconds(Int64(options.warmup)))
    connections.forEach { $0.viewer.beginMeasuring() }
    let start = Clock.now()
    runLoop(for: .seconds(Int64(options.seconds)))
    let seconds = (Clock.now() - start).inSeconds
    while connections.contains(where: { $0.viewer.echo.map { !$0.isDone } ?? false && $0.viewer.closure == nil }) {
      step(until: Clock.now() + .milliseconds(100))
    }
    var measurements = measure(seconds: seconds)
    measurements.failures = failures + connections.compactMap { $0.viewer.closure.map { "\($0)" } }
    close()
    return measurements
  }

  private func makeConnection(measuresEcho: Bool) throws -> Connection {
    let family = client.endpoint.server.address.family
    let socket = try UDPSocket(family: family, port: 0)
    let addresses = InterfaceAddress.all().filter { $0.address.family == family && !$0.address.isLinkLocal }
    let local = addresses.map { SocketAddress($0.address, port: socket.port) }
    return Connection(
      viewer: Viewer(identity: identity, addresses: local, measuresEcho: measuresEcho), socket: socket)
  }

  private func runLoop(for interval: Interval) {
    let end = Clock.now() + interval
    while Clock.now() < end { step(until: end) }
  }

  /// Waits for datagrams or the first deadline, and serves whoever it concerns.
  private func step(until end: Instant) {
    let deadline = connections.lazy.compactMap { $0.viewer.session.deadline }.min()
    var ready: [Int] = []
    try? poller.wait(until: min(end, deadline ?? end)) { ready.append(Int($0)) }
    let wall = Clock.wall()
    for index in ready where index < connections.count {
      receive(connections[index], wall: wall)
    }
    let now = Clock.now()
    for connection in connections {
      guard let due = connection.viewer.session.deadline, due <= now else { continue }
      connection.viewer.session.handleTimeout(now: now, wall: wall, into: &batch)
      finish(connection, now: now, wall: wall)
    }
  }

  private func receive(_ connection: Connection, wall: WallClock) {
    var isMore = true
    while isMore {
      let now = Clock.now()
      isMore = connection.socket.receive { datagram, path in
        connection.viewer.session.handle(datagram, on: path, now: now, wall: wall, into: &batch)
      }
      finish(connection, now: now, wall: wall)
    }
  }

  private func finish(_ connection: Connection, now: Instant, wall: WallClock) {
    connection.viewer.poll(now: now, wall: wall, into: &batch)
    if !batch.isEmpty {
      connection.socket.send(batch)
      batch.removeAll()
    }
  }

  private func measure(seconds: Double) -> Measurements {
    var result = Measurements()
    result.viewers = options.viewers
    result.seconds = seconds
    for viewer in connections.map(\.viewer) where viewer.wasConnected {
      result.connected += 1
      if let interval = viewer.toAnswer { result.toAnswer.add(interval.inSeconds * 1000) }
      if let interval = viewer.toFirstPacket { result.toFirstPacket.add(interval.inSeconds * 1000) }
      if let interval = viewer.toFirstFrame { result.toFirstFrame.add(interval.inSeconds * 1000) }
      result.latency.add(viewer.latency)
      result.frames += viewer.frames
      result.keyframes += viewer.keyframes
      result.audioPackets += viewer.audioPackets
      let packets = viewer.packets
      result.packets &+= packets.received
      result.lost &+= packets.lost
      result.bytes &+= packets.bytes
      result.fewestFramesOfAViewer = min(result.fewestFramesOfAViewer, viewer.frames)
      result.echo = result.echo ?? viewer.echo?.measurement
    }
    return result
  }

  private func close() {
    let now = Clock.now()
    let wall = Clock.wall()
    for connection in connections {
      connection.viewer.session.close(now: now, wall: wall, into: &batch)
      finish(connection, now: now, wall: wall)
      client.delete(resource: connection.viewer.resource)
    }
  }
}
