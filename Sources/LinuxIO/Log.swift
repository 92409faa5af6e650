internal import Glibc
internal import Synchronization

/// Lines for the operator on standard error: with systemd's priority prefixes under systemd, with the time of day on a terminal.
///
/// Never keys, tokens or full remote addresses at ``Level/info`` and above. Where a remote could trigger a line, the caller limits
/// the rate.
package enum Log {
  /// syslog's levels, as systemd numbers them.
  package enum Level: Int, Sendable, CaseIterable {
    case error = 3
    case warning = 4
    case notice = 5
    case info = 6
    case debug = 7
  }

  private static let threshold = Atomic<Int>(Level.info.rawValue)
  private static let underSystemd = getenv("JOURNAL_STREAM") != nil

  /// Lines of less importance than this are not written. From any thread.
  package static func setLevel(_ level: Level) {
    threshold.store(level.rawValue, ordering: .relaxed)
  }

  package static func error(_ message: @autoclosure () -> String) { write(.error, message) }
  package static func warning(_ message: @autoclosure () -> String) { write(.warning, message) }
  package static func notice(_ message: @autoclosure () -> String) { write(.notice, message) }
  package static func info(_ message: @autoclosure () -> String) { write(.info, message) }
  package static func debug(_ message: @autoclosure () -> String) { write(.debug, message) }

  /// Text for whoever typed a command, on standard error as it is.
  package static func plain(_ text: String) {
    var text = text
    text.withUTF8 { _ = Glibc.write(STDERR_FILENO, $0.baseAddress!, $0.count) }
  }

  private static func write(_ level: Level, _ message: () -> String) {
    guard level.rawValue <= threshold.load(ordering: .relaxed) else { return }
    // One line a message, whatever a device or a peer put into a name.
    let text = String(message().map { $0.isNewline || $0 == "\0" ? " " : $0 })
    var line = underSystemd ? "<\(level.rawValue)>\(text)\n" : "\(timeOfDay()) \(level): \(text)\n"
    line.withUTF8 { bytes in
      // One call a line, so that threads do not mix theirs.
      _ = Glibc.write(STDERR_FILENO, bytes.baseAddress!, bytes.count)
    }
  }

  private static func timeOfDay() -> String {
    var now = time(nil)
    var parts = tm()
    localtime_r(&now, &parts)
    let two = { (value: Int32) in value < 10 ? "0\(value)" : "\(value)" }
    return "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
  }
}
