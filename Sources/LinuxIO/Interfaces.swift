internal import CLinux
package import Wire

/// An address of one of the board's network interfaces.
package struct InterfaceAddress: Hashable, Sendable {
  /// `eth0`, `wlan0`.
  package var interface: String
  package var address: IPAddress
  /// The interface's index for link-local IPv6 addresses; 0 otherwise.
  package var scope: UInt32
  package var isLoopback: Bool

  /// The addresses of all interfaces that are up and have a carrier, in the kernel's order.
  package static func all() -> [InterfaceAddress] {
    // A board with more addresses than this is no board; the others are not offered.
    var list = [perch_interface](repeating: perch_interface(), count: 64)
    let count = perch_interfaces(&list, Int32(list.count))
    return list.prefix(Int(max(0, count))).map { entry in
      let address = SocketAddress(entry.address)
      let name = withUnsafeBytes(of: entry.name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      return InterfaceAddress(
        interface: name, address: address.address, scope: address.scope, isLoopback: entry.loopback)
    }
  }
}
