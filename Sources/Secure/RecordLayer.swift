import CMbedTLS
import CCrypto
import Wire

/// The records of a connected DTLS 1.2 association (RFC 6347 §4.1, RFC 5288, RFC 7905): encrypts ours, checks and decrypts theirs.
///
/// mbedTLS does the handshake and is then let go. Its record layer spends about 8 µs on a record of 1,200 bytes, since it runs
/// GCM block by block, and holds on to 40 KB; with libcrypto's ciphers this takes a tenth of either.
final class RecordLayer {
  enum Opened: Equatable {
    /// The first so many bytes of ``RecordLayer/plaintext``.
    case applicationData(Int)
    case alert(Alert)
    /// The peer sends its last flight again, so it has not received ours (RFC 6347 §4.2.4).
    case repeatedFinished
    /// To be dropped.
    case nothing
  }

  /// Between a record's header and its end, apart from the data: an explicit nonce and a tag.
  static let maximumOverhead = explicitNonceLength + tagLength

  private static let explicitNonceLength = 8  // RFC 5288 §3
  private static let tagLength = Int(PERCH_AEAD_TAG)
  private static let sequenceLimit: UInt64 = 1 << 48
  /// A record of SCTP's over an ordinary path. Longer ones make it grow.
  private static let usualPlaintext = 2048

  /// Where records are decrypted to and encrypted in.
  private(set) var plaintext = UnsafeMutableRawBufferPointer.allocate(byteCount: usualPlaintext, alignment: 16)
  /// How many records failed authentication, repeated others, or made no sense.
  private(set) var dropped = 0

  private let sealer: Cipher
  private let opener: Cipher
  private var nextSequence: UInt64
  private var window = ReplayWindow()
  private var lastFlight: LastFlight?

  /// - Parameters:
  ///   - secrets: what the handshake agreed on.
  ///   - sent: what the handshake has sent already: sequence numbers go on from there.
  init?(_ secrets: borrowing perch_dtls_secrets, isClient: Bool, after sent: SentRecords) {
    let client = Self.directionKey(secrets.client_key, secrets.client_iv)
    let server = Self.directionKey(secrets.server_key, secrets.server_iv)
    let local = isClient ? client : server
    let remote = isClient ? server : client
    guard let sealer = Cipher(secrets.cipher, secrets.iv_length, local, seals: true),
      let opener = Cipher(secrets.cipher, secrets.iv_length, remote, seals: false)
    else { return nil }
    self.sealer = sealer
    self.opener = opener
    nextSequence = sent.nextSequence[1]
    // Only the server's flight is the last one; the client knows that its own arrived.
    if !isClient, let reader = Cipher(secrets.cipher, secrets.iv_length, local, seals: false) {
      lastFlight = LastFlight(sent, reader: reader)
    }
  }

  deinit {
    plaintext.deallocate()
  }

  /// Appends one record with these bytes; false when the sequence numbers are used up or the bytes do not fit.
  func seal(_ type: RecordHeader.ContentType, _ bytes: UnsafeRawBufferPointer, to writer: inout ByteWriter) -> Bool {
    guard nextSequence < Self.sequenceLimit else { return false }
    var header = RecordHeader(type: type, epoch: 1, sequenceNumber: nextSequence, bodyLength: bytes.count)
    let additional = header.additionalData
    let explicit = sealer.hasExplicitNonce ? Self.explicitNonceLength : 0
    header.bodyLength = explicit &+ bytes.count &+ Self.tagLength
    header.write(to: &writer)
    // RFC 5288 §3 leaves the choice; a counter never repeats.
    if explicit > 0 { writer.write(header.counter) }
    let start = writer.count
    writer.write(bytes)
    writer.transform { memory, length in
      let end = length &+ Self.tagLength
      guard end <= memory.count else { return false }
      length = end
      let body = UnsafeMutableRawBufferPointer(rebasing: memory[start..<(end &- Self.tagLength)])
      return sealer.seal(body, counter: header.counter, additional: additional)
    }
    guard !writer.overflowed else { return false }
    nextSequence &+= 1
    return true
  }

