/// Why a session description could not be used. Every case carries a sentence for whoever wrote the description: it becomes the
/// `detail` of an `application/problem+json` answer, so it quotes no more than a few printable characters of the input.
package enum SDPError: Error, Equatable, Sendable {
  /// Larger or more numerous than any session needs: see ``SDPLimits``.
  case tooMuch(String)
  /// A line that is not what RFC 8866 or the attribute's own RFC says. Lines count from 1.
  case malformed(line: Int, String)
  /// A well-formed description that no session can be made from.
  case unacceptable(String)
}

extension SDPError: CustomStringConvertible {
  /// One sentence.
  package var description: String {
    switch self {
    case .tooMuch(let what): what
    case .malformed(let line, let what): "Line \(line): \(what)"
    case .unacceptable(let what): what
    }
  }
}

/// What a description may grow to. The largest that browsers make for one camera, one microphone and one data channel is 8 KiB in
/// 230 lines; these leave room for strange peers and none for hostile ones.
package enum SDPLimits {
  package static let bytes = 64 * 1024
  /// A session-level line and eight sections of the busiest kind seen.
  package static let lines = 4096
  /// The longest line seen is an `m=` line of 150 bytes.
  package static let bytesInALine = 4096
  package static let mediaSections = 32
  /// For one section; an ICE agent looks at no more than a hundred pairs anyway (RFC 8445 §6.1.2.5).
  package static let candidates = 100
  package static let sources = 64
  package static let extensions = 64
  package static let fingerprints = 8
  package static let groups = 16
}

/// A few characters of somebody else's text, safe to put into a message.
func quoted(_ text: some StringProtocol) -> String {
  let longest = 40
  var result = "“"
  for scalar in text.unicodeScalars.prefix(longest) {
    let isPrintable = scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value)
    result.unicodeScalars.append(isPrintable ? scalar : "\u{FFFD}")
  }
  return result + (text.unicodeScalars.count > longest ? "…”" : "”")
}
