import Wire

/// The header extensions that Perch knows.
package enum HeaderExtension: String, CaseIterable, Sendable {
  case mid = "urn:ietf:params:rtp-hdrext:sdes:mid"
  case rid = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
  case repairedRID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
  case transportSequenceNumber = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
  case absoluteSendTime = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
  case playoutDelay = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
  case audioLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"

  /// What `a=extmap` calls it.
  package var uri: String { rawValue }

  /// - Parameter uri: from `a=extmap`; nil for extensions that we have no use for.
  package init?(uri: String) {
    self.init(rawValue: uri)
  }
}

/// Which id each header extension has on one m-line (RFC 8285 §5); 0 where it was not negotiated. Made by the session from the SDP.
package struct ExtensionMap: Hashable, Sendable {
  package var mid: UInt8 = 0
  package var rid: UInt8 = 0
  package var repairedRID: UInt8 = 0
  package var transportSequenceNumber: UInt8 = 0
  package var absoluteSendTime: UInt8 = 0
  package var playoutDelay: UInt8 = 0
  package var audioLevel: UInt8 = 0

  package init() {}

  /// The id of one extension, 1 to 255; 0 when it was not negotiated.
  package subscript(_ kind: HeaderExtension) -> UInt8 {
    get {
      switch kind {
      case .mid: mid
      case .rid: rid
      case .repairedRID: repairedRID
      case .transportSequenceNumber: transportSequenceNumber
      case .absoluteSendTime: absoluteSendTime
      case .playoutDelay: playoutDelay
      case .audioLevel: audioLevel
      }
    }
    set {
      switch kind {
      case .mid: mid = newValue
      case .rid: rid = newValue
      case .repairedRID: repairedRID = newValue
      case .transportSequenceNumber: transportSequenceNumber = newValue
      case .absoluteSendTime: absoluteSendTime = newValue
      case .playoutDelay: playoutDelay = newValue
      case .audioLevel: audioLevel = newValue
      }
    }
  }
}

/// How the elements of an extension block are laid out (RFC 8285 §4.2, §4.3).
package enum HeaderExtensionForm: Hashable, Sendable {
  case none
  case oneByte
  case twoByte

  /// - Parameter profile: the 16 bits before the block's length. Unknown profiles are blocks that we skip.
  package init(profile: UInt16) {
    if profile == Self.oneByteProfile {
      self = .oneByte
    } else if profile & 0xFFF0 == Self.twoByteProfile {
      self = .twoByte
    } else {
      self = .none
    }
  }

  static let oneByteProfile: UInt16 = 0xBEDE
  static let twoByteProfile: UInt16 = 0x1000  // the lower four bits are the application's
}

/// The loudness of one audio packet (RFC 6464).
package struct AudioLevel: Hashable, Sendable {
  /// Decibels below full scale, 0 (loudest) to 127 (silence).
  package var decibelsBelowFullScale: UInt8
  package var isVoice: Bool

  package init(decibelsBelowFullScale: UInt8, isVoice: Bool) {
    self.decibelsBelowFullScale = min(decibelsBelowFullScale, 127)
    self.isVoice = isVoice
  }

  init(byte: UInt8) {
    decibelsBelowFullScale = byte & 0x7F
    isVoice = byte & 0x80 != 0
  }

  var byte: UInt8 { (isVoice ? 0x80 : 0) | decibelsBelowFullScale & 0x7F }
}

/// The values of the header extensions of one received packet; nil where the packet has none.
package struct HeaderExtensionValues: Equatable, Sendable {
  package var mid: String?
  package var transportSequenceNumber: UInt16?
  /// Seconds modulo 64 in 6.18 fixed point.
  package var absoluteSendTime: UInt32?
  /// In steps of 10 ms.
  package var playoutDelay: PlayoutDelay?
  package var audioLevel: AudioLevel?

  /// Bounds for the receiver's buffering, each in steps of 10 ms, 12 bits.
  package struct PlayoutDelay: Hashable, Sendable {
    package var minimum: UInt16
    package var maximum: UInt16

    package init(minimum: UInt16, maximum: UInt16) {
      self.minimum = minimum
      self.maximum = maximum
    }
  }

  /// RFC 9143 §15.1 wants identifiers of at most three bytes; this much is read.
  package static let maximumMIDLength = 32

  /// Reads the elements that `map` has ids for. An element that lies about its length ends the reading, one with an odd length for
  /// its kind is skipped: extensions are hints, and a packet whose hints are broken is still a packet.
  package init(_ packet: borrowing RTPPacket, map: ExtensionMap) {
    var reader = ByteReader(packet.extensionBlock)
    switch packet.extensionForm {
    case .none:
      break
    case .oneByte:
      while let first = try? reader.readUInt8() {
        let id = first &>> 4
        if first == 0 { continue }  // padding
        if id == 0 || id == 15 { break }  // RFC 8285 §4.2: stop here
        guard let value = try? reader.read(Int(first & 0x0F) &+ 1) else { break }
        set(id, value, map)
      }
    case .twoByte:
      while let id = try? reader.readUInt8() {
        if id == 0 { continue }
        guard let length = try? reader.readUInt8(), let value = try? reader.read(Int(length)) else { break }
        set(id, value, map)
      }
    }
  }

  package init() {}

  private mutating func set(_ id: UInt8, _ value: RawSpan, _ map: ExtensionMap) {
    var reader = ByteReader(value)
    switch (id, value.byteCount) {
    case (map.transportSequenceNumber, 2):
      transportSequenceNumber = try? reader.readUInt16()
    case (map.absoluteSendTime, 3):
      absoluteSendTime = try? reader.readUInt24()
    case (map.playoutDelay, 3):
      if let both = try? reader.readUInt24() {
        playoutDelay = PlayoutDelay(
          minimum: UInt16(truncatingIfNeeded: both &>> 12), maximum: UInt16(truncatingIfNeeded: both & 0xFFF))
      }
    case (map.audioLevel, 1):
      audioLevel = (try? reader.readUInt8()).map(AudioLevel.init(byte:))
    case (map.mid, 1...Self.maximumMIDLength):
      mid = String(validating: value.copied(), as: UTF8.self)
    default:
      break  // not ours, or not of its kind's length
    }
  }
}

