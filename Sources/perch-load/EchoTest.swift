internal import DataChannel
internal import Session
internal import Wire

/// Measures data channels. On `echo`, whose other end sends back what it gets, first the round trip of small messages, one at a time,
/// then the throughput of large ones, several under way; then on `sink`, whose other end answers nothing, the throughput one way.
final class EchoTest {
  private enum Phase {
    case roundTrips
    case echo(since: Instant)
    /// Until the channel is open, and SCTP's buffer full for the first time.
    case fillingSink
    /// `start`: what SCTP had taken then.
    case sink(since: Instant, start: Int)
    case done
  }

  private static let pings = 500
  private static let largeSize = 64 * 1024
  private static let largeUnderWay = 8
  private static let largeDuration = Interval.seconds(3)

  private(set) var measurement = EchoMeasurement()
  private var phase = Phase.roundTrips
  private var channel: ChannelID?
  private var sink: ChannelID?
  private var sentAt = Instant(nanoseconds: 0)
  /// Echoed in one phase, sent in the next.
  private var bytes = 0
  private let small = [UInt8](repeating: 7, count: 16)
  private let large = [UInt8](repeating: 9, count: largeSize)

  func start(_ session: Session, now: Instant, into batch: inout DatagramBatch) {
    channel = try? session.openChannel(label: "echo", now: now, into: &batch)
  }

  var isDone: Bool {
    if case .done = phase { true } else { false }
  }

  func handleOpen(_ id: ChannelID, _ session: Session, now: Instant, into batch: inout DatagramBatch) {
    if id == channel { ping(session, now: now, into: &batch) }
    if id == sink { fill(session, now: now, into: &batch) }
  }

  func handle(
    _ message: [UInt8], on id: ChannelID, _ session: Session, now: Instant, into batch: inout DatagramBatch
  ) {
    guard id == channel else { return }
    switch phase {
    case .roundTrips:
      measurement.roundTrip.add((now - sentAt).inSeconds * 1000)
      guard measurement.roundTrip.count == Self.pings else { return ping(session, now: now, into: &batch) }
      phase = .echo(since: now)
      for _ in 0..<Self.largeUnderWay { send(large, on: channel, session, now: now, into: &batch) }
    case .echo(let start):
      bytes += message.count
      guard now - start > Self.largeDuration else {
        return send(large, on: channel, session, now: now, into: &batch)
      }
      measurement.bitrate = Double(bytes) * 8 / (now - start).inSeconds
      bytes = 0
      phase = .fillingSink
      sink = try? session.openChannel(label: "sink", now: now, into: &batch)
      if sink == nil { phase = .done }
    case .fillingSink, .sink, .done:
      break
    }
  }

  /// SCTP has taken all that waited: what it has taken in the meantime has been acknowledged, but for its buffer of constant size.
  func fill(_ session: Session, now: Instant, into batch: inout DatagramBatch) {
    guard let sink else { return }
    let taken = bytes - session.bufferedAmount(of: sink)
    switch phase {
    case .fillingSink:
      if bytes > 0 { phase = .sink(since: now, start: taken) }
    case .sink(let start, let before):
      if now - start > Self.largeDuration {
        measurement.oneWayBitrate = Double(taken - before) * 8 / (now - start).inSeconds
        phase = .done
      }
    case .roundTrips, .echo, .done:
      return
    }
    guard !isDone else { return }
    repeat {
      send(large, on: sink, session, now: now, into: &batch)
      bytes += large.count
    } while session.bufferedAmount(of: sink) < Self.largeUnderWay * Self.largeSize
  }

  private func ping(_ session: Session, now: Instant, into batch: inout DatagramBatch) {
    sentAt = now
    send(small, on: channel, session, now: now, into: &batch)
  }

  private func send(
    _ message: [UInt8], on channel: ChannelID?, _ session: Session, now: Instant, into batch: inout DatagramBatch
  ) {
    guard let channel else { return }
    try? session.send(message, as: .binary, on: channel, now: now, into: &batch)
  }
}
