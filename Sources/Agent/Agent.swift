internal import Configuration
internal import Glibc
internal import LinuxIO
internal import Media
internal import Secure
internal import Signaling
internal import Wire

/// The whole daemon: makes the threads out of the configuration, waits for a signal, and ends them in order.
struct Agent {
  private let configuration: Configuration
  private let deviceName: String

  /// Messages that may wait for the `net` thread: seconds of frames and whatever else comes; past it the thread has hung.
  private static let mailboxCapacity = 1024

  init(_ configuration: Configuration) {
    self.configuration = configuration
    let name = configuration.device.name
    deviceName = name.isEmpty ? Self.hostName() : name
  }

  /// Runs until SIGTERM or SIGINT.
  ///
  /// - Throws: what kept it from starting, with a description that says what to do.
  func run() throws {
    let signals = try Signals()  // before the first thread
    let notification = ServiceNotification()
    let mailbox = try Mailbox<NetMessage>(capacity: Self.mailboxCapacity)
    let sockets = try Sockets(port: configuration.webrtc.udpPort, allowsIPv6: configuration.webrtc.ipv6)
    let identity = try IdentityStore.load(folder: stateFolder)
    let devices = try Devices(
      video: videoConfiguration, audio: audioConfiguration,
      telemetryInterval: .milliseconds(Int64(configuration.telemetry.intervalMilliseconds)), deviceName: deviceName,
      mailbox: mailbox)
    let loop = try NetLoop(
      netSettings(identity), mailbox: mailbox, sockets: sockets, devices: devices, notification: notification)
    let net = try Thread(named: "net", owning: loop) { $0.run() }
    let server = HTTPServer(configuration: httpConfiguration, service: NetMailboxService(mailbox))
    do {
      try server.start()
      announce(server, udpPort: sockets.port, notification)
      SRTP.start()
      try waitForTheEnd(signals)
    } catch {
      end(server, net, devices, mailbox)
      throw error
    }
    notification.stopping()
    end(server, net, devices, mailbox)
  }

  private func waitForTheEnd(_ signals: borrowing Signals) throws {
    let poller = try Poller()
    try poller.add(signals.raw, token: 0)
    while true {
      try poller.wait(until: nil) { _ in }
      while let signal = signals.next() {
        switch signal {
        case .terminate, .interrupt:
          Log.notice("Ending, as asked by a signal.")
          return
        case .reload:
          Log.notice("A running agent cannot take a new configuration yet: restart it.")
        }
      }
    }
  }

  /// Viewers are told first, then nobody new comes in, then the devices are released.
  private func end(_ server: HTTPServer, _ net: Thread, _ devices: Devices, _ mailbox: Mailbox<NetMessage>) {
    mailbox.post(.stop)
    net.join()
    server.stop()
    devices.stop()
  }

  private func announce(_ server: HTTPServer, udpPort: UInt16, _ notification: ServiceNotification) {
    let addresses = server.addresses.flatMap(Self.reachable).map { "http://\($0)/" }.joined(separator: " ")
    Log.notice("Perch \(Version.current) is ready. Open \(addresses)")
    Log.info("Media goes over UDP port \(udpPort).")
    if !configuration.http.listen.isLoopback {
      Log.warning(
        "HTTP listens on \(configuration.http.listen): whoever reaches that address can watch, listen and control. "
          + "There are no accounts yet; set http.listen to 127.0.0.1 or put a proxy with a password in front.")
    }
    notification.ready(status: "Ready at \(addresses)")
  }

  /// What a person can type: for a server on all addresses (0.0.0.0), each of them.
  private static func reachable(_ address: SocketAddress) -> [SocketAddress] {
    guard address.address.isUnspecified else { return [address] }
    let all = InterfaceAddress.all().filter { $0.address.family == address.address.family && !$0.address.isLinkLocal }
    return all.filter { !$0.isLoopback }.map { SocketAddress($0.address, port: address.port) }
  }

  // MARK: From the configuration to each part's own settings

