internal import CLinux
internal import Glibc

/// Signals as events: blocked in every thread, read from a descriptor by the main loop.
package struct Signals: ~Copyable {
  package enum Signal: Equatable, Sendable {
    case terminate
    case interrupt
    case reload
  }

  private let descriptor: FileDescriptor

  /// Call before the first thread starts: threads inherit what is blocked.
  package init() throws(SystemError) {
    signal(SIGPIPE, SIG_IGN)
    let raw = perch_signal_descriptor([SIGTERM, SIGINT, SIGHUP], 3)
    descriptor = FileDescriptor(owning: try SystemError.check(raw, "receive signals"))
  }

  /// To be polled for reading.
  package var raw: Int32 { descriptor.raw }

  /// The next signal that has come; nil when there is none.
  package func next() -> Signal? {
    switch perch_signal_read(raw) {
    case SIGTERM: .terminate
    case SIGINT: .interrupt
    case SIGHUP: .reload
    default: nil
    }
  }
}
