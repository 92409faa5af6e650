internal import Wire

/// How many offers each address may still send: a token bucket for each, in a table of bounded size.
///
/// Making a viewer costs the agent a DTLS handshake, so one address must not be able to ask for hundreds a second.
struct OfferBudget {
  private let burst: Int
  private let interval: Interval
  private var buckets: [IPAddress: Bucket] = [:]

  /// Past this many addresses the one that has been quiet the longest is forgotten, which only ever gives it a full bucket.
  static let maximumAddresses = 256

  private struct Bucket {
    /// When the bucket is full again; each token taken moves it by one interval.
    var fullAt: Instant
  }

  /// - Parameters:
  ///   - burst: tokens in a full bucket.
  ///   - interval: for one token to come back.
  init(burst: Int, interval: Interval) {
    self.burst = burst
    self.interval = interval
  }

  /// Takes a token.
  ///
  /// - Returns: nil when there was one, or how long until there is.
  mutating func take(for client: IPAddress, now: Instant) -> Interval? {
    let address = client.network
    let start = max(buckets[address]?.fullAt ?? now, now)
    let earliest = start + interval - interval * Int64(burst)
    guard earliest <= now else { return earliest - now }
    if buckets[address] == nil, buckets.count >= Self.maximumAddresses { forgetOne(now: now) }
    buckets[address] = Bucket(fullAt: start + interval)
    return nil
  }

  private mutating func forgetOne(now: Instant) {
    let quietest = buckets.min { $0.value.fullAt < $1.value.fullAt }
    if let quietest { buckets[quietest.key] = nil }
  }
}

extension IPAddress {
  /// What one client can choose from at will: an IPv4 address, an IPv6 /64. IPv4 clients of an IPv6 socket count as IPv4.
  var network: IPAddress {
    switch family {
    case .v4: self
    case .v6 where high == 0 && low >> 32 == 0xFFFF: IPAddress(v4: UInt32(truncatingIfNeeded: low))
    case .v6 where isLoopback: self
    case .v6: IPAddress(v6High: high, low: 0)
    }
  }
}
