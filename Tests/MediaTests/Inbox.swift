import LinuxIO
import Synchronization
import Wire

/// Collects what a pipeline's threads deliver, and lets a test wait for it.
final class Inbox<Element: Sendable>: Sendable {
  private let elements = Mutex<[Element]>([])
  private let signal: EventSignal

  init() throws { signal = try EventSignal() }

  func add(_ element: Element) {
    elements.withLock { $0.append(element) }
    signal.signal()
  }

  var all: [Element] { elements.withLock { $0 } }

  /// Waits until what has come satisfies `isEnough`, with a bound; false when the bound was reached.
  func wait(within bound: Interval = .seconds(20), until isEnough: ([Element]) -> Bool) -> Bool {
    let deadline = Clock.now() + bound
    while !isEnough(all) {
      guard Clock.now() < deadline else { return false }
      _ = waitForInput([signal.raw], until: deadline)
      signal.clear()
    }
    return true
  }
}
