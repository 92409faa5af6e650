package import RTP
internal import SDP
internal import Secure
package import Wire

/// A frame or a packet of sound from the peer.
package enum ReceivedMedia: Sendable {
  case video(AssembledVideoFrame)
  /// An Opus packet with its RTP timestamp.
  case audio(bytes: [UInt8], timestamp: UInt32, arrived: Instant)
  /// The peer's clocks: at `ntpTimestamp` (of its wall clock) the stream's RTP clock showed `rtpTimestamp`.
  case senderReport(isVideo: Bool, ntpTimestamp: UInt64, rtpTimestamp: UInt32)
}

/// What a session receives by RTP: puts frames together, asks for what is missing, and reports. For the load generator and talk-back.
///
/// Streams are told apart by payload type, since a peer need not announce its SSRCs: the first packet of each payload type makes the
/// stream.
struct IncomingMedia: ~Copyable {
  private struct Format {
    var payloadType: UInt8
    var retransmissionPayloadType: UInt8?
    var extensions: ExtensionMap
    var sendsNACK: Bool
    /// The retransmission stream's SSRC when the SDP announced it.
    var retransmissionSSRC: UInt32?
  }

  private let videoFormat: Format?
  private let audioFormat: Format?
  private let senderSSRC: UInt32
  private let cname: String
  private var cipher: SRTPReceiver
  private var video: RTPReceiveStream?
  private var audio: RTPReceiveStream?
  private var assembler = VideoFrameAssembler()
  private var feedback = TransportFeedbackBuilder()
  /// When to ask for a keyframe (again); nil while the picture is whole.
  private var nextKeyframeRequest: Instant?
  private var nextReport: Instant?
  private var ready: [ReceivedMedia] = []
  /// When the first RTP packet that could be decrypted arrived.
  private(set) var firstPacket: Instant?

  /// Chromium reports on video once a second, too.
  private static let reportInterval = Interval.seconds(1)
  /// A lost wish for a keyframe is repeated after this.
  private static let keyframeRequestInterval = Interval.milliseconds(250)
  /// Events that wait to be polled; more in one datagram's time means that nobody polls.
  private static let maximumReady = 64

  init(_ negotiated: NegotiatedSession, senderSSRC: UInt32, cname: String, cipher: consuming SRTPReceiver) {
    videoFormat = Self.format(negotiated.video)
    audioFormat = Self.format(negotiated.audio)
    self.senderSSRC = senderSSRC
    self.cname = cname
    self.cipher = cipher
  }

  private static func format(_ stream: NegotiatedStream?) -> Format? {
    guard let stream, stream.direction.receives else { return nil }
    return Format(
      payloadType: stream.codec.payloadType, retransmissionPayloadType: stream.codec.retransmissionPayloadType,
      extensions: ExtensionMap(receiving: stream), sendsNACK: stream.codec.feedback.contains(.nack),
      retransmissionSSRC: stream.remoteRetransmissionSSRC)
  }

  // MARK: Datagrams

  /// Decrypts in place; false for what is to be dropped.
  mutating func unprotectRTCP(_ datagram: UnsafeMutableRawBufferPointer) -> UnsafeMutableRawBufferPointer? {
    var length = datagram.count
    guard cipher.unprotectRTCP(datagram, length: &length) else { return nil }
    return UnsafeMutableRawBufferPointer(rebasing: datagram[..<length])
  }

  mutating func handleRTP(_ datagram: UnsafeMutableRawBufferPointer, now: Instant) {
    var length = datagram.count
    guard videoFormat != nil || audioFormat != nil, cipher.unprotectRTP(datagram, length: &length) else { return }
    let bytes = UnsafeRawBufferPointer(rebasing: datagram[..<length]).bytes
    guard let packet = try? RTPPacket(parsing: bytes) else { return }
    firstPacket = firstPacket ?? now
    if nextReport == nil { nextReport = now }
    if let format = videoFormat, packet.header.payloadType == format.payloadType {
      receiveVideo(packet, format, now: now)
    } else if let format = videoFormat, packet.header.payloadType == format.retransmissionPayloadType {
      receiveVideo(packet, format, now: now)
    } else if let format = audioFormat, packet.header.payloadType == format.payloadType {
      receiveAudio(packet, format, now: now)
    }
  }

  private mutating func receiveVideo(_ packet: borrowing RTPPacket, _ format: Format, now: Instant) {
    record(packet, format, now: now)
    if video == nil, packet.header.payloadType == format.payloadType {
      video = RTPReceiveStream(
        .init(
          ssrc: packet.header.ssrc, clock: .video, rtxSSRC: format.retransmissionSSRC, sendsNACK: format.sendsNACK))
    }
    guard let video, let received = video.receive(packet.header, payload: packet.payload, now: now) else { return }
    assembler.insert(received, now: now)
    pollFrames(now: now)
  }

