import Testing
import Wire

@testable import DataChannel

/// Channels of ours, and a peer that speaks SCTP but says what it likes.
final class RawPair {
  let channels: DataChannels
  let peer: SCTPAssociation
  var now = Instant(nanoseconds: 1_000_000_000)
  private(set) var events: [DataChannels.Event] = []
  /// Streams that have been reset by us.
  private(set) var resets: [UInt16] = []
  private(set) var received: [(stream: UInt16, payloadProtocol: UInt32, bytes: [UInt8])] = []
  /// The last packet that went each way.
  private(set) var lastToPeer: [UInt8] = []
  private(set) var lastFromPeer: [UInt8] = []

  init() throws {
    channels = try DataChannels(isDTLSClient: true, peerMaximumMessageSize: 0, now: now)
    peer = try SCTPAssociation(localPort: 5000, remotePort: 5000, now: now)
    channels.start(now: now)
    try peer.connect(now: now)
    run(for: .milliseconds(100))
    #expect(takeEvents() == [.associationUp])
  }

  func takeEvents() -> [DataChannels.Event] {
    defer { events = [] }
    return events
  }

  func send(_ bytes: [UInt8], _ payloadProtocol: UInt32, stream: UInt16, isOrdered: Bool = true) {
    let result = bytes.withUnsafeBytes {
      peer.send($0, stream: stream, payloadProtocol: payloadProtocol, isOrdered: isOrdered, reliability: .reliable)
    }
    #expect(result == .sent)
    run(for: .milliseconds(300))
  }

  /// Opens a channel on stream 1.
  func openChannel() -> ChannelID {
    let opening = ChannelOpening(label: "raw", subprotocol: "", isOrdered: true, reliability: .reliable)
    send(ControlMessage.open(opening).bytes, PayloadProtocol.control, stream: 1)
    #expect(takeEvents().count == 1)
    #expect(received.last?.bytes == [2])
    return ChannelID(1)
  }

  func run(for duration: Interval) {
    let end = now + duration
    while now < end {
      var isQuiet = true
      while let event = channels.pollEvent() {
        events.append(event)
        isQuiet = false
      }
      while let incoming = peer.receive() {
        isQuiet = false
        switch incoming {
        case .data(let stream, let payloadProtocol, let bytes, _):
          received.append((stream, payloadProtocol, Array(bytes)))
        case .peerReset(let streams): resets += streams
        default: break
        }
      }
      var packets: [[UInt8]] = []
      while channels.popOutgoing({ packets.append(Array($0)) }) {}
      for packet in packets {
        lastToPeer = packet
        packet.withUnsafeBytes { peer.handle($0, now: now) }
        isQuiet = false
      }
      packets = []
      while peer.popOutgoing({ packets.append(Array($0)) }) {}
      for packet in packets {
        lastFromPeer = packet
        packet.withUnsafeBytes { channels.handle($0, now: now) }
        isQuiet = false
      }
      guard isQuiet else { continue }
      now = max(now, min(end, [channels.deadline, peer.deadline].compactMap { $0 }.min() ?? end))
      channels.handleTimeout(now: now)
      peer.handleTimeout(now: now)
    }
  }
}
