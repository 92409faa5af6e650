/// Offers as Chromium 156 and Firefox ESR 153 made them, each for video, audio and a data channel.
enum Offers {
  static let all: [(name: String, text: String)] = [
    ("chromiumRecvonly", chromiumRecvonly), ("chromiumMicrophone", chromiumMicrophone),
    ("chromiumMaxBundle", chromiumMaxBundle), ("firefoxRecvonly", firefoxRecvonly),
    ("firefoxMicrophone", firefoxMicrophone), ("firefoxMaxBundle", firefoxMaxBundle),
  ]

  /// Browsers end their lines in CR LF, Swift's literals in LF.
  static func crlf(_ text: String) -> String {
    var result = ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) { result += line + "\r\n" }
    return result
  }
}
