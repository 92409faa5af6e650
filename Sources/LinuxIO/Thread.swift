internal import CLinux
internal import Glibc

/// A thread of ours: named, without signals, joined by its owner.
///
/// Signals are blocked before the first thread starts (``Signals``), and threads inherit that, so they arrive at the main loop alone.
package final class Thread: @unchecked Sendable {
  // The identifier is written once, before `init` returns, and read by the owner in `join()`.
  private var identifier = pthread_t()

  /// Starts a thread that runs `body` and ends with it.
  ///
  /// - Parameters:
  ///   - name: shown by `top -H`; at most 15 bytes, a longer one is cut by leaving the thread unnamed.
  ///   - stackSize: bytes; media libraries need less than the 8 MiB default, of which only touched pages count anyway.
  package init(named name: String, stackSize: Int = 1 << 20, _ body: @escaping @Sendable () -> Void) throws(SystemError)
  {
    let start = Unmanaged.passRetained(Start(name: name, body: body))
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, stackSize)
    defer { pthread_attr_destroy(&attributes) }
    let result = pthread_create(
      &identifier, &attributes,
      { argument in
        let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
        _ = perch_set_thread_name(start.name)
        start.body()
        return nil
      }, start.toOpaque())
    guard result == 0 else {
      start.release()
      throw SystemError("start the thread \(name)", code: result)
    }
  }

  /// Starts a thread that owns `value`: it was made here, and from now on nobody here uses it.
  package convenience init<Value>(
    named name: String, owning value: sending Value, _ body: @escaping @Sendable (Value) -> Void
  ) throws(SystemError) {
    let box = Handover(value)
    try self.init(named: name) { body(box.value) }
  }

  /// Carries a value to the one thread that takes it. Unchecked: `sending` has made sure that no one else holds it.
  private struct Handover<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
  }

  /// Waits until the body has returned. Call exactly once.
  package func join() {
    pthread_join(identifier, nil)
  }

  private final class Start {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }
}
