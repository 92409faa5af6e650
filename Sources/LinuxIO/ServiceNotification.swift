internal import CLinux
internal import Glibc
package import Wire

/// Tells systemd how the service is doing (`sd_notify(3)`); does nothing elsewhere.
package struct ServiceNotification: Sendable {
  private let path: String?
  /// How often the watchdog must be fed: half of what systemd waits (`WATCHDOG_USEC`); nil when it does not watch.
  package let watchdogInterval: Interval?

  /// Reads `NOTIFY_SOCKET` and `WATCHDOG_USEC`.
  package init() {
    path = getenv("NOTIFY_SOCKET").map { String(cString: $0) }
    let microseconds = getenv("WATCHDOG_USEC").flatMap { Int64(String(cString: $0)) }
    watchdogInterval = microseconds.flatMap { $0 > 1 ? .microseconds($0 / 2) : nil }
  }

  package func ready(status: String) { send("READY=1\nSTATUS=\(status)") }
  package func watchdog() { send("WATCHDOG=1") }
  package func stopping() { send("STOPPING=1") }

  private func send(_ state: String) {
    if let path { _ = perch_notify(path, state) }
  }
}
