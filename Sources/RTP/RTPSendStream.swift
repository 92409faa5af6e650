package import Wire

/// One medium on its way to one viewer: numbers the packets, writes them, and can write them again.
///
/// Confined to the thread of its session. For each packet of a frame, in order, the session calls
/// ``write(_:packet:transportSequence:now:into:)`` and encrypts the bytes; a pacer may hold packets back as long as it keeps their
/// order. What the viewer answers comes in by the `handle…` functions. Nothing on the way of a packet allocates.
package final class RTPSendStream {
  /// What was negotiated.
  package struct Configuration: Sendable {
    package var ssrc: UInt32
    /// 7 bits.
    package var payloadType: UInt8
    package var clock: RTPClock
    package var retransmission: Retransmission
    /// The m-line's identification tag.
    package var mid: String
    package var extensions: ExtensionMap

    package init(
      ssrc: UInt32, payloadType: UInt8, clock: RTPClock, retransmission: Retransmission = .none, mid: String = "",
      extensions: ExtensionMap = ExtensionMap()
    ) {
      self.ssrc = ssrc
      self.payloadType = payloadType
      self.clock = clock
      self.retransmission = retransmission
      self.mid = mid
      self.extensions = extensions
    }
  }

  /// What happens when a viewer misses a packet.
  package enum Retransmission: Hashable, Sendable {
    /// NACK was not negotiated.
    case none
    /// The same packet again, byte for byte: a cipher must never see two packets under one sequence number.
    case plain
    /// On a stream of its own (RFC 4588).
    case rtx(ssrc: UInt32, payloadType: UInt8)
  }

  /// Packets remembered of a video stream: 4 s at 1 Mbit/s, half a second at 10.
  package static let videoHistoryCapacity = 512
  /// Packets remembered of an audio stream: 1.3 s of 20 ms.
  package static let audioHistoryCapacity = 64
  /// A picture that much older than its capture comes too late for a live view: the viewer asks for a keyframe instead.
  package static let maximumResendAge = Interval.seconds(1)
  /// How often one packet is sent again; after that the viewer's path has other troubles.
  package static let maximumResendsPerPacket: UInt8 = 8
  /// How many packets one NACK can bring forth: so many lost at once are healed by a keyframe, not by a burst.
  package static let maximumResendsPerNACK = 64
  /// A second request for a packet within one round trip crossed with the first answer. Before the trip is known, and on links so
  /// fast that it tells nothing, these.
  package static let assumedRoundTripTime = Interval.milliseconds(50)
  package static let minimumResendInterval = Interval.milliseconds(5)

  package let configuration: Configuration
  /// Names as in W3C webrtc-stats.
  package var statistics: OutboundStatistics { counts }

  private var counts = OutboundStatistics()  // private altogether: the optimiser then drops its exclusivity checks
  private let template: HeaderExtensionTemplate
  private let timestampOffset: UInt32
  private var nextSequenceNumber: UInt16
  private var nextRTXSequenceNumber: UInt16
  private var numbers: PictureNumbers
  private var currentFrame: PacketisedVideoFrame?
  private var lastMoment: (timestamp: UInt32, captured: Instant)?
  private var history: PacketHistory
  private var reports = SenderReportState()
  private var intraRequests = FullIntraRequestFilter()

  /// - Parameter generator: for the numbers that RFC 3550 §5.1 wants unpredictable.
  package init(_ configuration: Configuration, using generator: inout some RandomNumberGenerator) {
    precondition(configuration.payloadType < 128, "checked when the SDP was read")
    self.configuration = configuration
    let isAudio = configuration.clock != .video
    template = HeaderExtensionTemplate(map: configuration.extensions, mid: configuration.mid, isAudio: isAudio)
    // Below 2¹⁵: so a receiver that misses the first packets cannot count a wrap too many (RFC 3711 §3.3.1).
    nextSequenceNumber = .random(in: 0..<0x8000, using: &generator)
    nextRTXSequenceNumber = .random(in: 0..<0x8000, using: &generator)
    timestampOffset = .random(in: .min ... .max, using: &generator)
    numbers = PictureNumbers(
      pictureID: .random(in: 0..<0x8000, using: &generator),
      tl0PictureIndex: .random(in: .min ... .max, using: &generator))
    let capacity = isAudio ? Self.audioHistoryCapacity : Self.videoHistoryCapacity
    history = PacketHistory(capacity: configuration.retransmission == .none ? 0 : capacity)
  }

  package var ssrc: UInt32 { configuration.ssrc }

  /// What the RTP header's timestamps have on top of the frames' own: a page that maps them to capture times needs it.
  package var rtpTimestampOffset: UInt32 { timestampOffset }

  /// Whether a packet that is sent again takes a new transport-wide sequence number: by RTX only.
  package var numbersRetransmissions: Bool {
    if case .rtx = configuration.retransmission { true } else { false }
  }

  /// Bytes before the payload in each packet of this stream.
  package var headerSize: Int { RTPHeader.byteCount + template.byteCount }

  /// The last round-trip time that the viewer's reports gave.
  package var roundTripTime: Interval? { counts.roundTripTime }

  /// Writes one packet of a video frame, ready to be encrypted. The packets of a frame are written in order, and no frame begins
  /// before the one before has been written whole.
  /// - Parameters:
  ///   - index: from 0, below the frame's packet count.
  ///   - transportSequence: from the session's ``TransportSequencer``; nil where that extension was not negotiated.
  ///   - writer: should have room for a datagram; when it overflows nothing has happened to the stream.
  /// - Returns: false when the packet did not fit.
  @discardableResult
  package func write(
    _ frame: PacketisedVideoFrame, packet index: Int, transportSequence: UInt16?, now: Instant,
    into writer: inout ByteWriter
  ) -> Bool {
    let isNewFrame = currentFrame !== frame
    var numbers = numbers
    if isNewFrame { numbers.advance(isBaseLayer: frame.format.temporalID == 0) }
    let entry = PacketHistory.Entry(
      payload: .video(frame), sentAt: now, sequenceNumber: nextSequenceNumber,
      packetIndex: UInt16(truncatingIfNeeded: index), transportSequence: transportSequence, numbers: numbers)
    guard write(entry, as: .original, now: now, into: &writer) else { return false }
    if isNewFrame {
      currentFrame = frame
      self.numbers = numbers
      lastMoment = (frame.timestamp, frame.captured)
    }
    if frame.hasMarker(packet: index) { counts.framesSent &+= 1 }
    history.append(entry)
    return true
  }

  /// Writes an audio frame's packet, ready to be encrypted.
  /// - Returns: false when the packet did not fit; nothing has happened to the stream then.
  @discardableResult
  package func write(
    _ frame: PacketisedAudioFrame, transportSequence: UInt16?, now: Instant, into writer: inout ByteWriter
  ) -> Bool {
    let entry = PacketHistory.Entry(
      payload: .audio(frame), sentAt: now, sequenceNumber: nextSequenceNumber, packetIndex: 0,
      transportSequence: transportSequence, numbers: numbers)
    guard write(entry, as: .original, now: now, into: &writer) else { return false }
    lastMoment = (frame.timestamp, frame.captured)
    history.append(entry)
    return true
  }

  /// The packets of a NACK that are worth sending again, in the order asked: known, young enough, and not sent within one round
  /// trip. Each is to be written by ``writeRetransmission(of:transportSequence:now:into:)``, at once or when a pacer allows.
  package func handleNACK(_ sequenceNumbers: [UInt16], now: Instant) -> [UInt16] {
    counts.nackCount &+= 1
    let interval = max(roundTripTime ?? Self.assumedRoundTripTime, Self.minimumResendInterval)
    var granted: [UInt16] = []
    for sequenceNumber in sequenceNumbers {
      guard granted.count < Self.maximumResendsPerNACK else { break }
      guard let entry = history[sequenceNumber], now - entry.sentAt <= Self.maximumResendAge,
        entry.resends < Self.maximumResendsPerPacket
      else { continue }
      if entry.resends > 0, now - entry.resentAt < interval { continue }
      history.noteResend(of: sequenceNumber, now: now)
      granted.append(sequenceNumber)
    }
    return granted
  }

  /// Writes a packet again, ready to be encrypted.
  /// - Parameter transportSequence: used where ``numbersRetransmissions``; otherwise the packet keeps the one it had.
  /// - Returns: false when the packet is forgotten by now, or does not fit.
  @discardableResult
  package func writeRetransmission(
    of sequenceNumber: UInt16, transportSequence: UInt16?, now: Instant, into writer: inout ByteWriter
  ) -> Bool {
    guard var entry = history[sequenceNumber] else { return false }
    switch configuration.retransmission {
    case .none:
      return false
    case .plain:
      return write(entry, as: .repetition, now: entry.sentAt, into: &writer)
    case .rtx(let ssrc, let payloadType):
      entry.transportSequence = transportSequence
      return write(entry, as: .rtx(ssrc: ssrc, payloadType: payloadType), now: now, into: &writer)
    }
  }

  private enum Writing {
    case original
    case repetition
    case rtx(ssrc: UInt32, payloadType: UInt8)
  }

  @inline(__always)
  private func write(
    _ entry: PacketHistory.Entry, as writing: Writing, now: Instant, into writer: inout ByteWriter
  ) -> Bool {
    let marker: Bool
    let timestamp: UInt32
    let level: AudioLevel?
    switch entry.payload {
    case .video(let frame):
      marker = frame.hasMarker(packet: Int(entry.packetIndex))
      timestamp = frame.timestamp
      level = nil
    case .audio(let frame):
      marker = frame.startsTalkspurt
      timestamp = frame.timestamp
      level = frame.level
    }
    var header = RTPHeader(
      marker: marker, payloadType: configuration.payloadType, sequenceNumber: entry.sequenceNumber,
      timestamp: timestamp &+ timestampOffset, ssrc: configuration.ssrc)
    if case .rtx(let ssrc, let payloadType) = writing {
      header.ssrc = ssrc
      header.payloadType = payloadType
      header.sequenceNumber = nextRTXSequenceNumber
    }
    let start = writer.count
    header.write(hasExtensions: template.byteCount > 0, into: &writer)
    template.write(transportSequence: entry.transportSequence, audioLevel: level, now: now, into: &writer)
    let headerBytes = writer.count &- start
    if case .rtx = writing { writer.write(entry.sequenceNumber) }  // RFC 4588 §4: the original sequence number
    switch entry.payload {
    case .video(let frame): frame.write(packet: Int(entry.packetIndex), numbers: entry.numbers, into: &writer)
    case .audio(let frame): writer.write(frame.bytes)
    }
    guard !writer.overflowed else { return false }
    count(writing, headerBytes: headerBytes, payloadBytes: writer.count &- start &- headerBytes)
    return true
  }

  private func count(_ writing: Writing, headerBytes: Int, payloadBytes: Int) {
    let payload = UInt64(truncatingIfNeeded: payloadBytes)
    counts.packetsSent &+= 1
    counts.bytesSent &+= payload
    counts.headerBytesSent &+= UInt64(truncatingIfNeeded: headerBytes)
    switch writing {
    case .original:
      nextSequenceNumber &+= 1
      reports.count(octets: payloadBytes)
      return
    case .repetition:
      reports.count(octets: payloadBytes)
    case .rtx:
      nextRTXSequenceNumber &+= 1
    }
    counts.retransmittedPacketsSent &+= 1
    counts.retransmittedBytesSent &+= payload
  }
}

