internal import Configuration
internal import LinuxIO
internal import Media

/// The commands of `perch`: what `main` calls.
package enum Command {
  /// Does what the command line asks for.
  ///
  /// - Parameter words: the command line without the program's name.
  /// - Returns: how it ended, for the shell.
  package static func run(_ words: [String]) -> ExitCode {
    do {
      switch try Arguments(words) {
      case .run(let file): return runAgent(configurationFile: file)
      case .check(let file): return check(file)
      case .devices: listDevices()
      case .version: print("perch \(Version.current)")
      case .help: print(Arguments.usage)
      }
      return .success
    } catch {
      complain("perch: \(error.message).\n\n\(Arguments.usage)")
      return .usage
    }
  }

  private static func runAgent(configurationFile: String?) -> ExitCode {
    guard let configuration = configurationFile.map(load) ?? Configuration.default else { return .configuration }
    Log.setLevel(Log.Level(configuration.log.level))
    do {
      try Agent(configuration).run()
      return .success
    } catch {
      Log.error("Perch cannot run: \(error)")
      return .failure
    }
  }

  private static func check(_ file: String) -> ExitCode {
    guard load(file) != nil else { return .configuration }
    print("\(file) is right.")
    return .success
  }

  /// Reads a configuration file; nil after having said what is wrong with it.
  private static func load(_ file: String) -> Configuration? {
    do {
      return try Configuration(yaml: try File.read(file, limit: 2 << 20), file: file)
    } catch let errors as ConfigurationErrors {
      complain("\(errors)\n")
    } catch {
      complain("perch: \(error)\n")
    }
    return nil
  }

  private static func listDevices() {
    let cameras = Cameras.list()
    print(cameras.isEmpty ? "No camera was found." : "Cameras:")
    for camera in cameras {
      print("  \(camera.name) (\(camera.driver), \(camera.bus))")
      print("    \(camera.stablePath.map { "\($0) → " } ?? "")\(camera.path)")
      for capability in camera.capabilities { print("    \(capability)") }
    }
    let microphones = Microphones.list()
    print(microphones.isEmpty ? "No microphone was found." : "Microphones:")
    for microphone in microphones { print("  \(microphone.card), \(microphone.name): \(microphone.pcm)") }
  }

  private static func complain(_ text: String) {
    Log.plain(text)
  }
}

extension Log.Level {
  init(_ level: LogLevel) {
    switch level {
    case .error: self = .error
    case .warning: self = .warning
    case .notice: self = .notice
    case .info: self = .info
    case .debug: self = .debug
    }
  }
}
