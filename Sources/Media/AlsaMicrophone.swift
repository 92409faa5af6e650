internal import CALSA
internal import Glibc
internal import LinuxIO
internal import Wire

/// A microphone that captures 48 kHz, 16 bit, through ALSA. Used by one thread.
///
/// Call `wait`, then `read` until it returns nil. When anything throws, the microphone is of no more use.
struct AlsaMicrophone: ~Copyable {
  let name: String
  let channels: Int
  private let pcm: OpaquePointer
  /// Overruns: sound that was lost because nobody read it in time.
  private(set) var overruns: UInt64 = 0

  /// A period as long as a packet: one wake-up for each, with the whole packet there.
  private static let period = OpusEncoder.samplesPerPacket
  /// What a busy machine may be late before sound is lost.
  private static let buffer = 6 * period

  /// - Parameters:
  ///   - name: an ALSA PCM: `plughw:CARD=Device,DEV=0`, `default`.
  ///   - channels: 1 or 2; a device that has the other number only is taken as it is.
  /// - Throws: ``MediaError``.
  init(_ name: String, channels: Int) throws(MediaError) {
    perch_alsa_silence()
    var parameters = perch_pcm_parameters(
      channels: UInt32(channels), rate: UInt32(OpusEncoder.sampleRate), period: UInt(Self.period),
      buffer: UInt(Self.buffer))
    var pcm: OpaquePointer?
    let status = perch_pcm_open(&pcm, name, &parameters)
    guard status == 0, let pcm else { throw Self.error("open", name, -status) }
    guard parameters.channels == 1 || parameters.channels == 2 else {
      snd_pcm_close(pcm)
      throw .noFittingMode(name, nearest: "\(parameters.channels) channels")
    }
    self.pcm = pcm
    self.name = name
    self.channels = Int(parameters.channels)
  }

  deinit {
    snd_pcm_close(pcm)
  }

  /// Waits for sound, for `descriptor` to become readable, or for the deadline.
  ///
  /// - Returns: whether there may be sound.
  func wait(or descriptor: Int32, until deadline: Instant) -> Bool {
    perch_pcm_wait(pcm, descriptor, max(0, (deadline - Clock.now()).nanoseconds)) & 1 != 0
  }

  /// What `read` has found.
  enum Reading {
    /// So many samples per channel, the first of them captured then.
    case samples(Int, captured: Instant)
    /// Sound was lost before what comes next.
    case overrun
    /// Nothing is there now.
    case nothing
  }

  /// Reads what is there, at most what fits.
  ///
  /// - Parameter target: interleaved samples.
  mutating func read(into target: UnsafeMutableBufferPointer<Int16>) throws(MediaError) -> Reading {
    var position = perch_pcm_position()
    var status = Int(perch_pcm_locate(pcm, &position))
    var captured = Instant(nanoseconds: 0)
    if status == 0 {
      guard position.available > 0 else { return .nothing }
      captured = Self.captureTime(position)
      status = Int(snd_pcm_readi(pcm, target.baseAddress, UInt(target.count / channels)))
      if status >= 0 { return status == 0 ? .nothing : .samples(status, captured: captured) }
    }
    switch Int32(-status) {
    case EAGAIN:
      return .nothing
    case EPIPE, ESTRPIPE:
      let recovered = perch_pcm_recover(pcm, Int32(status))
      guard recovered >= 0 else { throw Self.error("restart", name, -recovered) }
      overruns += 1
      return .overrun
    case let code:
      throw Self.error("read", name, code)
    }
  }

  /// When the first of the waiting samples was captured: the device's stamp belongs to the last one.
  private static func captureTime(_ position: perch_pcm_position) -> Instant {
    let now = Clock.now()
    let stamp = Instant(nanoseconds: position.nanoseconds)
    let age = now - stamp
    let last = age >= .zero && age < .seconds(1) ? stamp : now
    return last - .nanoseconds(Int64(position.available) * 1_000_000_000 / Int64(OpusEncoder.sampleRate))
  }

  private static func error(_ what: String, _ name: String, _ code: Int32) -> MediaError {
    switch code {
    case ENOENT, ENXIO: .deviceNotFound(name)
    case ENODEV, EIO, ESHUTDOWN, EBADFD: what == "open" ? .deviceNotFound(name) : .deviceLost(name)
    case EBUSY: .deviceBusy(name, holder: Microphones.holder(of: name))
    case EACCES, EPERM: .accessDenied(name)
    case EINVAL where what == "open": .noFittingMode(name, nearest: nil)
    default: .system("\(what) \(name)", code: code)
    }
  }
}
