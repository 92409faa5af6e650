import CSRTP

/// Why libsrtp2 refused to make a session: out of memory, or a library that fails its own tests.
package struct SRTPError: Error, Equatable, Sendable {
  /// `srtp_err_status_t`.
  package let status: UInt32
}

/// What all sessions share.
package enum SRTP {
  /// Starts libsrtp2, which loads NSS and has it test itself: 23 ms of CPU time, for which the first viewer would wait otherwise.
  /// To be called from any thread; does nothing when it has been done.
  package static func start() {
    _ = SRTPSession.start  // what went wrong is told to each session
  }
}

/// Encrypts and authenticates the RTP and RTCP of one session, all its SSRCs (RFC 3711).
///
/// Used from one thread. Packets of one SSRC are to be protected about in the order of their sequence numbers; the same packet may
/// be protected again for a plain retransmission and comes out the same.
package struct SRTPSender: ~Copyable {
  /// The most that protecting adds: a tag of 10 bytes, and for RTCP an index of 4 (RFC 3711 §3.4).
  package static let maximumOverhead = 14

  private let session: SRTPSession

  /// - Parameter keys: protects with ``SRTPKeys/local``.
  package init(_ keys: SRTPKeys) throws(SRTPError) {
    session = try SRTPSession(keys.local, profile: keys.profile, direction: ssrc_any_outbound)
  }

  /// Protects an RTP packet in place.
  ///
  /// - Parameters:
  ///   - buffer: the packet, and ``maximumOverhead`` bytes behind it.
  ///   - length: of the packet; grows by the tag.
  /// - Returns: false when it is no RTP packet, does not fit, or its sequence number lies too far back.
  package mutating func protectRTP(_ buffer: UnsafeMutableRawBufferPointer, length: inout Int) -> Bool {
    guard length <= buffer.count &- Self.maximumOverhead else { return false }
    return session.transform(buffer, &length, with: srtp_protect) == srtp_err_status_ok
  }

  /// Protects an RTCP packet, simple or compound, in place; as ``protectRTP(_:length:)``.
  package mutating func protectRTCP(_ buffer: UnsafeMutableRawBufferPointer, length: inout Int) -> Bool {
    guard length <= buffer.count &- Self.maximumOverhead else { return false }
    return session.transform(buffer, &length, with: srtp_protect_rtcp) == srtp_err_status_ok
  }
}

/// Checks and decrypts the RTP and RTCP of one session, all its SSRCs (RFC 3711). Used from one thread.
package struct SRTPReceiver: ~Copyable {
  /// libsrtp2 keeps state for each SSRC that it has seen authenticated, for ever. A browser uses two per media stream.
  package static let maximumSSRCs = 64

  private let session: SRTPSession
  private var seen: [UInt32] = []
  /// How many packets were refused: replayed, altered, malformed, or of too many SSRCs.
  package private(set) var refused = 0

  /// - Parameter keys: checks with ``SRTPKeys/remote``.
  package init(_ keys: SRTPKeys) throws(SRTPError) {
    session = try SRTPSession(keys.remote, profile: keys.profile, direction: ssrc_any_inbound)
  }

  /// Checks and decrypts an SRTP packet in place.
  ///
  /// - Parameters:
  ///   - buffer: the packet.
  ///   - length: of the packet; shrinks by the tag.
  /// - Returns: false when the packet is to be dropped; its bytes then mean nothing.
  package mutating func unprotectRTP(_ buffer: UnsafeMutableRawBufferPointer, length: inout Int) -> Bool {
    unprotect(buffer, &length, ssrcOffset: 8, with: srtp_unprotect)
  }

  /// Checks and decrypts an SRTCP packet in place; as ``unprotectRTP(_:length:)``.
  package mutating func unprotectRTCP(_ buffer: UnsafeMutableRawBufferPointer, length: inout Int) -> Bool {
    unprotect(buffer, &length, ssrcOffset: 4, with: srtp_unprotect_rtcp)
  }

  private mutating func unprotect(
    _ buffer: UnsafeMutableRawBufferPointer, _ length: inout Int, ssrcOffset: Int,
    with function: SRTPSession.Transform
  ) -> Bool {
    guard length <= buffer.count, length >= ssrcOffset &+ 4 else {
      refused &+= 1
      return false
    }
    let ssrc = buffer.loadUnaligned(fromByteOffset: ssrcOffset, as: UInt32.self)
    let isNew = !seen.contains(ssrc)
    guard !isNew || seen.count < Self.maximumSSRCs,
      session.transform(buffer, &length, with: function) == srtp_err_status_ok
    else {
      refused &+= 1
      return false
    }
    if isNew { seen.append(ssrc) }
    return true
  }
}

/// Owns a session of libsrtp2 for one direction.
private struct SRTPSession: ~Copyable {
  typealias Transform = (srtp_t?, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int32>?) -> srtp_err_status_t

  /// In packets: a second of a 10 Mbit/s stream, so that what Wi-Fi delays is not taken for a replay.
  private static let replayWindow: UInt = 1024

  private let session: srtp_t

  init(_ master: SRTPKeys.Master, profile: SRTPKeys.Profile, direction: srtp_ssrc_type_t) throws(SRTPError) {
    // A lazy global is initialised once, whichever thread comes first.
    guard Self.start == srtp_err_status_ok else { throw SRTPError(status: Self.start.rawValue) }
    var policy = srtp_policy_t()
    switch profile {
    case .aes128HMACSHA1Tag80: srtp_crypto_policy_set_rtp_default(&policy.rtp)
    case .aes128HMACSHA1Tag32: srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy.rtp)
    }
    srtp_crypto_policy_set_rtcp_default(&policy.rtcp)  // RFC 5764 §4.1.2: 80 bits in both profiles
    policy.ssrc.type = direction
    policy.window_size = Self.replayWindow
    policy.allow_repeat_tx = 1
    var key = master.key + master.salt
    var session: srtp_t?
    let status = key.withUnsafeMutableBufferPointer { key in
      policy.key = key.baseAddress
      return srtp_create(&session, &policy)
    }
    guard status == srtp_err_status_ok, let session else { throw SRTPError(status: status.rawValue) }
    self.session = session
  }

  deinit {
    srtp_dealloc(session)
  }

  func transform(
    _ buffer: UnsafeMutableRawBufferPointer, _ length: inout Int, with function: Transform
  ) -> srtp_err_status_t {
    guard var count = Int32(exactly: length), count > 0 else { return srtp_err_status_bad_param }
    let status = function(session, buffer.baseAddress, &count)
    if status == srtp_err_status_ok { length = Int(count) }
    return status
  }

  fileprivate static let start = perch_srtp_start()
}
