import CMbedTLS
import Wire

/// The handshake of a ``DTLSEngine``: owns mbedTLS for as long as it takes, a few round trips, and is then let go with all its
/// memory.
///
/// mbedTLS gets records one by one, none with application data, so that nothing is left in its buffers at the end.
final class Handshake {
  enum Progress {
    case waiting
    case connected(RecordLayer, SRTPKeys?)
    /// Connected, but to somebody whom we do not want; the records are good for telling.
    case refused(RecordLayer, DTLSFailure)
    case closed
    case failed(DTLSFailure)
  }

  /// RFC 6347 §4.2.4.1 says 1 s: a viewer would see every lost datagram as a second of black. A round trip that takes longer than
  /// this costs a flight sent twice. Doubled for each further loss.
  static let firstTimeout: UInt32 = 150  // ms
  static let maximumTimeout: UInt32 = 3_000  // ms
  /// ICE has found a path by then, or the user has given up.
  static let maximumDuration = Interval.seconds(30)
  /// As for SCTP (RFC 8831 §5): fits every path that carries our media.
  static let maximumDatagram: UInt16 = 1_200
  /// A flight is at most some kilobytes.
  private static let maximumOutgoing = 64 * 1024

  /// Set before each call.
  var now: Instant
  /// Datagrams on their way out, to be taken after each call.
  var outgoing = PacketQueue(maximumBytes: maximumOutgoing)

  private let role: DTLSEngine.Role
  private let announced: [Fingerprint]
  private let random: RandomSource
  private let end: Instant
  private var dtls: OpaquePointer?
  private var timer: (intermediate: Instant, final: Instant)?
  private var sent = SentRecords()
  private var clientHello = ClientHelloAssembly()
  private var acceptedCertificate = false
  private var refusal: DTLSFailure?
  /// The last fatal alert that came, which mbedTLS does not tell.
  private var alert: UInt8?

  init(
    role: DTLSEngine.Role, identity: Identity, announced: [Fingerprint], asksForCookie: Bool,
    random: any RandomNumberGenerator, now: Instant
  ) throws(DTLSFailure) {
    self.role = role
    self.announced = announced
    self.random = RandomSource(random)
    self.now = now
    end = now + Self.maximumDuration
    var error: Int32 = 0
    dtls = perch_dtls_create(
      role == .server, asksForCookie, identity.key, identity.key.count, identity.certificate,
      identity.certificate.count,
      Self.maximumDatagram, Self.firstTimeout, callbacks, &error)
    if dtls == nil { throw .handshake(error) }
  }

  deinit {
    perch_dtls_destroy(dtls)
  }

  /// When ``handleTimeout()`` is due.
  var deadline: Instant {
    timer.map { min($0.final, end) } ?? end
  }

  /// Sends a client's first flight.
  func start() -> Progress {
    step(nil)
  }

  func handleTimeout() -> Progress {
    now >= end ? .failed(.timedOut) : step(nil)
  }

  /// Takes a record; `record` is the header and the body.
  func handle(_ header: RecordHeader, body: RawSpan, record: RawSpan) -> Progress {
    guard header.epoch <= 1 else { return .waiting }  // there is no third
    if header.epoch == 0, header.type == .handshake, role == .server, ClientHelloAssembly.concerns(body) {
      guard let whole = clientHello.add(body, of: header, now: now) else { return .waiting }
      return whole.withUnsafeBytes { step($0) }
    }
    if header.epoch == 0, header.type == .alert {
      var reader = ByteReader(body)
      if let alert = try? Alert(parsing: &reader), alert.isFatal { self.alert = alert.description }
    }
    return record.withUnsafeBytes { step($0) }
  }

  private func step(_ record: UnsafeRawBufferPointer?) -> Progress {
    var error: Int32 = 0
    let bytes = record?.baseAddress?.assumingMemoryBound(to: UInt8.self)
    switch perch_dtls_step(dtls, bytes, record?.count ?? 0, &error) {
    case PERCH_DTLS_WAITING: return .waiting
    case PERCH_DTLS_CONNECTED: return connected()
    case PERCH_DTLS_CLOSED: return .closed
    default: return .failed(refusal ?? failure(error))
    }
  }