  /// Checks and decrypts a record.
  func open(_ header: RecordHeader, _ body: RawSpan) -> Opened {
    let opened = decrypt(header, body)
    if opened == .nothing { dropped &+= 1 }
    return opened
  }

  /// The last flight of the handshake once more, with new sequence numbers; false when there is none.
  func repeatLastFlight(to writer: inout ByteWriter) -> Bool {
    guard lastFlight != nil, let flight = lastFlight?.next() else { return false }
    RecordHeader(type: .changeCipherSpec, epoch: 0, sequenceNumber: flight.sequenceNumber, bodyLength: 1).write(
      to: &writer)
    writer.write(UInt8(1))
    return flight.finished.withUnsafeBytes { seal(.handshake, $0, to: &writer) }
  }

  private func decrypt(_ header: RecordHeader, _ body: RawSpan) -> Opened {
    guard header.epoch == 1, header.version == RecordHeader.dtls12, window.admits(header.sequenceNumber) else {
      return .nothing
    }
    var reader = ByteReader(body)
    var counter = header.counter
    if opener.hasExplicitNonce {
      guard let explicit = try? reader.readUInt64() else { return .nothing }
      counter = explicit
    }
    let count = reader.remaining &- Self.tagLength
    guard count >= 0 else { return .nothing }
    if count > plaintext.count { grow(to: count) }
    var plain = header
    plain.bodyLength = count
    let isAuthentic = reader.readRemaining().withUnsafeBytes {
      opener.open($0, counter: counter, additional: plain.additionalData, into: plaintext)
    }
    guard isAuthentic else { return .nothing }
    window.insert(header.sequenceNumber)
    return classify(header.type, count)
  }

  private func classify(_ type: RecordHeader.ContentType, _ count: Int) -> Opened {
    switch type {
    case .applicationData:
      return .applicationData(count)
    case .alert:
      var reader = ByteReader(UnsafeRawBufferPointer(rebasing: plaintext[..<count]).bytes)
      guard let alert = try? Alert(parsing: &reader) else { return .nothing }
      return .alert(alert)
    case .handshake:
      // Whatever else it is would be a renegotiation, which we do not do.
      return count > 0 && plaintext[0] == LastFlight.finishedType && lastFlight != nil ? .repeatedFinished : .nothing
    case .changeCipherSpec:
      return .nothing
    }
  }

  private func grow(to count: Int) {
    plaintext.deallocate()
    plaintext = .allocate(byteCount: count, alignment: 16)
  }

  private static func directionKey<Key, Nonce>(_ key: Key, _ nonce: Nonce) -> (key: [UInt8], nonce: [UInt8]) {
    (withUnsafeBytes(of: key) { Array($0) }, withUnsafeBytes(of: nonce) { Array($0) })
  }
}

/// What the handshake sent, as far as the records after it depend on it.
struct SentRecords {
  /// By epoch.
  var nextSequence: InlineArray<2, UInt64> = [0, 0]
  /// The record of our last Finished, whole.
  var finished: [UInt8] = []

  /// Reads the headers of a datagram of ours.
  mutating func note(_ datagram: RawSpan) {
    var reader = ByteReader(datagram)
    while !reader.isAtEnd {
      let start = reader.offset
      guard let header = try? RecordHeader(parsing: &reader), header.epoch <= 1,
        (try? reader.skip(header.bodyLength)) != nil
      else { return }
      let epoch = Int(header.epoch)
      nextSequence[epoch] = max(nextSequence[epoch], header.sequenceNumber &+ 1)
      if header.epoch == 1, header.type == .handshake {
        finished = datagram.extracting(start..<reader.offset).copied()
      }
    }
  }
}

/// ChangeCipherSpec and Finished of a server, kept to be sent again.
private struct LastFlight {
  static let finishedType: UInt8 = 20  // RFC 5246 §7.4
  /// A client that asks more often than it would in the half minute that its handshake lasts is not in earnest.
  private static let maximumRepetitions = 32

  private let finished: [UInt8]
  private var nextSequence: UInt64
  private var repetitions = 0

