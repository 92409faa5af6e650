internal import Control
internal import DataChannel
internal import JSON
internal import LinuxIO
internal import Media
internal import RTP
internal import SDP
internal import Secure
internal import Session
internal import Signaling
internal import Telemetry
internal import Wire

/// The `net` thread: owns the sockets, all sessions and the broadcast, and everything that is sent passes through here.
///
/// One turn: wait for datagrams, messages or the first deadline; read the clock once; let each session concerned handle what is its;
/// send what they wrote in one batch. When nobody watches nothing wakes it.
final class NetLoop {
  struct Settings: Sendable {
    var identity: Identity
    var cname: String
    var deviceName: String
    var maximumViewers: Int
    var allowsIPv6: Bool
    var interfaces: [String]
    var announcedAddresses: [IPAddress]
    var allowsControl: Bool
    var hasVideo: Bool
    var hasAudio: Bool
  }

  /// What a viewer that finds the house full is told to wait.
  private static let retryAfter = Interval.seconds(10)
  /// Every so many frames the viewers learn the capture time of one: several times a second, for the page's latency display.
  private static let framesBetweenClockMessages: UInt64 = 8
  /// Camera and microphone stay awake for this long after the last viewer: one that reloads the page finds them running.
  private static let wakefulness = Interval.seconds(3)
  /// Memory is given back so long after a viewer came, or after the devices fell asleep: connecting is over by then, and so is the
  /// devices' waking up or letting go.
  private static let settlingTime = Interval.seconds(2)

  let settings: Settings
  let devices: Devices
  private let mailbox: Mailbox<NetMessage>
  private let sockets: Sockets
  private let poller: Poller
  private let notification: ServiceNotification
  private var batch: DatagramBatch
  private var router = SessionRouter()
  private(set) var viewers: [ViewerID: Viewer] = [:]
  private var byNumber: [ObjectIdentifier: Viewer] = [:]
  private var broadcast = Broadcast()
  private var rpc = RPCDispatcher()
  private var pendingAnswers = PendingAnswers()
  private(set) var counters = AgentCounters()
  private(set) var videoSource: VideoSource?
  private(set) var audioSource: AudioSource?
  private var isVideoActive = false
  private var isAudioActive = false
  private var isTelemetryActive = false
  /// When what nobody watches any more goes to sleep.
  private var sleepDue: Instant?
  private var nextWatchdog: Instant?
  /// When memory is given back; nil once that is done.
  private var settlesAt: Instant?
  private var isStopping = false
  private var messages: [NetMessage] = []
  let started = Clock.now()

  /// Called on the thread that starts the loop; nothing of it is used there afterwards.
  init(
    _ settings: Settings, mailbox: Mailbox<NetMessage>, sockets: Sockets, devices: Devices,
    notification: ServiceNotification
  ) throws(SystemError) {
    self.settings = settings
    self.mailbox = mailbox
    self.sockets = sockets
    self.devices = devices
    self.notification = notification
    poller = try Poller()
    batch = DatagramBatch { sockets.send(&$0) }
    try poller.add(mailbox.descriptor, token: 0)
    try sockets.register(with: poller)
    addControlMethods(to: rpc)
  }

  // MARK: The loop

  func run() {
    nextWatchdog = notification.watchdogInterval.map { Clock.now() + $0 }
    settlesAt = Clock.now() + Self.settlingTime
    while !isStopping {
      var ready: (mailbox: Bool, v4: Bool, v6: Bool) = (false, false, false)
      do {
        try poller.wait(until: deadline) { token in
          switch token {
          case UInt64(IPAddress.Family.v4.rawValue): ready.v4 = true
          case UInt64(IPAddress.Family.v6.rawValue): ready.v6 = true
          default: ready.mailbox = true
          }
        }
      } catch {
        Log.error("The network loop ends: \(error)")
        return
      }
      let now = Clock.now()
      let wall = Clock.wall()
      if ready.mailbox { handleMessages(now: now, wall: wall) }
      if ready.v4 { receive(.v4, now: now, wall: wall) }
      if ready.v6 { receive(.v6, now: now, wall: wall) }
      handleTimeouts(now: now, wall: wall)
      sockets.send(&batch)
    }
  }

  private var deadline: Instant? {
    var earliest = nextWatchdog
    func consider(_ due: Instant?) {
      if let due, earliest.map({ due < $0 }) ?? true { earliest = due }
    }
    for viewer in viewers.values { consider(viewer.session.deadline) }
    consider(broadcast.deadline)
    consider(sleepDue)
    consider(settlesAt)
    return earliest
  }