/// The extension block of one outgoing stream, laid out once: every packet copies it and fills in what changes from packet to
/// packet. All packets of a stream therefore have a block of the same size, which UDP segmentation needs.
struct HeaderExtensionTemplate {
  private var bytes: [UInt8] = []
  /// Where the elements begin in the block (their id); 0 where not negotiated, since the block begins with its profile.
  private var absoluteSendTime = 0
  private var transportSequenceNumber = 0
  private var audioLevel = 0
  private let form: HeaderExtensionForm

  /// - Parameters:
  ///   - map: the ids that the peer knows.
  ///   - mid: the identification tag of the m-line; the element is left out when it is empty or too long for the form.
  ///   - isAudio: audio packets carry a level, video packets the playout delay.
  init(map: ExtensionMap, mid: String, isAudio: Bool) {
    let midBytes = Array(mid.utf8)
    let playoutDelay = isAudio ? 0 : map.playoutDelay
    let level = isAudio ? map.audioLevel : 0
    let ids = [map.mid, playoutDelay, map.absoluteSendTime, map.transportSequenceNumber, level]
    guard ids.contains(where: { $0 != 0 }) else {
      form = .none
      return
    }
    // One form for the whole stream: mixing needs `a=extmap-allow-mixed` (RFC 8285 §4.1.2), which nothing here gains from.
    form = ids.allSatisfy { $0 < 15 } ? .oneByte : .twoByte
    let profile = form == .oneByte ? HeaderExtensionForm.oneByteProfile : HeaderExtensionForm.twoByteProfile
    bytes = [UInt8(profile >> 8), UInt8(profile & 255), 0, 0]
    if map.mid != 0, (1...16).contains(midBytes.count) {
      append(map.mid, midBytes)
    }
    if playoutDelay != 0 {
      append(playoutDelay, [0, 0, 0])  // show every frame as soon as it is decoded
    }
    if map.absoluteSendTime != 0 {
      absoluteSendTime = append(map.absoluteSendTime, [0, 0, 0])
    }
    if map.transportSequenceNumber != 0 {
      transportSequenceNumber = append(map.transportSequenceNumber, [0, 0])
    }
    if level != 0 {
      audioLevel = append(level, [0])
    }
    while bytes.count % 4 != 0 { bytes.append(0) }
    bytes[3] = UInt8(truncatingIfNeeded: bytes.count / 4 - 1)  // at most five elements of 18 bytes: one byte is enough
  }

  /// How many bytes ``write(transportSequence:audioLevel:now:into:)`` writes.
  var byteCount: Int { bytes.count }

  /// Writes the block. An element that has no value this time leaves padding behind.
  func write(transportSequence: UInt16?, audioLevel level: AudioLevel?, now: Instant, into writer: inout ByteWriter) {
    guard form != .none else { return }
    let start = writer.count
    let value = form == .oneByte ? 1 : 2  // from an element's start to its value
    writer.write(bytes)
    if absoluteSendTime != 0 {
      let time = Self.absoluteSendTime(at: now)
      writer.patch(UInt16(truncatingIfNeeded: time &>> 8), at: start &+ absoluteSendTime &+ value)
      writer.patch(UInt8(truncatingIfNeeded: time), at: start &+ absoluteSendTime &+ value &+ 2)
    }
    if transportSequenceNumber != 0 {
      if let transportSequence {
        writer.patch(transportSequence, at: start &+ transportSequenceNumber &+ value)
      } else {
        for index in 0..<value { writer.patch(UInt8(0), at: start &+ transportSequenceNumber &+ index) }
      }
    }
    if audioLevel != 0 {
      if let level {
        writer.patch(level.byte, at: start &+ audioLevel &+ value)
      } else {
        for index in 0..<value { writer.patch(UInt8(0), at: start &+ audioLevel &+ index) }
      }
    }
  }

  /// Seconds modulo 64 in 6.18 fixed point: 24 bits.
  static func absoluteSendTime(at now: Instant) -> UInt32 {
    let (seconds, rest) = now.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    return UInt32(truncatingIfNeeded: seconds &<< 18 &+ (rest &<< 18) / 1_000_000_000) & 0xFF_FFFF
  }

  @discardableResult
  private mutating func append(_ id: UInt8, _ value: [UInt8]) -> Int {
    let start = bytes.count
    if form == .oneByte {
      bytes.append(id << 4 | UInt8(value.count - 1))
    } else {
      bytes += [id, UInt8(value.count)]
    }
    bytes += value
    return start
  }
}