  private mutating func receiveAudio(_ packet: borrowing RTPPacket, _ format: Format, now: Instant) {
    record(packet, format, now: now)
    let stream = audio ?? RTPReceiveStream(.init(ssrc: packet.header.ssrc, clock: .opus))
    audio = stream
    guard let received = stream.receive(packet.header, payload: packet.payload, now: now) else { return }
    append(.audio(bytes: received.payload.copied(), timestamp: received.timestamp, arrived: now))
  }

  private mutating func record(_ packet: borrowing RTPPacket, _ format: Format, now: Instant) {
    guard format.extensions.transportSequenceNumber != 0 else { return }
    let values = HeaderExtensionValues(packet, map: format.extensions)
    if let number = values.transportSequenceNumber { feedback.record(number, now: now) }
  }

  private mutating func pollFrames(now: Instant) {
    while let frame = assembler.pollFrame() { append(.video(frame)) }
    if !assembler.needsKeyframe {
      nextKeyframeRequest = nil
    } else if nextKeyframeRequest == nil {
      nextKeyframeRequest = now
    }
  }

  private mutating func append(_ media: ReceivedMedia) {
    if ready.count < Self.maximumReady { ready.append(media) }
  }

  /// Takes in one RTCP packet of the peer's.
  mutating func handle(_ packet: RTCPPacket, now: Instant) {
    switch packet {
    case .senderReport(let report):
      video?.handleSenderReport(report, now: now)
      audio?.handleSenderReport(report, now: now)
      guard report.ssrc == video?.configuration.ssrc || report.ssrc == audio?.configuration.ssrc else { return }
      append(
        .senderReport(
          isVideo: report.ssrc == video?.configuration.ssrc, ntpTimestamp: report.ntpTimestamp,
          rtpTimestamp: report.rtpTimestamp))
    case .extendedReport(let report):
      video?.handleExtendedReport(report, senderSSRC: senderSSRC, now: now)
    case .receiverReport, .sourceDescription, .goodbye, .nack, .transportFeedback, .pictureLossIndication,
      .fullIntraRequest, .maximumBitrate:
      break
    }
  }

  mutating func pollReceived() -> ReceivedMedia? {
    ready.isEmpty ? nil : ready.removeFirst()
  }

  // MARK: Time

  /// When ``handleTimeout(on:now:protect:into:)`` has something to do.
  var deadline: Instant? {
    var earliest = Instant.distantFuture
    if let due = nextReport, due < earliest { earliest = due }
    if let due = nextKeyframeRequest, due < earliest { earliest = due }
    if let due = video?.deadline, due < earliest { earliest = due }
    if let due = assembler.deadline, due < earliest { earliest = due }
    if let due = feedback.deadline, due < earliest { earliest = due }
    return earliest < .distantFuture ? earliest : nil
  }

  /// Sends what is due: NACKs, a wish for a keyframe, transport-wide feedback, receiver reports.
  mutating func handleTimeout(
    on path: NetworkPath, now: Instant, wall: WallClock, into batch: inout DatagramBatch,
    protect: (inout ByteWriter) -> Void
  ) {
    assembler.handleTimeout(now: now)
    pollFrames(now: now)
    if let video, let due = video.deadline, due <= now {
      batch.append(on: path) { writer in
        guard video.writeNACK(senderSSRC: senderSSRC, now: now, into: &writer) else { return }
        protect(&writer)
      }
      if video.takeLoss() {
        assembler.giveUp(now: now)
        pollFrames(now: now)
      }
    }
    if let due = feedback.deadline, due <= now, let stream = video ?? audio {
      batch.append(on: path) { writer in
        let written = feedback.writeFeedback(
          senderSSRC: senderSSRC, mediaSSRC: stream.configuration.ssrc, now: now, into: &writer)
        if written { protect(&writer) }
      }
    }
    if let due = nextKeyframeRequest, due <= now, let video {
      nextKeyframeRequest = now + Self.keyframeRequestInterval
      batch.append(on: path) { writer in
        PictureLossIndication(senderSSRC: senderSSRC, mediaSSRC: video.configuration.ssrc).write(into: &writer)
        protect(&writer)
      }
    }
    if let due = nextReport, due <= now {
      nextReport = now + Self.reportInterval
      report(on: path, now: now, wall: wall, into: &batch, protect: protect)
    }
  }

  private mutating func report(
    on path: NetworkPath, now: Instant, wall: WallClock, into batch: inout DatagramBatch,
    protect: (inout ByteWriter) -> Void
  ) {
    let blocks = [video, audio].compactMap { $0?.makeReport(now: now) }
    batch.append(on: path) { writer in
      ReceiverReport(ssrc: senderSSRC, reports: blocks).write(into: &writer)
      SourceDescription(chunks: [.init(ssrc: senderSSRC, cname: cname)]).write(into: &writer)
      if let video {
        video.makeReferenceTime(senderSSRC: senderSSRC, now: now, wallClock: wall).write(into: &writer)
      }
      protect(&writer)
    }
  }

  /// What was received so far: video, audio; nil before the first packet of each.
  var statistics: (video: InboundStatistics?, audio: InboundStatistics?) {
    (video?.statistics, audio?.statistics)
  }
}
