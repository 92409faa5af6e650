package import Wire

/// One medium as it arrives: follows the sequence numbers, asks for what misses, unwraps what is sent again, and reports.
///
/// Confined to the thread of its session. Every packet whose SSRC is ``Configuration/ssrc`` or that of its RTX stream goes to
/// ``receive(_:payload:now:)``; what that returns goes to a depacketiser (Opus: the payload is the frame). At ``deadline`` the
/// session calls ``writeNACK(senderSSRC:now:into:)``.
package final class RTPReceiveStream {
  /// What was negotiated.
  package struct Configuration: Sendable {
    package var ssrc: UInt32
    package var clock: RTPClock
    /// The stream of retransmissions (RFC 4588).
    package var rtxSSRC: UInt32?
    /// Whether to ask for packets that miss.
    package var sendsNACK: Bool

    package init(ssrc: UInt32, clock: RTPClock, rtxSSRC: UInt32? = nil, sendsNACK: Bool = false) {
      self.ssrc = ssrc
      self.clock = clock
      self.rtxSSRC = rtxSSRC
      self.sendsNACK = sendsNACK
    }
  }

  /// Before any round trip has been measured.
  package static let assumedRoundTripTime = Interval.milliseconds(100)

  package let configuration: Configuration
  package private(set) var statistics = InboundStatistics()
  /// Set by whoever measures it: ICE checks, or ``handleExtendedReport(_:now:)``.
  package var roundTripTime: Interval?

  private var reception = ReceptionStatistics()
  private var missing = MissingPackets()
  private var lastSenderReport: (time: UInt32, at: Instant)?
  private var references: [(time: UInt32, at: Instant)] = []

  private static let maximumReferences = 4  // an answer to an older one tells nothing

  package init(_ configuration: Configuration) {
    self.configuration = configuration
  }

  /// Takes in one packet of the stream or of its retransmissions.
  /// - Returns: the packet in its place in the stream; nil when it carries nothing, or is not believed yet (RFC 3550 A.1).
  ///   Duplicates are returned: the depacketiser knows them.
  @_lifetime(copy payload)
  package func receive(_ header: RTPHeader, payload: RawSpan, now: Instant) -> ReceivedPacket? {
    if header.ssrc == configuration.ssrc {
      guard let sequenceNumber = reception.receive(header, clock: configuration.clock, now: now) else { return nil }
      statistics.packetsReceived &+= 1
      statistics.bytesReceived &+= UInt64(truncatingIfNeeded: payload.byteCount)
      if configuration.sendsNACK { missing.receive(sequenceNumber, now: now) }
      return ReceivedPacket(
        sequenceNumber: sequenceNumber, timestamp: header.timestamp, marker: header.marker, payload: payload)
    }
    guard header.ssrc == configuration.rtxSSRC else { return nil }
    var reader = ByteReader(payload)
    // An RTX packet without payload is padding that a sender probes with. One from the future answers nothing that we asked.
    guard let original = try? reader.readUInt16(), !reader.isAtEnd, let sequenceNumber = reception.extend(original),
      let highest = reception.highest, sequenceNumber < highest
    else { return nil }
    statistics.retransmittedPacketsReceived &+= 1
    statistics.retransmittedBytesReceived &+= UInt64(truncatingIfNeeded: reader.remaining)
    if configuration.sendsNACK { missing.receive(sequenceNumber, now: now) }
    return ReceivedPacket(
      sequenceNumber: sequenceNumber, timestamp: header.timestamp, marker: header.marker,
      payload: reader.readRemaining())
  }

  /// Writes a NACK for the packets that are due.
  /// - Returns: false, with nothing written, when none are.
  @discardableResult
  package func writeNACK(senderSSRC: UInt32, now: Instant, into writer: inout ByteWriter) -> Bool {
    let due = missing.poll(roundTripTime: roundTripTime ?? Self.assumedRoundTripTime, now: now)
    guard !due.isEmpty else { return false }
    statistics.nackCount &+= 1
    GenericNACK(senderSSRC: senderSSRC, mediaSSRC: configuration.ssrc, sequenceNumbers: due).write(into: &writer)
    return true
  }

  /// Whether packets have been given up since the last call, so that a video stream needs a keyframe.
  package func takeLoss() -> Bool {
    missing.takeLoss()
  }

  /// The depacketiser goes on from this packet: earlier ones are no longer wanted.
  package func stopAsking(before sequenceNumber: Int64) {
    missing.removeAll(before: sequenceNumber)
  }

  /// When ``writeNACK(senderSSRC:now:into:)`` has something to do; nil when nothing misses.
  package var deadline: Instant? { missing.deadline }

  package func handleSenderReport(_ report: SenderReport, now: Instant) {
    guard report.ssrc == configuration.ssrc else { return }
    lastSenderReport = (compactNTP(report.ntpTimestamp), now)
  }

  /// What to report on this stream; nil before its first packet. Begins a new interval for the fraction lost.
  package func makeReport(now: Instant) -> ReportBlock? {
    guard var report = reception.makeReport(ssrc: configuration.ssrc) else { return nil }
    if let lastSenderReport {
      report.lastSenderReport = lastSenderReport.time
      report.delaySinceLastSenderReport = (now - lastSenderReport.at).compactNTP
    }
    statistics.packetsLost = reception.cumulativeLost
    statistics.jitter = Double(reception.jitter) / Double(configuration.clock.rate)
    return report
  }

  /// A packet that asks the sender for the round-trip time (RFC 3611 §4.4): how a receiver that sends nothing learns it.
  /// - Parameter wallClock: the time of day at `now`.
  package func makeReferenceTime(senderSSRC: UInt32, now: Instant, wallClock: WallClock) -> ExtendedReport {
    if references.count == Self.maximumReferences { references.removeFirst() }
    references.append((compactNTP(wallClock.ntpTimestamp), now))
    return ExtendedReport(ssrc: senderSSRC, receiverReferenceTime: wallClock.ntpTimestamp)
  }

  /// The sender's answer to ``makeReferenceTime(senderSSRC:now:wallClock:)``.
  /// - Parameter senderSSRC: the one that asked.
  package func handleExtendedReport(_ report: ExtendedReport, senderSSRC: UInt32, now: Instant) {
    for delay in report.delays where delay.ssrc == senderSSRC {
      guard let asked = references.last(where: { $0.time == delay.lastReceiverReport }) else { continue }
      let roundTrip = now - asked.at - Interval(compactNTP: delay.delay)
      guard roundTrip > .microseconds(-31) else { continue }  // both ends round to 15 µs
      roundTripTime = max(roundTrip, .zero)
    }
  }
}

/// One packet in its place in the stream, retransmissions unwrapped. Cannot outlive the datagram.
package struct ReceivedPacket: ~Escapable {
  /// Never wraps.
  package let sequenceNumber: Int64
  package let timestamp: UInt32
  package let marker: Bool
  package let payload: RawSpan

  @_lifetime(copy payload)
  package init(sequenceNumber: Int64, timestamp: UInt32, marker: Bool, payload: RawSpan) {
    self.sequenceNumber = sequenceNumber
    self.timestamp = timestamp
    self.marker = marker
    self.payload = payload
  }
}

/// What one stream received, under the names of W3C webrtc-stats (`inbound-rtp`).
package struct InboundStatistics: Equatable, Sendable {
  package var packetsReceived: UInt64 = 0
  /// Payload bytes.
  package var bytesReceived: UInt64 = 0
  package var retransmittedPacketsReceived: UInt64 = 0
  package var retransmittedBytesReceived: UInt64 = 0
  /// As of the last report; negative when duplicates outnumber losses.
  package var packetsLost: Int64 = 0
  /// In seconds, as of the last report.
  package var jitter = 0.0
  package var nackCount: UInt64 = 0

  package init() {}
}

@available(*, unavailable)
extension RTPReceiveStream: Sendable {}
