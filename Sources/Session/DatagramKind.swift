internal import Wire

/// What a datagram on the shared port is, by its first byte (RFC 7983 §7) and, for RTP and RTCP, the second (RFC 5761 §4).
package enum DatagramKind: Equatable, Sendable {
  case stun
  case dtls
  case rtp
  case rtcp

  /// nil for what nothing here speaks: it is dropped.
  package init?(_ datagram: RawSpan) {
    guard let first = datagram.byte(at: 0), let second = datagram.byte(at: 1) else { return nil }
    switch first {
    case 0...3: self = .stun
    case 20...63: self = .dtls
    case 128...191: self = (192...223).contains(second) ? .rtcp : .rtp
    default: return nil
    }
  }
}