  private func handleTimeouts(now: Instant, wall: WallClock) {
    for viewer in viewers.values {
      guard let due = viewer.session.deadline, due <= now else { continue }
      viewer.session.handleTimeout(now: now, wall: wall, into: &batch)
      pollEvents(of: viewer, now: now, wall: wall)
    }
    if broadcast.pollKeyframeRequest(now: now) { devices.video?.requestKeyframe() }
    if let due = sleepDue, due <= now { sleep() }
    if let due = settlesAt, due <= now {
      settlesAt = nil
      Memory.giveBack()
    }
    if let due = nextWatchdog, due <= now, let interval = notification.watchdogInterval {
      notification.watchdog()
      nextWatchdog = now + interval
    }
  }

  private func receive(_ family: IPAddress.Family, now: Instant, wall: WallClock) {
    sockets.receive(family) { datagram, path in
      let bytes = UnsafeRawBufferPointer(datagram).bytes
      guard let session = router.session(for: bytes, on: path), let viewer = byNumber[ObjectIdentifier(session)] else {
        counters.datagramsForNobody &+= 1
        return
      }
      if session.handle(datagram, on: path, now: now, wall: wall, into: &batch) { router.learn(path, of: session) }
      pollEvents(of: viewer, now: now, wall: wall)
    }
  }

  // MARK: Messages of other threads

  private func handleMessages(now: Instant, wall: WallClock) {
    mailbox.drain(into: &messages)
    for message in messages { handle(message, now: now, wall: wall) }
    messages.removeAll(keepingCapacity: true)
  }

  private func handle(_ message: NetMessage, now: Instant, wall: WallClock) {
    switch message {
    case .createViewer(let id, let offer, let client, let reply):
      reply.send(createViewer(id, offer: offer, client: client, now: now))
    case .updateViewer(let id, let fragment, let precondition, let reply):
      reply.send(updateViewer(id, fragment: fragment, precondition, now: now))
    case .removeViewer(let id, let reply):
      guard let viewer = viewers[id] else { return reply.fail(.noSuchViewer) }
      viewer.session.close(now: now, wall: wall, into: &batch)
      pollEvents(of: viewer, now: now, wall: wall)
      reply.succeed(())
    case .statistics(let reply):
      reply.succeed(statistics(now: now).description)
    case .video(let frame):
      send(frame, now: now, wall: wall)
    case .audio(let frame):
      for viewer in viewers.values { viewer.session.send(frame, now: now, wall: wall, into: &batch) }
    case .videoEvent(let event):
      handle(event)
    case .audioEvent(let event):
      handle(event)
    case .samples(let samples, let at):
      sendTelemetry(samples, at: at, now: now)
    case .answer(let number, let result):
      pendingAnswers.take(number)?(result)
    case .stop:
      stop(now: now, wall: wall)
    }
  }

  private func send(_ frame: PacketisedVideoFrame, now: Instant, wall: WallClock) {
    counters.framesBroadcast &+= 1
    broadcast.send(frame, to: viewers.values.lazy.map(\.session), now: now, wall: wall, into: &batch)
    if counters.framesBroadcast % Self.framesBetweenClockMessages == 0 { sendCaptureTime(of: frame, now: now) }
  }

  private func handle(_ event: VideoEvent) {
    switch event {
    case .started(let source):
      // To wake up is worth no line.
      if source != videoSource { Log.info("Pictures come from \(source.words).") }
      videoSource = source
      devices.audio?.set(usesTestTone: source.isSynthetic)
    case .slept:
      broadcast.reset()
    case .lost(let error):
      videoSource = nil
      Log.warning("\(error.description); it is used again when it is back.")
    case .unavailable(let error):
      Log.warning("\(error.description)")
    case .encoderFailed(let error):
      Log.error("\(error.description)")
    }
  }

  private func handle(_ event: AudioEvent) {
    switch event {
    case .started(let source):
      if source != audioSource { Log.info("Sound comes from \(source.words).") }
      audioSource = source
    case .slept:
      break
    case .silent:
      Log.info("There is no sound: no microphone was found. It is used when one is plugged in.")
      audioSource = nil
    case .lost(let error):
      audioSource = nil
      Log.warning("\(error.description); it is used again when it is back.")
    case .unavailable(let error):
      Log.warning("\(error.description)")
    case .encoderFailed(let error):
      Log.error("\(error.description)")
    }
  }

  private func stop(now: Instant, wall: WallClock) {
    for viewer in viewers.values { viewer.session.close(now: now, wall: wall, into: &batch) }
    sockets.send(&batch)
    isStopping = true
  }

  // MARK: Viewers

