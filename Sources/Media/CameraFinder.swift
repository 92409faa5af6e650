internal import Glibc

/// Finds and opens the camera that a configuration means, and the same one again after it was away, whatever number it has
/// then. Used by one thread.
struct CameraFinder {
  private let selection: SourceSelection
  /// The camera that was open last.
  private var known: Identity?

  private struct Identity {
    var path: String
    var stablePath: String?
    var name: String
    var bus: String
  }

  init(_ selection: SourceSelection) {
    self.selection = selection
  }

  /// - Throws: ``MediaError``: of the candidates' errors the one that says most.
  mutating func open(_ constraints: CaptureConstraints) throws(MediaError) -> V4L2Camera {
    var reason: MediaError?
    for path in candidates() {
      do throws(MediaError) {
        let camera = try V4L2Camera(path: path, constraints: constraints)
        known = Identity(
          path: path, stablePath: Cameras.stablePaths()[realPath(path) ?? path], name: camera.name, bus: camera.bus)
        return camera
      } catch {
        reason = Self.moreTelling(reason, error)
      }
    }
    switch selection {
    case .automatic, .test: throw reason ?? .deviceNotFound("a camera")
    case .device(let name): throw reason ?? .deviceNotFound(name)
    }
  }

  /// The paths to try, in order.
  private func candidates() -> [String] {
    switch selection {
    case .test:
      return []
    case .automatic:
      let before = known.map { [$0.stablePath ?? $0.path] } ?? []
      let known = before.map { realPath($0) ?? $0 }
      return known + Cameras.paths().filter { !known.contains($0) }
    case .device(let name) where name.hasPrefix("/"):
      // Plugged in again it may have become another number: then it is found by what and where it is.
      return realPath(name) != nil ? [name] : Cameras.paths().filter { isKnown($0) }
    case .device(let name):
      return Cameras.paths().filter { path in
        Cameras.name(of: path).map { $0.lowercased().contains(name.lowercased()) } ?? false
      }
    }
  }

  private func isKnown(_ path: String) -> Bool {
    guard let known, let device = try? V4L2Device(path) else { return false }
    return device.name == known.name && device.bus == known.bus
  }

  /// A device that is busy or denied says more than one that is not there or no camera.
  private static func moreTelling(_ first: MediaError?, _ second: MediaError) -> MediaError {
    switch first {
    case nil, .deviceNotFound(_)?: second
    case .notACaptureDevice(_)?:
      if case .deviceNotFound(_) = second { first ?? second } else { second }
    case let first?: first
    }
  }
}