extension RTPSendStream {
  /// The viewer's decoder lost its picture. The session passes it on to ``KeyframeRequests``.
  package func handlePictureLossIndication() {
    counts.pliCount &+= 1
  }

  /// The viewer asks for a keyframe by FIR.
  /// - Returns: whether it asks this stream, and not by repeating an earlier request (RFC 5104 §4.3.1.2): then it goes to
  ///   ``KeyframeRequests``.
  package func handleFullIntraRequest(_ request: FullIntraRequest) -> Bool {
    var isNew = false
    for entry in request.entries where entry.ssrc == configuration.ssrc {
      counts.firCount &+= 1
      if intraRequests.accepts(entry.sequenceNumber, from: request.senderSSRC) { isNew = true }
    }
    return isNew
  }

  /// How the viewer receives this stream. Blocks on other streams are ignored, so that all may be handed to all.
  package func handleReport(_ report: ReportBlock, now: Instant) {
    guard report.ssrc == configuration.ssrc else { return }
    counts.remotePacketsLost = Int64(report.cumulativeLost)
    counts.remoteFractionLost = Double(report.fractionLost) / 256
    counts.remoteJitter = Double(report.jitter) / Double(configuration.clock.rate)
    if let roundTrip = reports.roundTripTime(of: report, now: now) {
      counts.roundTripTime = roundTrip
      counts.totalRoundTripTime = counts.totalRoundTripTime + roundTrip
      counts.roundTripTimeMeasurements &+= 1
    }
  }

