import Wire

/// What sender reports are made of, and what makes a round-trip time of the answers (RFC 3550 §6.4.1).
struct SenderReportState {
  /// The viewer's last reference time: who, the middle of its NTP timestamp, and when it came.
  var receiverReference: (ssrc: UInt32, time: UInt32, at: Instant)?

  private var packetCount: UInt32 = 0
  private var octetCount: UInt32 = 0
  /// The reports sent last, oldest first. Round trips are measured between monotonic times, which the wall clock's jumps leave alone.
  private var sent: [(time: UInt32, at: Instant)] = []

  private static let maximumSent = 8  // an answer that skips more of them is too old to tell anything

  init() {
    sent.reserveCapacity(Self.maximumSent)
  }

  mutating func count(octets: Int) {
    packetCount &+= 1
    octetCount &+= UInt32(truncatingIfNeeded: octets)
  }

  mutating func makeReport(ssrc: UInt32, ntpTimestamp: UInt64, rtpTimestamp: UInt32, now: Instant) -> SenderReport {
    if sent.count == Self.maximumSent { sent.removeFirst() }
    sent.append((compactNTP(ntpTimestamp), now))
    return SenderReport(
      ssrc: ssrc, ntpTimestamp: ntpTimestamp, rtpTimestamp: rtpTimestamp, packetCount: packetCount,
      octetCount: octetCount)
  }

  /// Nil when the block answers none of our reports, or claims to have held it for longer than it has been away.
  func roundTripTime(of report: ReportBlock, now: Instant) -> Interval? {
    guard report.lastSenderReport != 0, let sent = sent.last(where: { $0.time == report.lastSenderReport }) else {
      return nil
    }
    let away = now - sent.at
    let held = Interval(compactNTP: report.delaySinceLastSenderReport)
    // Both ends round to 15 µs: so much below zero is still zero.
    guard held <= away + .microseconds(31) else { return nil }
    return max(away - held, .zero)
  }

  /// The answer to the viewer's last reference time, given once.
  mutating func takeAnswer(ssrc: UInt32, now: Instant) -> ExtendedReport? {
    guard let reference = receiverReference else { return nil }
    receiverReference = nil
    return ExtendedReport(
      ssrc: ssrc,
      delays: [.init(ssrc: reference.ssrc, lastReceiverReport: reference.time, delay: (now - reference.at).compactNTP)])
  }
}

/// Tells new FIR commands from repeated ones: a repetition has the same sequence number (RFC 5104 §4.3.1.2).
struct FullIntraRequestFilter {
  private var last: [(ssrc: UInt32, sequenceNumber: UInt8)] = []

  private static let maximumRequesters = 4  // a browser uses one sender SSRC for each stream that it receives

  /// Whether the command is new.
  mutating func accepts(_ sequenceNumber: UInt8, from ssrc: UInt32) -> Bool {
    if let index = last.firstIndex(where: { $0.ssrc == ssrc }) {
      defer { last[index].sequenceNumber = sequenceNumber }
      return last[index].sequenceNumber != sequenceNumber
    }
    if last.count == Self.maximumRequesters { last.removeFirst() }
    last.append((ssrc, sequenceNumber))
    return true
  }
}