  private func netSettings(_ identity: Identity) -> NetLoop.Settings {
    var random = SystemRandomNumberGenerator()
    return NetLoop.Settings(
      identity: identity, cname: String(random.next(), radix: 36), deviceName: deviceName,
      maximumViewers: configuration.http.maximumViewers, allowsIPv6: configuration.webrtc.ipv6,
      interfaces: configuration.webrtc.interfaces, announcedAddresses: configuration.webrtc.announce,
      allowsControl: configuration.control.allow, hasVideo: configuration.camera.device != .off,
      hasAudio: configuration.microphone.device != .off)
  }

  private var httpConfiguration: HTTPConfiguration {
    let http = configuration.http
    var result = HTTPConfiguration(listen: [SocketAddress(http.listen, port: http.port)])
    result.allowedOrigins = http.allowedOrigins
    result.offerInterval = .seconds(60) / Int64(max(1, http.offersPerMinute))
    result.hostNames = [Self.hostName().lowercased()]
    return result
  }

  private var videoConfiguration: VideoConfiguration? {
    guard let source = SourceSelection(configuration.camera.device) else { return nil }
    let camera = configuration.camera
    return VideoConfiguration(
      source: source,
      constraints: CaptureConstraints(
        width: .init(camera.width), height: .init(camera.height), frameRate: .init(camera.frameRate),
        format: PixelFormat(camera.format)),
      bitrate: configuration.video.bitrateKbps * 1000, speed: configuration.video.speed,
      threads: configuration.video.threads,
      longestKeyframeInterval: configuration.video.maximumKeyframeIntervalSeconds > 0
        ? .seconds(Int64(configuration.video.maximumKeyframeIntervalSeconds)) : nil)
  }

  /// Whether a missing microphone may be replaced by the tone: not beside a real picture. What a camera that comes later changes
  /// about it, the loop tells the microphone's thread.
  private var isPictureSynthetic: Bool {
    switch configuration.camera.device {
    case .auto: Cameras.list().isEmpty
    case .test, .off: true
    case .named: false
    }
  }

  private var audioConfiguration: AudioConfiguration? {
    guard let source = SourceSelection(configuration.microphone.device) else { return nil }
    let audio = configuration.audio
    return AudioConfiguration(
      source: source, usesTestTone: source == .automatic && isPictureSynthetic,
      opus: OpusSettings(
        channels: audio.channels, bitrate: audio.bitrateKbps * 1000, expectedLoss: audio.expectedLossPercent))
  }

  private var stateFolder: String {
    let configured = configuration.state.directory
    if !configured.isEmpty { return configured }
    // systemd may name several, separated by colons; the first is ours.
    if let folder = Self.environment("STATE_DIRECTORY")?.split(separator: ":").first { return String(folder) }
    if let folder = Self.environment("XDG_STATE_HOME") { return folder + "/perch" }
    return (Self.environment("HOME") ?? "/var/lib") + "/.local/state/perch"
  }

  private static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }

  private static func hostName() -> String {
    var name = [CChar](repeating: 0, count: 65)  // HOST_NAME_MAX and a zero
    guard gethostname(&name, name.count - 1) == 0 else { return "perch" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

extension SourceSelection {
  /// nil for no device at all.
  init?(_ device: CaptureDevice) {
    switch device {
    case .auto: self = .automatic
    case .test: self = .test
    case .off: return nil
    case .named(let name): self = .device(name)
    }
  }
}

extension PixelFormat {
  /// nil for whichever fits.
  init?(_ format: CameraFormat) {
    switch format {
    case .auto: return nil
    case .yuyv: self = .yuyv
    case .nv12: self = .nv12
    case .i420: self = .i420
    case .mjpeg: self = .mjpeg
    }
  }
}

extension CaptureConstraints.Range {
  init(_ constraint: Constraint<Int>) {
    self.init(
      minimum: constraint.minimum.map { Double($0) }, ideal: constraint.ideal.map { Double($0) },
      maximum: constraint.maximum.map { Double($0) })
  }

  init(_ constraint: Constraint<Double>) {
    self.init(minimum: constraint.minimum, ideal: constraint.ideal, maximum: constraint.maximum)
  }
}
