internal import Glibc

/// Owns an open file descriptor and closes it.
package struct FileDescriptor: ~Copyable, Sendable {
  /// The descriptor's number, for calls that only borrow it.
  package let raw: Int32

  /// - Parameter raw: an open descriptor that nobody else closes.
  package init(owning raw: Int32) {
    self.raw = raw
  }

  deinit {
    close(raw)
  }
}
