/// What the command line asks for.
package enum Arguments: Equatable, Sendable {
  case run(configurationFile: String?)
  case devices
  case check(configurationFile: String)
  case version
  case help

  /// The command line cannot be understood. The text is a sentence for its user.
  package struct UsageError: Error, Equatable {
    package let message: String
  }

  package static let usage = """
    Usage: perch COMMAND

      run [--config FILE]   Stream this board's camera and microphone to browsers. Without a file the
                            built-in defaults apply (see board/perch.yaml).
      devices               List cameras with their formats, and microphones.
      check FILE            Check a configuration file and say what is wrong with it, by line.
      version               Print the version.
      help                  Print this.

    Exit codes: 0 success, 1 the work failed, 64 the command line is wrong, 78 the configuration is wrong.

    """

  /// - Parameter words: the command line without the program's name.
  package init(_ words: [String]) throws(UsageError) {
    var rest = words[...]
    switch rest.popFirst() {
    case "run":
      self = .run(configurationFile: try Self.configurationOption(&rest))
    case "check":
      guard let file = rest.popFirst(), !file.hasPrefix("-") else {
        throw UsageError(message: "check needs the configuration file to check: perch check FILE")
      }
      self = .check(configurationFile: file)
    case "devices":
      self = .devices
    case "version", "--version", "-V":
      self = .version
    case "help", "--help", "-h":
      self = .help
    case let word?:
      throw UsageError(message: "there is no command '\(word)'")
    case nil:
      throw UsageError(message: "a command is missing")
    }
    if let extra = rest.first {
      throw UsageError(message: "'\(extra)' is not expected here")
    }
  }

  private static func configurationOption(_ rest: inout ArraySlice<String>) throws(UsageError) -> String? {
    guard let option = rest.first else { return nil }
    if option.hasPrefix("--config=") {
      rest.removeFirst()
      return String(option.dropFirst("--config=".count))
    }
    guard option == "--config" || option == "-c" else { return nil }
    rest.removeFirst()
    guard let file = rest.popFirst() else {
      throw UsageError(message: "\(option) needs a file")
    }
    return file
  }
}

/// How a command ended, as the shell sees it. systemd does not restart the service after ``configuration``.
package enum ExitCode: Int32, Sendable {
  case success = 0
  case failure = 1
  case usage = 64  // EX_USAGE of sysexits.h
  case configuration = 78  // EX_CONFIG
}