  init?(_ sent: SentRecords, reader cipher: borrowing Cipher) {
    var reader = ByteReader(sent.finished.span.bytes)
    guard var header = try? RecordHeader(parsing: &reader) else { return nil }
    var counter = header.counter
    if cipher.hasExplicitNonce {
      guard let explicit = try? reader.readUInt64() else { return nil }
      counter = explicit
    }
    let body = reader.readRemaining()
    let count = body.byteCount - Int(PERCH_AEAD_TAG)
    guard count > 0 else { return nil }
    header.bodyLength = count
    var plaintext = [UInt8](repeating: 0, count: count)
    let additional = header.additionalData
    let isAuthentic = body.withUnsafeBytes { sealed in
      plaintext.withUnsafeMutableBytes { cipher.open(sealed, counter: counter, additional: additional, into: $0) }
    }
    guard isAuthentic, plaintext.first == Self.finishedType else { return nil }
    finished = plaintext
    nextSequence = sent.nextSequence[0]
  }

  mutating func next() -> (sequenceNumber: UInt64, finished: [UInt8])? {
    guard repetitions < Self.maximumRepetitions else { return nil }
    repetitions += 1
    defer { nextSequence &+= 1 }
    return (nextSequence, finished)
  }
}

/// Owns a keyed cipher of libcrypto for one direction, and makes its nonces.
private struct Cipher: ~Copyable {
  /// Whether 8 bytes of the nonce stand in each record (RFC 5288 §3) or all of it is made of the counter (RFC 7905 §2).
  let hasExplicitNonce: Bool
  private let handle: OpaquePointer
  private var fixedNonce = InlineArray<12, UInt8>(repeating: 0)

  init?(_ cipher: perch_record_cipher, _ fixedLength: Int, _ secrets: (key: [UInt8], nonce: [UInt8]), seals: Bool) {
    let kind =
      switch cipher {
      case PERCH_AES_256_GCM: PERCH_AEAD_AES_256_GCM
      case PERCH_CHACHA20_POLY1305: PERCH_AEAD_CHACHA20_POLY1305
      default: PERCH_AEAD_AES_128_GCM
      }
    guard let handle = perch_aead_create(kind, seals, secrets.key) else { return nil }
    self.handle = handle
    hasExplicitNonce = cipher != PERCH_CHACHA20_POLY1305
    for index in 0..<min(fixedLength, secrets.nonce.count) { fixedNonce[index] = secrets.nonce[index] }
  }

  deinit {
    perch_aead_destroy(handle)
  }

  /// Encrypts in place. The tag goes behind `memory`, where its 16 bytes must be free.
  func seal(_ memory: UnsafeMutableRawBufferPointer, counter: UInt64, additional: RecordHeader.AdditionalData) -> Bool {
    withNonce(counter, additional) {
      perch_aead_seal(
        handle, $0, $1, RecordHeader.AdditionalData.count, memory.baseAddress, memory.count, memory.baseAddress)
    }
  }

  /// Decrypts `sealed`, whose last 16 bytes are the tag, to the start of `plaintext`.
  func open(
    _ sealed: UnsafeRawBufferPointer, counter: UInt64, additional: RecordHeader.AdditionalData,
    into plaintext: UnsafeMutableRawBufferPointer
  ) -> Bool {
    let count = sealed.count &- Int(PERCH_AEAD_TAG)
    guard count >= 0, count <= plaintext.count else { return false }
    return withNonce(counter, additional) {
      perch_aead_open(
        handle, $0, $1, RecordHeader.AdditionalData.count, sealed.baseAddress, count, plaintext.baseAddress)
    }
  }

  private func withNonce(
    _ counter: UInt64, _ additional: RecordHeader.AdditionalData,
    _ body: (UnsafePointer<UInt8>?, UnsafePointer<UInt8>?) -> Bool
  ) -> Bool {
    var nonce = fixedNonce
    for index in 0..<8 { nonce[4 + index] ^= UInt8(truncatingIfNeeded: counter &>> UInt64(56 - 8 * index)) }
    return withUnsafeBytes(of: &nonce) { nonce in
      withUnsafeBytes(of: additional) { additional in
        body(
          nonce.assumingMemoryBound(to: UInt8.self).baseAddress,
          additional.assumingMemoryBound(to: UInt8.self).baseAddress)
      }
    }
  }
}
