import CUsrsctp
import Glibc
import Wire

/// usrsctp, of which a process has one: its settings, its notion of time, and the table by which its callbacks find the
/// association that they are meant for.
///
/// usrsctp runs without its timer thread. (It does start one thread, "SCTP iterator", for changes of addresses: ours never change,
/// so that it sleeps for good.) All associations of a process must be used on one thread (asserted in debug builds);
/// another thread may take over once the last of them is gone.
///
/// Its clock is `now:` alone: its timers are run up to it, and what it asks gettimeofday() while it is called is answered with it
/// (see perch_sctp_set_time). It seeds its random numbers from the system.
final class SCTPStack {
  /// Safe because all use is on one thread: see above.
  nonisolated(unsafe) static let shared = SCTPStack()

  /// RFC 9260 §6.2 says 200 ms at most. Browsers' senders grow their window by acknowledgements: sooner is faster.
  static let acknowledgementDelay = Interval.milliseconds(20)

  /// Where messages are read into before they become somebody's: one for all, since it is used between two calls only. One byte
  /// more than the largest message, so that a larger one shows.
  let receiveBuffer = UnsafeMutableRawBufferPointer.allocate(
    byteCount: DataChannelLimits.maximumMessageSize + 1, alignment: 16)

  /// By slot, from 1. A slot number is the "address" that usrsctp knows an association by: never a pointer, so that nothing that
  /// usrsctp still holds of an association that is gone can lead into freed memory.
  private var associations: [Unmanaged<SCTPAssociation>?] = []
  /// Slots to use again, the longest unused first: usrsctp may hold on to the remains of a closed socket for a while. They stay
  /// registered with usrsctp for good: taking one back would be work for its other thread, which is better left asleep.
  private var freeSlots: [Int] = []
  private var living = 0
  private var thread = pthread_self()
  /// The time up to which usrsctp's timers have run, in whole milliseconds after its start.
  private(set) var timersRanUntil = Instant(nanoseconds: 0)
  /// The time of the call that is being made.
  private(set) var now = Instant(nanoseconds: 0)

  /// Far more than one board can feed.
  private static let maximumSlots = 4096
  /// A longer jump of the clock (a suspended machine) tells usrsctp's timers no more than this does.
  private static let longestStep = Interval.seconds(3600)
  /// Added to `now` for usrsctp, to which the time 0 means that there is none.
  private static let epoch = Interval.seconds(1_000_000)

  private init() {
    perch_sctp_start { address, packet, length, _, _ in
      SCTPStack.shared.output(slot: Int(bitPattern: address), packet: packet, length: length)
    }
    // Checksums are written in output(), and not checked on the way in, where DTLS has vouched for every bit.
    usrsctp_enable_crc32c_offload()
    // RFC 8831 §5: partial reliability and stream reconfiguration, and nothing else that would widen what a peer can reach.
    usrsctp_sysctl_set_sctp_pr_enable(1)
    usrsctp_sysctl_set_sctp_reconfig_enable(1)
    usrsctp_sysctl_set_sctp_ecn_enable(0)
    usrsctp_sysctl_set_sctp_asconf_enable(0)
    usrsctp_sysctl_set_sctp_auto_asconf(0)
    usrsctp_sysctl_set_sctp_auth_enable(0)
    usrsctp_sysctl_set_sctp_nrsack_enable(0)
    usrsctp_sysctl_set_sctp_pktdrop_enable(0)
    // No answer to packets of no association.
    usrsctp_sysctl_set_sctp_blackhole(2)

    // Windows: memory is used only as data waits. 1 MiB keeps 100 Mbit/s busy over 80 ms.
    usrsctp_sysctl_set_sctp_sendspace(1 << 20)
    usrsctp_sysctl_set_sctp_recvspace(1 << 20)
    // A queued chunk holds a buffer of up to 2 KiB whatever its size: what a peer can make us hold stays near 5 MiB (estimated).
    usrsctp_sysctl_set_sctp_max_chunks_on_queue(2048)
    usrsctp_sysctl_set_sctp_initial_cwnd(10)  // RFC 6928's figure, as browsers and libdatachannel have it
    usrsctp_sysctl_set_sctp_max_burst_default(10)
    usrsctp_sysctl_set_sctp_delayed_sack_time_default(UInt32(Self.acknowledgementDelay.milliseconds))

    // RFC 9260 §16 has 1 s, 1 s and 60 s. These are for control by hand: a lost command is repeated after 200 ms, and a path that
    // comes back after an outage is noticed within 3 s. 20 tries at that pace are 55 s, longer than ICE holds on to a dead path
    // (RFC 7675: 30 s), so that ICE decides when a peer is gone.
    usrsctp_sysctl_set_sctp_rto_min_default(200)
    usrsctp_sysctl_set_sctp_rto_initial_default(500)
    usrsctp_sysctl_set_sctp_rto_max_default(3000)
    usrsctp_sysctl_set_sctp_init_rto_max_default(3000)
    usrsctp_sysctl_set_sctp_init_rtx_max_default(20)
    usrsctp_sysctl_set_sctp_assoc_rtx_max_default(20)
    usrsctp_sysctl_set_sctp_path_rtx_max_default(20)
  }

