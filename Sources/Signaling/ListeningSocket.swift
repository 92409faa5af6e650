internal import CWebSockets
internal import Glibc
internal import LinuxIO
internal import Wire

/// A TCP socket that waits for connections, until something else takes its descriptor over.
struct ListeningSocket: ~Copyable {
  private let descriptor: Int32
  /// Where it listens, with the port that the kernel chose.
  let address: SocketAddress

  /// More wait in the kernel than we have places for: a page loads its files over up to six connections at once.
  private static let backlog: Int32 = 64

  init(_ wanted: SocketAddress) throws(HTTPServerError) {
    let isV6 = wanted.address.family == .v6
    descriptor = socket(
      isV6 ? AF_INET6 : AF_INET,
      Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { throw HTTPServerError(wanted, code: errno) }
    var one: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    if isV6 {  // IPv4 has a socket of its own
      setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &one, socklen_t(MemoryLayout<Int32>.size))
    }
    let descriptor = descriptor
    guard wanted.withSockaddr({ bind(descriptor, $0, $1) }) == 0, listen(descriptor, Self.backlog) == 0,
      let bound = SocketAddress.read({ getsockname(descriptor, $0, $1) })
    else {
      let code = errno
      close(descriptor)
      throw HTTPServerError(wanted, code: code)
    }
    address = bound
  }

  deinit { close(descriptor) }

  /// Gives the descriptor away.
  consuming func release() -> Int32 {
    let raw = descriptor
    discard self
    return raw
  }
}

/// Takes the next waiting connection; nil when there is none.
func acceptConnection(of listener: Int32) -> (descriptor: Int32, client: SocketAddress)? {
  while true {
    var accepted: Int32 = -1
    let client = SocketAddress.read { address, length in
      accepted = perch_web_accept(listener, address, length)
      return accepted
    }
    guard accepted >= 0 else {
      // The others are faults of that one connection (accept(2)): go on with the next.
      if errno == EINTR || errno == ECONNABORTED || errno == EPROTO { continue }
      return nil
    }
    guard let client else {
      close(accepted)
      continue
    }
    var one: Int32 = 1
    setsockopt(accepted, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    return (accepted, client)
  }
}

extension SocketAddress {
  fileprivate func withSockaddr(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    if let v4 = address.v4 {
      var raw = sockaddr_in()
      raw.sin_family = sa_family_t(AF_INET)
      raw.sin_port = port.bigEndian
      raw.sin_addr.s_addr = v4.bigEndian
      return Self.withGeneric(&raw) { body($0, $1) }
    }
    var raw = sockaddr_in6()
    raw.sin6_family = sa_family_t(AF_INET6)
    raw.sin6_port = port.bigEndian
    raw.sin6_scope_id = scope
    withUnsafeMutableBytes(of: &raw.sin6_addr) { bytes in
      bytes.storeBytes(of: address.high.bigEndian, toByteOffset: 0, as: UInt64.self)
      bytes.storeBytes(of: address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
    return Self.withGeneric(&raw) { body($0, $1) }
  }

  private static func withGeneric<Raw>(
    _ raw: inout Raw, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    withUnsafePointer(to: &raw) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<Raw>.size)) }
    }
  }

  /// Reads an address that a call writes; nil when the call fails or the family is neither of ours. `errno` is the call's.
  fileprivate static func read(
    _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
  ) -> SocketAddress? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, &length) }
    }
    guard result >= 0 else { return nil }
    let family = Int32(storage.ss_family)
    return withUnsafeBytes(of: &storage) { bytes -> SocketAddress? in
      switch family {
      case AF_INET:
        let raw = bytes.loadUnaligned(as: sockaddr_in.self)
        return SocketAddress(
          IPAddress(v4: UInt32(bigEndian: raw.sin_addr.s_addr)), port: UInt16(bigEndian: raw.sin_port))
      case AF_INET6:
        let raw = bytes.loadUnaligned(as: sockaddr_in6.self)
        let (high, low) = withUnsafeBytes(of: raw.sin6_addr) { address in
          (address.loadUnaligned(as: UInt64.self), address.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
        return SocketAddress(
          IPAddress(v6High: UInt64(bigEndian: high), low: UInt64(bigEndian: low)),
          port: UInt16(bigEndian: raw.sin6_port), scope: raw.sin6_scope_id)
      default:
        return nil
      }
    }
  }
}
