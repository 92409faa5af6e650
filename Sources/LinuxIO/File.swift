internal import CLinux
internal import Glibc

/// Small files, read and written whole.
package enum File {
  /// Reads at most `limit` bytes. Files of `/proc` and `/sys`, whose size is not known before, are read to their end too.
  package static func read(_ path: String, limit: Int = 1 << 20) throws(SystemError) -> [UInt8] {
    let raw = try SystemError.check(perch_open(path, O_RDONLY, 0), "open \(path)")
    let descriptor = FileDescriptor(owning: raw)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while bytes.count < limit {
      let count = Glibc.read(descriptor.raw, &chunk, min(chunk.count, limit - bytes.count))
      if count < 0 {
        if errno == EINTR { continue }
        throw SystemError("read \(path)", code: errno)
      }
      if count == 0 { break }
      bytes += chunk[..<count]
    }
    return bytes
  }

  /// Replaces a file so that a power cut leaves the old one or the new one: write aside, sync, rename, sync the folder.
  ///
  /// - Parameter mode: permission bits, `0o600` for secrets.
  package static func replace(_ path: String, with bytes: [UInt8], mode: UInt32) throws(SystemError) {
    let aside = path + ".new"
    do {
      let raw = try SystemError.check(perch_open(aside, O_WRONLY | O_CREAT | O_TRUNC, Int32(mode)), "create \(aside)")
      let descriptor = FileDescriptor(owning: raw)
      var written = 0
      while written < bytes.count {
        let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor.raw, $0.baseAddress!, $0.count) }
        if count < 0 {
          if errno == EINTR { continue }
          throw SystemError("write \(aside)", code: errno)
        }
        written += count
      }
      guard fsync(descriptor.raw) == 0 else { throw SystemError("sync \(aside)", code: errno) }
    }
    guard rename(aside, path) == 0 else { throw SystemError("rename \(aside) to \(path)", code: errno) }
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    let raw = try SystemError.check(
      perch_open(folder.isEmpty ? "/" : folder, O_RDONLY | O_DIRECTORY, 0), "open \(folder)")
    fsync(raw)
    close(raw)
  }

  /// Makes a folder and those above it, for their owner alone.
  package static func makeFolder(_ path: String) throws(SystemError) {
    var partial = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
      partial += partial.isEmpty || partial.hasSuffix("/") ? String(part) : "/\(part)"
      guard mkdir(partial, 0o700) == 0 || errno == EEXIST else {
        throw SystemError("make the folder \(partial)", code: errno)
      }
    }
  }
}