  /// The viewer told its clock (RFC 3611 §4.4), and is answered with the next report.
  package func handleExtendedReport(_ report: ExtendedReport, now: Instant) {
    guard let time = report.receiverReferenceTime else { return }
    reports.receiverReference = (report.ssrc, compactNTP(time), now)
  }

  /// Writes a compound packet: sender report, the source's name, and the answer to the viewer's clock if one is due.
  /// - Parameters:
  ///   - wallClock: the time of day at `now`.
  ///   - cname: the same for all streams of the session, 255 bytes at most.
  ///   - reports: on what the session receives, 31 at most.
  /// - Returns: false, with nothing written, before the first packet has been sent.
  @discardableResult
  package func writeReport(
    now: Instant, wallClock: WallClock, cname: String, reports blocks: [ReportBlock] = [], into writer: inout ByteWriter
  ) -> Bool {
    guard let lastMoment else { return false }
    let elapsed = configuration.clock.ticks(in: now - lastMoment.captured)
    var report = reports.makeReport(
      ssrc: configuration.ssrc, ntpTimestamp: wallClock.ntpTimestamp,
      rtpTimestamp: lastMoment.timestamp &+ timestampOffset &+ UInt32(truncatingIfNeeded: elapsed), now: now)
    report.reports = blocks
    report.write(into: &writer)
    SourceDescription(chunks: [.init(ssrc: configuration.ssrc, cname: cname)]).write(into: &writer)
    if let answer = reports.takeAnswer(ssrc: configuration.ssrc, now: now) { answer.write(into: &writer) }
    return !writer.overflowed
  }

  /// Writes a compound packet that ends the stream (RFC 3550 §6.6), and its RTX stream with it.
  package func writeGoodbye(now: Instant, wallClock: WallClock, cname: String, into writer: inout ByteWriter) {
    if !writeReport(now: now, wallClock: wallClock, cname: cname, into: &writer) {
      ReceiverReport(ssrc: configuration.ssrc, reports: []).write(into: &writer)
      SourceDescription(chunks: [.init(ssrc: configuration.ssrc, cname: cname)]).write(into: &writer)
    }
    var sources = [configuration.ssrc]
    if case .rtx(let ssrc, _) = configuration.retransmission { sources.append(ssrc) }
    Goodbye(sources: sources).write(into: &writer)
  }
}

@available(*, unavailable)
extension RTPSendStream: Sendable {}
