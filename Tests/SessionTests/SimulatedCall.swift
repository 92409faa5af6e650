import DataChannel
import NetSim
import RTP
import SDP
import Secure
import Testing
import Wire

@testable import Session

/// A board and a viewer on a simulated network, in virtual time: both run the real session.
final class SimulatedCall {
  static let boardAddress = SocketAddress(IPAddress(v4: 0x0A00_0001), port: 5000)
  static let viewerAddress = SocketAddress(IPAddress(v4: 0x0A00_0002), port: 6000)

  let board: Session
  let viewer: Session
  private(set) var now = Instant(nanoseconds: 1_000_000_000)
  private(set) var boardEvents: [SessionEvent] = []
  private(set) var viewerEvents: [SessionEvent] = []
  private(set) var frames: [AssembledVideoFrame] = []
  private(set) var audio: [(bytes: [UInt8], timestamp: UInt32)] = []
  var network: SimulatedNetwork
  /// Frames a second that the board's camera makes; 0 for none.
  var frameRate: Int64 = 0
  private var nextFrame: Instant
  private var frameNumber: UInt32 = 0
  private(set) var sent: [[UInt8]] = []
  private var wantsKeyframe = true
  private var batch = DatagramBatch { $0.removeAll() }

  static let identities = [0, 1].map { index in
    // swift-format-ignore: NeverUseForceTry
    try! Identity(commonName: "test-\(index)", random: SystemRandomNumberGenerator())
  }

  /// - Parameter tamper: changes the board's answer on its way.
  init(
    seed: UInt64, conditions: LinkConditions = LinkConditions(), video: Direction? = .sendonly,
    audio: Direction? = .sendonly,
    tamper: (String) -> String = { $0 }
  ) throws {
    network = SimulatedNetwork(seed: seed)
    for address in [Self.boardAddress, Self.viewerAddress] {
      network.attach(address.address, uplink: conditions, downlink: LinkConditions())
    }
    nextFrame = now
    let viewerSettings = SessionSettings(
      identity: Self.identities[0], localAddresses: [Self.viewerAddress], video: .recvonly, audio: .recvonly, cname: "v"
    )
    viewer = Session(offering: viewerSettings, random: SeededGenerator(seed: seed &+ 1), now: now)
    let boardSettings = SessionSettings(
      identity: Self.identities[1], localAddresses: [Self.boardAddress], video: video, audio: audio, cname: "b")
    board = try Session(
      answering: viewer.localDescription, boardSettings, random: SeededGenerator(seed: seed &+ 2), now: now)
    try viewer.accept(answer: tamper(board.localDescription), now: now)
  }

  private var wall: WallClock { WallClock(microseconds: 1_700_000_000_000_000 + now.nanoseconds / 1_000) }

  /// Lets time pass until `condition` holds or the limit is reached; returns whether it holds.
  @discardableResult
  func run(for limit: Interval, until condition: () -> Bool = { false }) -> Bool {
    let end = now + limit
    while !condition() {
      var next = end
      for time in [network.nextDelivery, board.deadline, viewer.deadline] {
        if let time { next = min(next, time) }
      }
      if frameRate > 0 { next = min(next, nextFrame) }
      now = max(now, next)
      if now >= end { return condition() }
      step()
    }
    return true
  }

  private func step() {
    while let delivery = network.deliver(now: now) {
      var bytes = delivery.bytes
      let session = delivery.path.local == Self.boardAddress ? board : viewer
      bytes.withUnsafeMutableBytes { buffer in
        _ = session.handle(buffer, on: delivery.path, now: now, wall: wall, into: &batch)
      }
      flush()
    }
    for session in [board, viewer] {
      if let due = session.deadline, due <= now {
        session.handleTimeout(now: now, wall: wall, into: &batch)
        flush()
      }
    }
    if frameRate > 0, nextFrame <= now {
      sendFrame()
      nextFrame = nextFrame + .nanoseconds(1_000_000_000 / frameRate)
    }
  }

  private func sendFrame() {
    let isKeyframe = wantsKeyframe
    wantsKeyframe = false
    let bytes = Self.frame(number: frameNumber, isKeyframe: isKeyframe, size: isKeyframe ? 12_000 : 3_000)
    frameNumber += 1
    sent.append(bytes)
    let frame = PacketisedVideoFrame(
      bytes: bytes, format: .vp8(VP8Picture()), isKeyframe: isKeyframe, captured: now, width: 640,
      height: 480)!
    board.send(frame, now: now, wall: wall, into: &batch)
    let sound = PacketisedAudioFrame(
      bytes: [UInt8](repeating: 3, count: 80), captured: now, timestamp: 960 * frameNumber)!
    board.send(sound, now: now, wall: wall, into: &batch)
    flush()
  }

  /// Bytes that a depacketiser takes for a VP8 frame (RFC 6386 §9.1), followed by a counter and filling.
  static func frame(number: UInt32, isKeyframe: Bool, size: Int) -> [UInt8] {
    ByteWriter.bytes(capacity: size) { writer in
      writer.write(UInt8(isKeyframe ? 0x10 : 0x11))
      writer.write(UInt16(0))
      if isKeyframe { writer.write([0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01]) }
      writer.write(number)
      while writer.count < size { writer.write(UInt8(truncatingIfNeeded: writer.count &* 31 &+ Int(number))) }
    }
  }

  private func flush() {
    batch.withMemory { memory in
      for entry in batch.entries {
        network.send(Array(memory[entry.offset..<(entry.offset + entry.length)]), on: entry.path, now: now)
      }
    }
    batch.removeAll()
    while let event = board.pollEvent() {
      switch event {
      case .connected, .keyframeRequested: wantsKeyframe = true
      case .channelOpened, .message, .channelClosed, .bufferedAmountLow, .closed: break
      }
      boardEvents.append(event)
    }
    while let event = viewer.pollEvent() { viewerEvents.append(event) }
    while let received = viewer.pollReceived() {
      switch received {
      case .video(let frame): frames.append(frame)
      case .audio(let bytes, let timestamp, _): audio.append((bytes, timestamp))
      case .senderReport: break
      }
    }
  }

  // MARK: Commands

  func openChannel(_ label: String, options: ChannelOptions = ChannelOptions()) throws -> ChannelID {
    defer { flush() }
    return try viewer.openChannel(label: label, options: options, now: now, into: &batch)
  }

  func send(_ bytes: [UInt8], from session: Session, on channel: ChannelID) throws {
    defer { flush() }
    try session.send(bytes, as: .binary, on: channel, now: now, into: &batch)
  }

  func closeChannel(_ channel: ChannelID) {
    viewer.closeChannel(channel, now: now, into: &batch)
    flush()
  }

  func close(_ session: Session) {
    session.close(now: now, wall: wall, into: &batch)
    flush()
  }

  /// Hands the board a datagram that claims to come from the viewer.
  func inject(_ bytes: [UInt8], from remote: SocketAddress = viewerAddress) {
    var bytes = bytes
    bytes.withUnsafeMutableBytes { buffer in
      _ = board.handle(
        buffer, on: NetworkPath(local: Self.boardAddress, remote: remote), now: now, wall: wall, into: &batch)
    }
    flush()
  }

  func messages(of events: [SessionEvent]) -> [[UInt8]] {
    events.compactMap { if case .message(_, _, let bytes) = $0 { bytes } else { nil } }
  }

  static func closure(in events: [SessionEvent]) -> SessionClosure? {
    events.compactMap { if case .closed(let reason) = $0 { reason } else { nil } }.first
  }

  var areConnected: Bool { board.isConnected && viewer.isConnected }
}
