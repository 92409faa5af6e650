internal import DataChannel
internal import Session
internal import Wire

/// Measures a data channel whose other end sends back what it gets: first the round trip of small messages, one at a time, then the
/// throughput of large ones, several under way.
final class EchoTest {
  private static let pings = 500
  private static let largeSize = 64 * 1024
  private static let largeUnderWay = 8
  private static let largeDuration = Interval.seconds(3)

  private(set) var measurement = EchoMeasurement()
  private(set) var isDone = false
  private var channel: ChannelID?
  private var sentAt = Instant(nanoseconds: 0)
  private var throughputStart: Instant?
  private var bytes = 0
  private let small = [UInt8](repeating: 7, count: 16)
  private let large = [UInt8](repeating: 9, count: largeSize)

  func start(_ session: Session, now: Instant, into batch: inout DatagramBatch) {
    channel = try? session.openChannel(label: "echo", now: now, into: &batch)
  }

  func handleOpen(_ id: ChannelID, _ session: Session, now: Instant, into batch: inout DatagramBatch) {
    if id == channel { ping(session, now: now, into: &batch) }
  }

  func handle(
    _ message: [UInt8], on id: ChannelID, _ session: Session, now: Instant, into batch: inout DatagramBatch
  ) {
    guard id == channel, !isDone else { return }
    if let start = throughputStart {
      bytes += message.count
      if now - start > Self.largeDuration {
        measurement.bitrate = Double(bytes) * 8 / (now - start).inSeconds
        isDone = true
      } else {
        send(large, session, now: now, into: &batch)
      }
      return
    }
    measurement.roundTrip.add((now - sentAt).inSeconds * 1000)
    if measurement.roundTrip.count < Self.pings {
      ping(session, now: now, into: &batch)
    } else {
      throughputStart = now
      for _ in 0..<Self.largeUnderWay { send(large, session, now: now, into: &batch) }
    }
  }

  /// Room has come free: nothing to do, since each echo brings forth the next message.
  func fill(_ session: Session, now: Instant, into batch: inout DatagramBatch) {}

  private func ping(_ session: Session, now: Instant, into batch: inout DatagramBatch) {
    sentAt = now
    send(small, session, now: now, into: &batch)
  }

  private func send(_ message: [UInt8], _ session: Session, now: Instant, into batch: inout DatagramBatch) {
    guard let channel else { return }
    try? session.send(message, as: .binary, on: channel, now: now, into: &batch)
  }
}
