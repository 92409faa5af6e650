internal import Glibc

/// The cameras of this machine.
package enum Cameras {
  /// The folder in which udev keeps names that stay the same when a camera is plugged in again.
  private static let stableNames = "/dev/v4l/by-id"

  /// All cameras that can be opened now, in the order of their numbers. Opens each for a moment: call it from a thread that
  /// may wait.
  package static func list() -> [CameraDescription] {
    let stable = stablePaths()
    return paths().compactMap { describe($0, stable: stable) }
  }

  /// The video devices, cameras or not, in the order of their numbers.
  static func paths() -> [String] {
    entries(of: "/dev")
      .compactMap { name in name.hasPrefix("video") ? Int(name.dropFirst(5)) : nil }
      .sorted()
      .map { "/dev/video\($0)" }
  }

  /// What the driver calls a camera; nil when it is none.
  static func name(of path: String) -> String? {
    do {
      let device = try V4L2Device(path)
      return device.name
    } catch {
      return nil
    }
  }

  /// What a device path leads to; nil when it is no camera or cannot be opened.
  package static func describe(_ path: String) -> CameraDescription? {
    describe(path, stable: stablePaths())
  }

  private static func describe(_ path: String, stable: [String: String]) -> CameraDescription? {
    do {
      let device = try V4L2Device(path)
      return device.describe(stablePath: stable[realPath(path) ?? path])
    } catch {
      return nil
    }
  }

  /// From `/dev/videoN` to the name under which udev also has it.
  static func stablePaths() -> [String: String] {
    var paths: [String: String] = [:]
    for name in entries(of: stableNames).sorted() {
      let path = "\(stableNames)/\(name)"
      if let target = realPath(path), paths[target] == nil { paths[target] = path }
    }
    return paths
  }

  private static func entries(of folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = text(entry.pointee.d_name)
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names
  }
}

extension V4L2Device {
  /// - Parameter stablePath: as udev has it.
  func describe(stablePath: String?) -> CameraDescription {
    CameraDescription(
      path: path, stablePath: stablePath, name: name, driver: driver, bus: bus, capabilities: capabilities())
  }
}
