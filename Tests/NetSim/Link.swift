package import Wire

/// What one direction of a link does to datagrams. The default is perfect: no delay, no loss, no limit.
package struct LinkConditions: Sendable {
  /// One way.
  package var delay: Interval
  /// Up to this much more, evenly spread, in order.
  package var jitter: Interval
  /// The chance that a datagram is lost, each by itself.
  package var loss: Double
  /// Losses that come together.
  package var bursts: BurstLoss?
  /// The chance that a datagram arrives twice.
  package var duplication: Double
  /// The chance that a datagram is held back by ``reorderingDelay``, so that later ones overtake it.
  package var reordering: Double
  package var reorderingDelay: Interval
  /// Bits a second, IP and UDP headers included; nil for no limit.
  package var rate: Int?
  /// Bytes that wait for a link with a rate, at most; what comes then is dropped.
  package var queue: Int
  /// The largest IP packet; larger ones vanish without notice, as where ICMP is filtered.
  package var mtu: Int

  package init(
    delay: Interval = .zero, jitter: Interval = .zero, loss: Double = 0, bursts: BurstLoss? = nil,
    duplication: Double = 0, reordering: Double = 0, reorderingDelay: Interval = .milliseconds(10),
    rate: Int? = nil, queue: Int = 64 * 1024, mtu: Int = 1500
  ) {
    self.delay = delay
    self.jitter = jitter
    self.loss = loss
    self.bursts = bursts
    self.duplication = duplication
    self.reordering = reordering
    self.reorderingDelay = reorderingDelay
    self.rate = rate
    self.queue = queue
    self.mtu = mtu
  }

  /// Carries nothing.
  package static let down = LinkConditions(loss: 1)
}

/// The model of Gilbert and Elliott: a link is good or bad and changes with each datagram by chance.
package struct BurstLoss: Sendable {
  /// The chance to turn bad, per datagram. The mean length of a good run is its inverse.
  package var goodToBad: Double
  /// The chance to turn good again. The mean length of a burst is its inverse.
  package var badToGood: Double
  package var lossWhenGood: Double
  package var lossWhenBad: Double

  package init(goodToBad: Double, badToGood: Double, lossWhenGood: Double = 0, lossWhenBad: Double = 1) {
    self.goodToBad = goodToBad
    self.badToGood = badToGood
    self.lossWhenGood = lossWhenGood
    self.lossWhenBad = lossWhenBad
  }
}

/// One direction of a host's link at work.
struct Link: Sendable {
  var conditions: LinkConditions
  private var isBad = false
  private var busyUntil = Instant(nanoseconds: .min)
  private var lastArrival = Instant(nanoseconds: .min)

  init(_ conditions: LinkConditions) {
    self.conditions = conditions
  }

  /// When a datagram of `size` bytes that enters now comes out: never, once or twice.
  mutating func carry(
    _ size: Int, now: Instant, using generator: inout SeededGenerator, counting counts: inout SimulatedNetwork.Counts
  ) -> [Instant] {
    guard size <= conditions.mtu else {
      counts.tooLarge += 1
      return []
    }
    var departure = now
    if let rate = conditions.rate {
      let start = max(now, busyUntil)
      let waiting = (start - now).inSeconds * Double(rate) / 8
      guard Int(waiting) + size <= conditions.queue else {
        counts.overflowed += 1
        return []
      }
      departure = start + .nanoseconds(Int64(size) * 8 * 1_000_000_000 / Int64(rate))
      busyUntil = departure
    }
    guard !loses(using: &generator) else {
      counts.lost += 1
      return []
    }
    var arrivals = [arrival(departure, using: &generator)]
    if generator.chance(conditions.duplication) {
      counts.duplicated += 1
      arrivals.append(arrival(departure, using: &generator))
    }
    return arrivals
  }

  private mutating func loses(using generator: inout SeededGenerator) -> Bool {
    var chance = conditions.loss
    if let bursts = conditions.bursts {
      if generator.chance(isBad ? bursts.badToGood : bursts.goodToBad) { isBad.toggle() }
      chance = max(chance, isBad ? bursts.lossWhenBad : bursts.lossWhenGood)
    }
    return generator.chance(chance)
  }

  private mutating func arrival(_ departure: Instant, using generator: inout SeededGenerator) -> Instant {
    var time = departure + conditions.delay
    if conditions.jitter > .zero {
      time = time + .nanoseconds(.random(in: 0...conditions.jitter.nanoseconds, using: &generator))
    }
    if generator.chance(conditions.reordering) { return time + conditions.reorderingDelay }
    time = max(time, lastArrival)
    lastArrival = time
    return time
  }
}

/// Random numbers that a seed repeats (SplitMix64, by Steele, Lea and Flood). For tests: anyone can predict it.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) {
    state = seed
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  /// True with this probability. Draws nothing for 0, so that a link's switched-off troubles leave the others' numbers
  /// alone.
  package mutating func chance(_ probability: Double) -> Bool {
    probability > 0 && Double.random(in: 0..<1, using: &self) < probability
  }
}
