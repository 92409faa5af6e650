internal import CWebSockets
internal import Glibc
package import LinuxIO
internal import Synchronization
package import Wire

/// Serves the page, WHEP and the API over HTTP/1.1, on a thread of its own named `http`.
///
/// libwebsockets supplies the loop: sockets, timers, buffered writes, wake-ups (and TLS, once there is some). It does so in its raw
/// role; the messages are read by ``HTTPRequestParser``. Its own HTTP role, in the version that Debian 12 ships (4.1.6), answers much
/// of what is malformed in HTML or by hanging up, upgrades to WebSocket and to HTTP/2 whether one wants it or not, goes on reading a
/// freed header table after an unknown `Upgrade`, and parses the next request over the one whose answer is still awaited. None of
/// that can be configured away, and everything it reads comes from strangers.
///
/// Make it, ``start()`` it, ``stop()`` it; from one thread.
package final class HTTPServer: Sendable {
  private let configuration: HTTPConfiguration
  private let service: any ViewerService
  private let mailbox = AnswerBox()
  private let state = Mutex<State>(.idle)

  private enum State {
    case idle
    case running(Thread, [SocketAddress])
    case stopped
  }

  package init(configuration: HTTPConfiguration, service: any ViewerService) {
    self.configuration = configuration
    self.service = service
  }

  /// Where it listens; empty before ``start()``.
  package var addresses: [SocketAddress] {
    state.withLock { state in
      if case .running(_, let addresses) = state { addresses } else { [] }
    }
  }

  /// Opens the sockets and starts the thread. Call once.
  package func start() throws(HTTPServerError) {
    let loop = try HTTPLoop(configuration, service: service, mailbox: mailbox)
    let handle = Unmanaged.passRetained(loop)
    let address = UInt(bitPattern: handle.toOpaque())
    do {
      let thread = try Thread(named: "http") {
        let handle = Unmanaged<HTTPLoop>.fromOpaque(UnsafeRawPointer(bitPattern: address)!)
        handle.takeUnretainedValue().run()
        handle.release()
      }
      state.withLock { $0 = .running(thread, loop.addresses) }
    } catch {
      loop.close()
      handle.release()
      throw .thread(error)
    }
  }

  /// Ends the thread and closes all connections, at once. Replies that come later go nowhere.
  package func stop() {
    let thread: Thread? = state.withLock { state in
      guard case .running(let thread, _) = state else { return nil }
      state = .stopped
      return thread
    }
    guard let thread else { return }
    mailbox.stop()
    thread.join()
  }
}

/// Why the server cannot start.
package enum HTTPServerError: Error, Equatable, Sendable, CustomStringConvertible {
  case addressInUse(SocketAddress)
  case addressNotAvailable(SocketAddress)
  case permissionDenied(SocketAddress)
  case socket(SocketAddress, code: Int32)
  case thread(SystemError)
  case outOfMemory

  init(_ address: SocketAddress, code: Int32) {
    self =
      switch code {
      case EADDRINUSE: .addressInUse(address)
      case EADDRNOTAVAIL, EAFNOSUPPORT: .addressNotAvailable(address)
      case EACCES, EPERM: .permissionDenied(address)
      default: .socket(address, code: code)
      }
  }

  /// What happened and what to do about it.
  package var description: String {
    switch self {
    case .addressInUse(let address):
      "cannot listen on \(address): another program does already (ss -ltnp shows which); stop it or choose another port"
    case .addressNotAvailable(let address):
      "cannot listen on \(address): this machine has no such address (ip addr shows those it has)"
    case .permissionDenied(let address):
      "cannot listen on \(address): ports below 1024 are for root or CAP_NET_BIND_SERVICE; choose one above"
    case .socket(let address, let code):
      "cannot listen on \(address): \(SystemError.text(of: code))"
    case .thread(let error):
      error.description
    case .outOfMemory:
      "cannot set up the HTTP server: out of memory or file descriptors"
    }
  }
}

/// Answers on their way to the `http` thread, and the bell that wakes it.
final class AnswerBox: Sendable {
  private struct State {
    var answers: [Entry] = []
    var isStopping = false
    /// The loop to wake, while it is there.
    nonisolated(unsafe) var loop: OpaquePointer?
  }

  struct Entry: Sendable {
    let token: UInt64
    let exchange: UInt64
    let answer: Routes.Answer
  }

  private let state = Mutex(State())

  /// Leaves an answer. From any thread. Bounded by the requests that wait, each of which is answered once.
  func post(_ entry: Entry) {
    state.withLock { state in
      guard !state.isStopping else { return }
      state.answers.append(entry)
      // Under the lock, so that the loop is not freed meanwhile; it is one write to a pipe.
      if state.answers.count == 1, let loop = state.loop { perch_web_wake(loop) }
    }
  }

  func stop() {
    state.withLock { state in
      state.isStopping = true
      if let loop = state.loop { perch_web_wake(loop) }
    }
  }

  func drain() -> (answers: [Entry], isStopping: Bool) {
    state.withLock { state in
      defer { state.answers = [] }
      return (state.answers, state.isStopping)
    }
  }

  func attach(_ loop: OpaquePointer?) {
    state.withLock { $0.loop = loop }
  }
}
