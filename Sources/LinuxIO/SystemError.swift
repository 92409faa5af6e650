internal import Glibc

/// A call to the kernel failed.
package struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What was tried, in words that fit into a log line: `"open /dev/video0"`.
  package let operation: String
  /// The `errno` that it left.
  package let code: Int32

  package init(_ operation: String, code: Int32) {
    self.operation = operation
    self.code = code
  }

  /// `cannot open /dev/video0: Permission denied`
  package var description: String {
    "cannot \(operation): \(Self.text(of: code))"
  }

  /// The C library's words for an errno.
  package static func text(of code: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
      guard strerror_r(code, buffer.baseAddress!, buffer.count) == 0 else { return "error \(code)" }
      return String(cString: buffer.baseAddress!)
    }
  }

  /// Passes a result of the C shim on, or throws the negative errno that it is.
  package static func check(_ result: Int32, _ operation: @autoclosure () -> String) throws(SystemError) -> Int32 {
    guard result < 0 else { return result }
    throw SystemError(operation(), code: -result)
  }
}
