internal import RTP
internal import SDP
internal import Secure
internal import Wire

/// What a session sends by RTP: a video and an audio stream, their reports, and what the viewer answers to them.
///
/// Exists once DTLS has given the keys. Frames are shared by all viewers; headers and encryption are this viewer's own and are written
/// straight into the batch, without an allocation a packet.
struct OutgoingMedia: ~Copyable {
  let video: RTPSendStream?
  let audio: RTPSendStream?
  private var cipher: SRTPSender
  private let cname: String
  private var sequencer: TransportSequencer
  private var feedback = TransportFeedbackResult()
  /// The viewer's decoder has nothing to build on: frames that are not keyframes would be wasted.
  private(set) var needsKeyframe = true
  private var nextVideoReport: Instant?
  private var nextAudioReport: Instant?
  /// Transport-wide feedback and REMB, for congestion control and statistics.
  private(set) var estimates = PeerEstimates()

  /// Sender reports keep a player's audio and video together; browsers send theirs at this pace too.
  static let reportInterval = Interval.seconds(1)

  init(video: RTPSendStream?, audio: RTPSendStream?, cipher: consuming SRTPSender, cname: String) {
    self.video = video
    self.audio = audio
    self.cipher = cipher
    self.cname = cname
    sequencer = TransportSequencer()
  }

  /// Sends a frame, unless the viewer still waits for a keyframe to begin with.
  mutating func send(
    _ frame: PacketisedVideoFrame, on path: NetworkPath, now: Instant, wall: WallClock, into batch: inout DatagramBatch
  ) {
    guard let video, frame.isKeyframe || !needsKeyframe else { return }
    needsKeyframe = false
    let numbered = video.configuration.extensions.transportSequenceNumber != 0
    for index in 0..<frame.packetCount {
      let number = numbered ? sequencer.allocate(now: now) : nil
      append(on: path, transportSequence: number, to: &batch) { writer in
        video.write(frame, packet: index, transportSequence: number, now: now, into: &writer)
      }
    }
    if Self.isDue(&nextVideoReport, now) { report(video, on: path, now: now, wall: wall, into: &batch) }
  }

  mutating func send(
    _ frame: PacketisedAudioFrame, on path: NetworkPath, now: Instant, wall: WallClock, into batch: inout DatagramBatch
  ) {
    guard let audio else { return }
    let numbered = audio.configuration.extensions.transportSequenceNumber != 0
    let number = numbered ? sequencer.allocate(now: now) : nil
    append(on: path, transportSequence: number, to: &batch) { writer in
      audio.write(frame, transportSequence: number, now: now, into: &writer)
    }
    if Self.isDue(&nextAudioReport, now) { report(audio, on: path, now: now, wall: wall, into: &batch) }
  }

  /// The frames that follow do not build on what the viewer has.
  mutating func waitForKeyframe() {
    needsKeyframe = true
  }

  /// Takes in one RTCP packet of the viewer's.
  ///
  /// - Returns: true when the viewer asks for a keyframe.
  mutating func handle(
    _ packet: RTCPPacket, on path: NetworkPath, now: Instant, into batch: inout DatagramBatch
  ) -> Bool {
    switch packet {
    case .receiverReport(let report):
      handle(report.reports, now: now)
    case .senderReport(let report):
      handle(report.reports, now: now)
    case .nack(let nack):
      resend(nack, on: path, now: now, into: &batch)
    case .pictureLossIndication(let request):
      guard let video, request.mediaSSRC == video.ssrc else { return false }
      video.handlePictureLossIndication()
      return true
    case .fullIntraRequest(let request):
      return video?.handleFullIntraRequest(request) ?? false
    case .transportFeedback(let report):
      sequencer.match(report, into: &feedback)
      estimates.handle(feedback)
    case .maximumBitrate(let estimate):
      estimates.maximumBitrate = estimate.bitrate
    case .extendedReport(let report):
      video?.handleExtendedReport(report, now: now)
      audio?.handleExtendedReport(report, now: now)
    case .sourceDescription, .goodbye:
      break
    }
    return false
  }

