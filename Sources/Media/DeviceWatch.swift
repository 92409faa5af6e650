internal import Glibc
internal import LinuxIO
internal import Wire

/// Tells when device files come or change, by inotify: nothing runs until something is plugged in. Used by one thread.
struct DeviceWatch: ~Copyable {
  private let descriptor: FileDescriptor

  /// - Parameter folders: those that exist now are watched. `/dev` is where a folder like `/dev/snd` appears in.
  init(_ folders: [String]) throws(SystemError) {
    descriptor = FileDescriptor(
      owning: try SystemError.check(
        inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK)), "watch for devices"))
    for folder in folders {
      // Attributes too: udev gives the rights to open a device after it has appeared.
      inotify_add_watch(descriptor.raw, folder, UInt32(IN_CREATE) | UInt32(IN_ATTRIB) | UInt32(IN_MOVED_TO))
    }
  }

  /// To be polled for reading.
  var raw: Int32 { descriptor.raw }

  /// Forgets what has been reported so far.
  func clear() {
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { buffer in
      while read(descriptor.raw, buffer.baseAddress, buffer.count) > 0 {}
    }
  }
}

/// How long to wait before a device is tried again: longer each time, up to a bound, so that a camera that stays away costs
/// nothing and one that comes back is found soon.
struct Backoff {
  private var next: Interval
  private let first: Interval
  private let longest: Interval

  init(first: Interval = .milliseconds(250), longest: Interval = .seconds(5)) {
    self.first = first
    self.longest = longest
    next = first
  }

  mutating func wait() -> Interval {
    defer { next = min(next * 2, longest) }
    return next
  }

  mutating func reset() { next = first }
}
