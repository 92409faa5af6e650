internal import CLinux
internal import Glibc
package import Wire

/// A blocking TCP connection for tools that have nothing else to do: the load generator, the doctor. The daemon's loops do not use it.
package struct TCPConnection: ~Copyable {
  private let descriptor: FileDescriptor

  /// - Parameter timeout: for connecting, and for each later read and write.
  package init(to remote: SocketAddress, timeout: Interval) throws(SystemError) {
    var address = perch_address(remote)
    let milliseconds = Int32(clamping: timeout.milliseconds)
    let raw = try SystemError.check(perch_tcp_connect(&address, milliseconds), "connect to \(remote)")
    descriptor = FileDescriptor(owning: raw)
  }

  package func write(_ bytes: [UInt8]) throws(SystemError) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(descriptor.raw, $0.baseAddress!, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else {
        if errno == EINTR { continue }
        throw SystemError("send", code: errno)
      }
      sent += count
    }
  }

  /// Reads what is there, waiting for at least a byte; empty at the end of the stream.
  package func read(atMost limit: Int) throws(SystemError) -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: limit)
    while true {
      let count = Glibc.recv(descriptor.raw, &buffer, limit, 0)
      if count >= 0 { return Array(buffer[..<count]) }
      guard errno == EINTR else { throw SystemError("receive", code: errno) }
    }
  }
}
