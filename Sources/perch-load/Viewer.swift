internal import DataChannel
internal import LinuxIO
internal import RTP
internal import SDP
internal import Secure
internal import Session
internal import Wire

/// One viewer of the load: a session that receives, and what it saw.
final class Viewer {
  let session: Session
  private(set) var resource = ""
  private(set) var closure: SessionClosure?
  private(set) var toAnswer: Interval?
  private(set) var toFirstFrame: Interval?
  private(set) var wasConnected = false
  private(set) var frames = 0
  private(set) var keyframes = 0
  private(set) var audioPackets = 0
  private(set) var latency = Distribution()
  var echo: EchoTest?
  private var started = Instant(nanoseconds: 0)
  private var reference: (ntp: UInt64, rtp: UInt32)?
  private var packetsBefore: (received: UInt64, bytes: UInt64) = (0, 0)

  init(identity: Identity, addresses: [SocketAddress], measuresEcho: Bool) {
    let settings = SessionSettings(
      identity: identity, localAddresses: addresses, video: .recvonly, audio: .recvonly, cname: "perch-load")
    session = Session(offering: settings, random: SystemRandomNumberGenerator(), now: Clock.now())
    if measuresEcho { echo = EchoTest() }
  }

  /// Posts the offer and takes the answer.
  func connect(_ client: WHEPClient) throws {
    started = Clock.now()
    let (answer, resource) = try client.post(offer: session.localDescription)
    self.resource = resource
    let now = Clock.now()
    toAnswer = now - started
    try session.accept(answer: answer, now: now)
  }

  var toFirstPacket: Interval? { session.firstPacketReceived.map { $0 - started } }

  /// Forgets what was counted during the warm-up.
  func beginMeasuring() {
    frames = 0
    keyframes = 0
    audioPackets = 0
    latency.removeAll()
    let video = session.statistics().received.video
    packetsBefore = (video?.packetsReceived ?? 0, video?.bytesReceived ?? 0)
  }

  /// Since ``beginMeasuring()``, but for losses, which are of the whole session.
  var packets: (received: UInt64, lost: Int64, bytes: UInt64) {
    let video = session.statistics().received.video
    return (
      (video?.packetsReceived ?? 0) &- packetsBefore.received, video?.packetsLost ?? 0,
      (video?.bytesReceived ?? 0) &- packetsBefore.bytes
    )
  }

  /// Takes what the session has to tell.
  func poll(now: Instant, wall: WallClock, into batch: inout DatagramBatch) {
    while let event = session.pollEvent() {
      switch event {
      case .connected:
        wasConnected = true
        echo?.start(session, now: now, into: &batch)
      case .channelOpened(let info): echo?.handleOpen(info.id, session, now: now, into: &batch)
      case .message(let id, _, let bytes): echo?.handle(bytes, on: id, session, now: now, into: &batch)
      case .bufferedAmountLow: echo?.fill(session, now: now, into: &batch)
      case .keyframeRequested, .channelClosed: break
      case .closed(let reason): closure = reason
      }
    }
    while let received = session.pollReceived() {
      switch received {
      case .video(let frame): count(frame, now: now, wall: wall)
      case .audio: audioPackets += 1
      case .senderReport(isVideo: true, let ntp, let rtp): reference = (ntp, rtp)
      case .senderReport: break
      }
    }
  }

  private func count(_ frame: AssembledVideoFrame, now: Instant, wall: WallClock) {
    frames += 1
    if frame.isKeyframe { keyframes += 1 }
    if toFirstFrame == nil { toFirstFrame = frame.completed - started }
    guard let reference else { return }
    // RFC 3550 §6.4.1: the report maps the frame's RTP timestamp to the sender's clock, which is this machine's.
    let ticks = Int32(bitPattern: frame.timestamp &- reference.rtp)
    let captured = Self.seconds(reference.ntp) + Double(ticks) / 90_000
    let arrived = Self.seconds(wall.ntpTimestamp) - (now - frame.completed).inSeconds
    latency.add((arrived - captured) * 1000)
  }

  private static func seconds(_ ntp: UInt64) -> Double {
    Double(ntp >> 32) + Double(ntp & 0xFFFF_FFFF) / 4_294_967_296
  }
}