  private func createViewer(
    _ id: ViewerID, offer: String, client: SocketAddress, now: Instant
  ) -> Result<ViewerAnswer, SignalingError> {
    guard viewers.count < settings.maximumViewers else {
      counters.viewersTurnedAway &+= 1
      return .failure(.tooManyViewers(limit: settings.maximumViewers, retryAfter: Self.retryAfter))
    }
    let settings = SessionSettings(
      identity: settings.identity, localAddresses: localAddresses, video: settings.hasVideo ? .sendonly : nil,
      audio: settings.hasAudio ? .sendonly : nil, cname: settings.cname)
    do {
      let session = try Session(
        answering: offer, settings, random: SystemRandomNumberGenerator(), now: now)
      counters.viewersCreated &+= 1
      var random = SystemRandomNumberGenerator()
      let viewer = Viewer(
        id: id, number: counters.viewersCreated, client: client, session: session, created: now,
        entityTag: String(random.next(), radix: 36))
      viewers[id] = viewer
      settlesAt = now + Self.settlingTime
      byNumber[ObjectIdentifier(session)] = viewer
      router.add(session)
      updateActivity(now: now)
      Log.debug("Viewer \(viewer.number) of \(client) is connecting.")
      return .success(ViewerAnswer(sdp: session.localDescription, entityTag: viewer.entityTag))
    } catch {
      switch error {
      case .malformed, .tooMuch: return .failure(.malformed("\(error)"))
      case .unacceptable: return .failure(.unacceptable("\(error)"))
      }
    }
  }

  /// The addresses that viewers are offered, read anew for each: interfaces come and go.
  private var localAddresses: [SocketAddress] {
    let allowed = InterfaceAddress.all().filter { address in
      (settings.interfaces.isEmpty || settings.interfaces.contains(address.interface))
        && (settings.allowsIPv6 || address.address.family == .v4)
        // Means nothing without the interface, which SDP cannot name.
        && !(address.address.family == .v6 && address.address.isLinkLocal)
    }
    // RFC 8445 §5.1.1.1 wants no loopback addresses; on a machine without any other they let its own browser in.
    let real = allowed.filter { !$0.isLoopback }
    let addresses = settings.announcedAddresses + (real.isEmpty ? allowed : real).map(\.address)
    return addresses.map { SocketAddress($0, port: sockets.port) }
  }

  private func updateViewer(
    _ id: ViewerID, fragment: String, _ precondition: Precondition, now: Instant
  ) -> Result<ViewerUpdate, SignalingError> {
    guard let viewer = viewers[id] else { return .failure(.noSuchViewer) }
    do {
      let fragment = try TrickleFragment(parsing: fragment)
      guard precondition.matches(viewer.entityTag) else { return .failure(.preconditionFailed) }
      return viewer.session.handle(fragment, now: now) ? .success(.accepted) : .failure(.restartUnsupported)
    } catch {
      return .failure(.malformed("\(error)"))
    }
  }

  private func remove(_ viewer: Viewer, _ reason: SessionClosure, now: Instant) {
    viewers[viewer.id] = nil
    byNumber[ObjectIdentifier(viewer.session)] = nil
    router.remove(viewer.session)
    if viewer.connected == nil { counters.viewersNeverConnected &+= 1 }
    Log.info("Viewer \(viewer.number) is gone: \(reason).")
    updateActivity(now: now)
    settlesAt = now + (viewers.isEmpty ? Self.wakefulness + Self.settlingTime : Self.settlingTime)
  }

  /// Wakes what somebody watches, and sees to it that what nobody does goes to sleep.
  private func updateActivity(now: Instant) {
    let video = viewers.values.contains { $0.session.sends.video }
    let audio = viewers.values.contains { $0.session.sends.audio }
    let telemetry = viewers.values.contains { $0.telemetry != nil }
    if video && !isVideoActive { devices.video?.setActive(true) }
    if audio && !isAudioActive { devices.audio?.setActive(true) }
    if telemetry != isTelemetryActive { devices.sensors.setActive(telemetry) }
    let isIdle = isVideoActive && !video || isAudioActive && !audio
    (isVideoActive, isAudioActive, isTelemetryActive) = (isVideoActive || video, isAudioActive || audio, telemetry)
    sleepDue = isIdle ? sleepDue ?? now + Self.wakefulness : nil
  }

  private func sleep() {
    sleepDue = nil
    if isVideoActive, !viewers.values.contains(where: { $0.session.sends.video }) {
      isVideoActive = false
      devices.video?.setActive(false)
    }
    if isAudioActive, !viewers.values.contains(where: { $0.session.sends.audio }) {
      isAudioActive = false
      devices.audio?.setActive(false)
    }
  }

