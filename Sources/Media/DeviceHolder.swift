internal import Glibc
internal import LinuxIO

/// Finds out which program has a device open, for the message that says that it is busy.
enum DeviceHolder {
  /// `ffmpeg (4711)`; nil when nobody is found or `/proc` may not be read.
  static func find(_ path: String) -> String? {
    guard let target = realPath(path), let processes = opendir("/proc") else { return nil }
    defer { closedir(processes) }
    while let entry = readdir(processes) {
      guard let process = Int32(text(entry.pointee.d_name)), process != getpid() else { continue }
      if holds(process, target) {
        let name = (try? File.read("/proc/\(process)/comm", limit: 64)) ?? []
        return "\(String(decoding: name.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)) (\(process))"
      }
    }
    return nil
  }

  private static func holds(_ process: Int32, _ target: String) -> Bool {
    guard let descriptors = opendir("/proc/\(process)/fd") else { return false }
    defer { closedir(descriptors) }
    while let entry = readdir(descriptors) {
      if linkTarget("/proc/\(process)/fd/\(text(entry.pointee.d_name))") == target { return true }
    }
    return false
  }
}

/// Where a symbolic link points; nil when it is none.
func linkTarget(_ path: String) -> String? {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer in
    let count = readlink(path, buffer.baseAddress!, buffer.count)
    guard count > 0 else { return nil }
    return String(decoding: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count]), as: UTF8.self)
  }
}

/// A path without symbolic links; nil when it leads nowhere.
func realPath(_ path: String) -> String? {
  guard let resolved = realpath(path, nil) else { return nil }
  defer { free(resolved) }
  return String(cString: resolved)
}
