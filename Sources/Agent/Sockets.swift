internal import LinuxIO
internal import Wire

/// The UDP sockets that all sessions share: one for each address family, both on the same port.
final class Sockets {
  private let v4: UDPSocket
  private let v6: UDPSocket?
  /// The port of both.
  let port: UInt16

  /// How often a free port is looked for that is free in both families.
  private static let attempts = 16
  /// Batches read from one socket before the others get their turn.
  private static let maximumRounds = 8

  /// - Parameter port: 0 lets the kernel choose.
  init(port wanted: UInt16, allowsIPv6: Bool) throws(SystemError) {
    var remaining = wanted == 0 ? Self.attempts : 1
    while true {
      remaining -= 1
      let first = try UDPSocket(family: .v4, port: wanted)
      let chosen = first.port
      do {
        v6 = allowsIPv6 && Self.hasIPv6 ? try UDPSocket(family: .v6, port: chosen) : nil
      } catch {
        guard remaining > 0 else { throw error }
        continue
      }
      v4 = first
      port = chosen
      return
    }
  }

  private static var hasIPv6: Bool { InterfaceAddress.all().contains { $0.address.family == .v6 } }

  /// Registers the sockets; their tokens are the families' numbers, 4 and 6.
  func register(with poller: borrowing Poller) throws(SystemError) {
    try poller.add(v4.raw, token: UInt64(IPAddress.Family.v4.rawValue))
    if let raw = v6?.raw { try poller.add(raw, token: UInt64(IPAddress.Family.v6.rawValue)) }
  }

  /// Receives from the socket of a family what has come.
  func receive(_ family: IPAddress.Family, _ body: (UnsafeMutableRawBufferPointer, NetworkPath) -> Void) {
    for _ in 0..<Self.maximumRounds {
      let isMore =
        switch family {
        case .v4: v4.receive(body)
        case .v6: v6?.receive(body) ?? false
        }
      if !isMore { return }
    }
  }

  /// Sends a batch, each datagram by the socket of its family, and empties it.
  func send(_ batch: inout DatagramBatch) {
    guard !batch.isEmpty else { return }
    v4.send(batch)
    v6?.send(batch)
    batch.removeAll()
  }

  /// Datagrams that the kernel did not take.
  var refused: UInt64 { v4.refused &+ (v6?.refused ?? 0) }
}
