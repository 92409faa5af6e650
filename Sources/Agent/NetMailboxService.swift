internal import LinuxIO
internal import Signaling
internal import Wire

/// What the HTTP server asks for, passed on to the `net` thread.
final class NetMailboxService: ViewerService {
  private let mailbox: Mailbox<NetMessage>

  init(_ mailbox: Mailbox<NetMessage>) {
    self.mailbox = mailbox
  }

  func createViewer(_ viewer: ViewerID, offer: String, from client: SocketAddress, reply: Reply<ViewerAnswer>) {
    pass(.createViewer(viewer, offer: offer, client: client, reply), reply)
  }

  func updateViewer(_ viewer: ViewerID, fragment: String, precondition: Precondition, reply: Reply<ViewerUpdate>) {
    pass(.updateViewer(viewer, fragment: fragment, precondition, reply), reply)
  }

  func removeViewer(_ viewer: ViewerID, reply: Reply<Void>) {
    pass(.removeViewer(viewer, reply), reply)
  }

  func statistics(reply: Reply<String>) {
    pass(.statistics(reply), reply)
  }

  private func pass<Value>(_ message: NetMessage, _ reply: Reply<Value>) {
    if !mailbox.post(message) {
      reply.fail(.unavailable("The agent is busier than it should be.", retryAfter: .seconds(5)))
    }
  }
}