  /// Gives an association its slot. Fails only when thousands live at once.
  func register(_ association: SCTPAssociation, now: Instant) -> Int? {
    if living == 0 {
      thread = pthread_self()
      timersRanUntil = now
    }
    assertThread()
    self.now = now
    let slot: Int
    if let free = freeSlots.first, freeSlots.count > 8 || associations.count == Self.maximumSlots {
      freeSlots.removeFirst()
      slot = free
    } else {
      guard associations.count < Self.maximumSlots else { return nil }
      associations.append(nil)
      slot = associations.count
      call { usrsctp_register_address(UnsafeMutableRawPointer(bitPattern: slot)) }
    }
    associations[slot - 1] = .passUnretained(association)
    living += 1
    return slot
  }

  /// No callback reaches the association from here on.
  func unregister(slot: Int) {
    assertThread()
    associations[slot - 1] = nil
    freeSlots.append(slot)
    living -= 1
  }

  /// The association in a slot, if it still lives.
  func association(in slot: Int) -> SCTPAssociation? {
    guard slot > 0, slot <= associations.count else { return nil }
    return associations[slot - 1]?.takeUnretainedValue()
  }

  /// Brings usrsctp's clock up to `now` and runs its timers, those of all associations. Called before anything else is asked of
  /// usrsctp: timers that are started count from the last time that this was called.
  func advance(to now: Instant) {
    assertThread()
    self.now = now
    let elapsed = now - timersRanUntil
    guard elapsed >= .milliseconds(1) else {
      if elapsed < .zero { timersRanUntil = now }
      return
    }
    let step = min(elapsed, Self.longestStep)
    timersRanUntil = elapsed > Self.longestStep ? now : timersRanUntil + .milliseconds(step.milliseconds)
    call { usrsctp_handle_timers(UInt32(truncatingIfNeeded: step.milliseconds)) }
  }

  /// Calls usrsctp, in its idea of time. All calls go through this.
  func call<Result>(_ body: () -> Result) -> Result {
    perch_sctp_set_time((now.nanoseconds &+ Self.epoch.nanoseconds) / 1000)
    defer { perch_sctp_set_time(0) }
    return body()
  }

  private func output(slot: Int, packet: UnsafeMutableRawPointer?, length: Int) -> Int32 {
    guard let packet, let association = association(in: slot) else { return 0 }
    perch_sctp_write_checksum(packet, length)
    return association.sendPacket(UnsafeRawBufferPointer(start: packet, count: length)) ? 0 : ENOBUFS
  }

  func assertThread() {
    assert(living == 0 || pthread_equal(thread, pthread_self()) != 0, "usrsctp is used on one thread")
  }
}
