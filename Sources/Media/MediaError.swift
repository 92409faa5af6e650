internal import LinuxIO

/// Why a device or a codec does not do what it was asked. The description is written for the person who runs the board: what
/// is wrong, and where there is one, the remedy.
package enum MediaError: Error, Equatable, Sendable {
  /// No such device is there now.
  case deviceNotFound(String)
  /// Another program has it. `holder` is that program's name and process id, where they could be found out.
  case deviceBusy(String, holder: String?)
  /// The user that runs this process may not open it.
  case accessDenied(String)
  /// It is there, but is no camera that can stream, or no microphone.
  case notACaptureDevice(String)
  /// It has no mode within the required bounds. `nearest` describes the best that it could do.
  case noFittingMode(String, nearest: String?)
  /// The device went away while it was in use.
  case deviceLost(String)
  /// The device is there but delivers nothing.
  case deviceSilent(String)
  /// A system call or driver failed. `code` is its `errno`.
  case system(String, code: Int32)
  /// An encoder refused its settings or failed.
  case codec(String)
  /// No control has this name.
  case unknownControl(String)
  /// The control cannot take the value; the text says what it takes.
  case controlValueRefused(String, allowed: String)
}

extension MediaError {
  /// A device that was in use is no more.
  var isLoss: Bool {
    switch self {
    case .deviceLost, .deviceSilent: true
    default: false
    }
  }
}

extension MediaError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .deviceNotFound(let name):
      "\(name) is not there; `perch devices` lists what is"
    case .deviceBusy(let name, let holder?):
      "\(name) is in use by \(holder); stop that program"
    case .deviceBusy(let name, nil):
      "\(name) is in use by another program; stop that program"
    case .accessDenied(let name):
      "no permission to open \(name); add this user to the group video (camera) or audio (microphone)"
    case .notACaptureDevice(let name):
      "\(name) cannot capture; `perch devices` lists what can"
    case .noFittingMode(let name, let nearest?):
      "\(name) has no mode within the required bounds; the nearest is \(nearest)"
    case .noFittingMode(let name, nil):
      "\(name) offers no picture format that is understood"
    case .deviceLost(let name):
      "\(name) went away"
    case .deviceSilent(let name):
      "\(name) delivers nothing"
    case .system(let call, let code):
      "\(call) failed: \(SystemError.text(of: code))"
    case .codec(let text):
      text
    case .unknownControl(let name):
      "no control is called \(name)"
    case .controlValueRefused(let name, let allowed):
      "\(name) takes \(allowed)"
    }
  }
}