  /// Encrypts an RTCP packet that somebody else has written.
  mutating func protectRTCP(_ writer: inout ByteWriter) {
    writer.transform { cipher.protectRTCP($0, length: &$1) }
  }

  /// Tells the viewer that the streams end (RFC 3550 §6.6).
  mutating func sayGoodbye(on path: NetworkPath, now: Instant, wall: WallClock, into batch: inout DatagramBatch) {
    for stream in [video, audio] {
      guard let stream else { continue }
      batch.append(on: path) { writer in
        stream.writeGoodbye(now: now, wallClock: wall, cname: cname, into: &writer)
        writer.transform { cipher.protectRTCP($0, length: &$1) }
      }
    }
  }

  private func handle(_ reports: [ReportBlock], now: Instant) {
    for report in reports {
      video?.handleReport(report, now: now)
      audio?.handleReport(report, now: now)
    }
  }

  private mutating func resend(
    _ nack: GenericNACK, on path: NetworkPath, now: Instant, into batch: inout DatagramBatch
  ) {
    guard let stream = [video, audio].lazy.compactMap({ $0 }).first(where: { $0.ssrc == nack.mediaSSRC }) else {
      return
    }
    let numbered = stream.numbersRetransmissions && stream.configuration.extensions.transportSequenceNumber != 0
    for lost in stream.handleNACK(nack.sequenceNumbers, now: now) {
      let number = numbered ? sequencer.allocate(now: now) : nil
      append(on: path, transportSequence: number, to: &batch) { writer in
        stream.writeRetransmission(of: lost, transportSequence: number, now: now, into: &writer)
      }
    }
  }

  /// Writes an RTP packet, encrypts it where it lies, and notes its size for the bandwidth estimate.
  private mutating func append(
    on path: NetworkPath, transportSequence: UInt16?, to batch: inout DatagramBatch,
    _ write: (inout ByteWriter) -> Bool
  ) {
    var size = 0
    batch.append(on: path) { writer in
      guard write(&writer) else { return writer.discard() }
      writer.transform { cipher.protectRTP($0, length: &$1) }
      size = writer.count
    }
    if let transportSequence { sequencer.setSize(size, of: transportSequence) }
  }

  /// A sender report rides along with the media when one is due: no timer, no wake-up of its own.
  private mutating func report(
    _ stream: RTPSendStream, on path: NetworkPath, now: Instant, wall: WallClock, into batch: inout DatagramBatch
  ) {
    batch.append(on: path) { writer in
      guard stream.writeReport(now: now, wallClock: wall, cname: cname, into: &writer) else { return writer.discard() }
      writer.transform { cipher.protectRTCP($0, length: &$1) }
    }
  }

  private static func isDue(_ next: inout Instant?, _ now: Instant) -> Bool {
    if let next, now < next { return false }
    next = now + reportInterval
    return true
  }
}

/// What the viewer's side says of the network: shown in statistics, and the ground for adapting to it.
package struct PeerEstimates: Equatable, Sendable {
  /// Bits a second that the viewer believes it can receive (REMB); nil when it never said.
  package internal(set) var maximumBitrate: UInt64?
  /// Packets that feedback reported as lost, and all that it reported on.
  package private(set) var packetsLost: UInt64 = 0
  package private(set) var packetsReported: UInt64 = 0
  /// Bits a second, of the last feedback that spanned enough time.
  package private(set) var receivedBitrate: Double?

  mutating func handle(_ feedback: TransportFeedbackResult) {
    packetsReported &+= UInt64(feedback.packets.count)
    packetsLost &+= UInt64(feedback.packets.count { $0.arrivedAt == nil })
    receivedBitrate = feedback.receivedBitrate ?? receivedBitrate
  }
}