  private func failure(_ error: Int32) -> DTLSFailure {
    if error == perch_dtls_error_fatal_alert(), let alert { return .alert(alert) }
    return .handshake(error)
  }

  private func connected() -> Progress {
    var secrets = perch_dtls_secrets()
    let error = perch_dtls_export(dtls, &secrets)
    defer { perch_dtls_wipe(&secrets) }
    guard error == 0, let records = RecordLayer(secrets, isClient: role == .client, after: sent) else {
      return .failed(.handshake(error))
    }
    // A client that shows no certificate gets through mbedTLS, but not through here.
    guard acceptedCertificate else { return .refused(records, .noCertificate) }
    return .connected(records, srtpKeys(secrets))
  }

  /// RFC 5764 §4.2.
  private func srtpKeys(_ secrets: borrowing perch_dtls_secrets) -> SRTPKeys? {
    guard let profile = SRTPKeys.Profile(rawValue: secrets.srtp_profile) else { return nil }
    let material = withUnsafeBytes(of: secrets.keying_material) { Array($0) }
    let client = SRTPKeys.Master(key: Array(material[0..<16]), salt: Array(material[32..<46]))
    let server = SRTPKeys.Master(key: Array(material[16..<32]), salt: Array(material[46..<60]))
    switch role {
    case .client: return SRTPKeys(profile: profile, local: client, remote: server)
    case .server: return SRTPKeys(profile: profile, local: server, remote: client)
    }
  }
}

// MARK: - What mbedTLS asks for

extension Handshake {
  private var callbacks: perch_dtls_callbacks {
    perch_dtls_callbacks(
      context: Unmanaged.passUnretained(self).toOpaque(),
      random: { context, bytes, count in
        Handshake.at(context).map { RandomSource.fill($0.random.context, bytes, count) } ?? -1
      },
      send: { context, bytes, count in
        Handshake.at(context)?.send(UnsafeRawBufferPointer(start: bytes, count: count))
      },
      set_timer: { context, intermediate, final in
        Handshake.at(context)?.setTimer(intermediate, final)
      },
      timer_state: { context in
        Handshake.at(context)?.timerState ?? -1
      },
      verify: { context, bytes, count in
        Handshake.at(context)?.verify(UnsafeRawBufferPointer(start: bytes, count: count)) ?? false
      })
  }

  /// mbedTLS calls back only from within our own calls, so the object lives.
  private static func at(_ context: UnsafeMutableRawPointer?) -> Handshake? {
    context.map { Unmanaged<Handshake>.fromOpaque($0).takeUnretainedValue() }
  }

  private func send(_ datagram: UnsafeRawBufferPointer) {
    sent.note(datagram.bytes)
    if refusal == nil {
      outgoing.append(datagram)
    } else {
      // RFC 8122 §6.2 wants bad_certificate, mbedTLS says access_denied.
      let alert = Array(datagram.dropLast()) + [Alert.badCertificate]
      alert.withUnsafeBytes { _ = outgoing.append($0) }
    }
  }

  private func setTimer(_ intermediate: UInt32, _ final: UInt32) {
    guard final > 0 else { return timer = nil }
    timer = (
      now + .milliseconds(Int64(intermediate)), now + .milliseconds(Int64(min(final, Self.maximumTimeout)))
    )
  }

  private var timerState: Int32 {
    guard let timer else { return -1 }
    return now >= timer.final ? 2 : now >= timer.intermediate ? 1 : 0
  }

  private func verify(_ certificate: UnsafeRawBufferPointer) -> Bool {
    if Fingerprint.accept(certificate, announced: announced) {
      acceptedCertificate = true
    } else if let presented = Fingerprint(of: certificate, by: .sha256) {
      acceptedCertificate = false
      refusal = .fingerprintMismatch(presented: presented)
    } else {
      acceptedCertificate = false
    }
    return acceptedCertificate
  }
}