  private func pollEvents(of viewer: Viewer, now: Instant, wall: WallClock) {
    while let event = viewer.session.pollEvent() {
      switch event {
      case .connected(let path):
        viewer.connected = now
        let took = (now - viewer.created).milliseconds
        Log.info("Viewer \(viewer.number) is connected after \(took) ms; \(viewers.count) in all.")
        Log.debug("Viewer \(viewer.number): \(path.local) to \(path.remote).")
        broadcast.startPicture(for: viewer.session, now: now, wall: wall, into: &batch)
      case .keyframeRequested:
        broadcast.requestKeyframe(now: now)
      case .channelOpened(let info):
        open(info, of: viewer, now: now)
      case .message(let channel, let kind, let bytes):
        handle(bytes, kind, on: channel, of: viewer, now: now)
      case .channelClosed(let channel):
        if viewer.telemetry == channel { viewer.telemetry = nil }
        if viewer.control == channel { viewer.control = nil }
        if viewer.echo == channel { viewer.echo = nil }
        updateActivity(now: now)
      case .bufferedAmountLow:
        break
      case .closed(let reason):
        remove(viewer, reason, now: now)
      }
    }
  }

  // MARK: Channels

  private func open(_ info: ChannelInfo, of viewer: Viewer, now: Instant) {
    switch info.label {
    case "telemetry": viewer.telemetry = info.id
    case "control": viewer.control = info.id
    case "echo": viewer.echo = info.id
    default: break  // other software's channel: it may be open, nothing answers
    }
    updateActivity(now: now)
  }

  private func handle(_ message: [UInt8], _ kind: MessageKind, on channel: ChannelID, of viewer: Viewer, now: Instant) {
    if channel == viewer.control {
      rpc.handle(message) { [weak self, weak viewer] answer in
        guard let self, let viewer else { return }
        send(answer, as: .text, on: viewer.control, of: viewer, now: Clock.now())
      }
    } else if channel == viewer.telemetry {
      if let answer = TelemetryMessage.answer(to: message, now: now) {
        send(answer, as: .text, on: channel, of: viewer, now: now)
      }
    } else if channel == viewer.echo {
      send(message, as: kind, on: channel, of: viewer, now: now)
    }
  }

  /// Sends a message. A viewer that does not take its messages in time loses them, and is told so by a closed channel.
  private func send(_ message: [UInt8], as kind: MessageKind, on channel: ChannelID?, of viewer: Viewer, now: Instant) {
    guard let channel else { return }
    do {
      try viewer.session.send(message, as: kind, on: channel, now: now, into: &batch)
    } catch DataChannelError.bufferFull where channel != viewer.telemetry {
      Log.info("Viewer \(viewer.number) does not take its messages: its channel is closed.")
      viewer.session.closeChannel(channel, now: now, into: &batch)
    } catch {
      counters.messagesDropped &+= 1
    }
  }

  private func sendCaptureTime(of frame: PacketisedVideoFrame, now: Instant) {
    for viewer in viewers.values {
      guard viewer.telemetry != nil, let offset = viewer.session.videoTimestampOffset else { continue }
      let message = TelemetryMessage.captureTime(timestamp: frame.timestamp &+ offset, captured: frame.captured)
      send(message, as: .text, on: viewer.telemetry, of: viewer, now: now)
    }
  }

  private func sendTelemetry(_ samples: [Sample], at: WallClock, now: Instant) {
    let common = samples + devices.samples() + [Sample("viewers", Double(viewers.count), .count)]
    for viewer in viewers.values where viewer.telemetry != nil {
      let own = viewer.session.statistics().samples
      let message = TelemetryMessage.pack(common + own, base: devices.senmlName, at: at)
      send(message, as: .text, on: viewer.telemetry, of: viewer, now: now)
    }
  }

  // MARK: For the control methods

  /// Where a device on another thread sends its answer to a request; the completion gets it on this one. Call it last, after all that
  /// can refuse the request.
  func answer(
    to completion: @escaping RPCDispatcher.Completion
  ) throws(RPCError) -> @Sendable (Result<JSONValue, RPCError>) -> Void {
    let number = try pendingAnswers.keep(completion)
    return { [mailbox] result in mailbox.post(.answer(number, result)) }
  }

  var datagramsRefused: UInt64 { sockets.refused }

  func requestKeyframe() {
    broadcast.requestKeyframe(now: Clock.now())
  }
}

/// Counts since the start, for statistics.
struct AgentCounters {
  var viewersCreated = 0
  var viewersNeverConnected: UInt64 = 0
  var viewersTurnedAway: UInt64 = 0
  var framesBroadcast: UInt64 = 0
  var messagesDropped: UInt64 = 0
  /// Datagrams on the media port that belong to no viewer: late ones, and other people's.
  var datagramsForNobody: UInt64 = 0
}
