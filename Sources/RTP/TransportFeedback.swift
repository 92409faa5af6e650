package import Wire

/// Which packets of a transport-wide numbering arrived, and when (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
///
/// Only what arrived is listed, so that a few bytes that claim thousands of lost packets cost nothing.
package struct TransportFeedback: Equatable, Sendable {
  package var senderSSRC: UInt32
  package var mediaSSRC: UInt32
  /// The first sequence number reported on.
  package var baseSequenceNumber: UInt16
  /// How many sequence numbers are reported on, from the base.
  package var statusCount: UInt16
  /// On the receiver's clock in steps of 64 ms: 24 bits with sign.
  package var referenceTime: Int32
  /// Counts the feedback packets, modulo 256.
  package var feedbackCount: UInt8
  /// What arrived, in the order of sequence numbers.
  package var arrivals: [Arrival]

  /// One packet that arrived.
  package struct Arrival: Hashable, Sendable {
    package var sequenceNumber: UInt16
    /// After the reference time, in steps of 250 µs.
    package var ticks: Int32

    package init(sequenceNumber: UInt16, ticks: Int32) {
      self.sequenceNumber = sequenceNumber
      self.ticks = ticks
    }
  }

  static let format = 15
  /// The unit of ``Arrival/ticks``.
  package static let tick = Interval.microseconds(250)
  /// The unit of ``referenceTime``.
  package static let referenceUnit = Interval.milliseconds(64)
  static let ticksPerReferenceUnit: Int64 = 256

  package init(
    senderSSRC: UInt32, mediaSSRC: UInt32, baseSequenceNumber: UInt16, statusCount: UInt16, referenceTime: Int32,
    feedbackCount: UInt8, arrivals: [Arrival]
  ) {
    self.senderSSRC = senderSSRC
    self.mediaSSRC = mediaSSRC
    self.baseSequenceNumber = baseSequenceNumber
    self.statusCount = statusCount
    self.referenceTime = referenceTime
    self.feedbackCount = feedbackCount
    self.arrivals = arrivals
  }

  init(parsing reader: inout ByteReader) throws(ParseError) {
    senderSSRC = try reader.readUInt32()
    mediaSSRC = try reader.readUInt32()
    baseSequenceNumber = try reader.readUInt16()
    statusCount = try reader.readUInt16()
    referenceTime = Int32(bitPattern: try reader.readUInt24() &<< 8) &>> 8
    feedbackCount = try reader.readUInt8()
    arrivals = []

    // First pass: the symbols. An arrival's `ticks` holds its symbol until the second pass.
    var sequenceNumber = baseSequenceNumber
    var left = Int(statusCount)
    while left > 0 {
      let chunk = StatusChunk(try reader.readUInt16())
      let length = min(chunk.length, left)
      left &-= length
      if case .run(.notReceived, _) = chunk {
        sequenceNumber &+= UInt16(truncatingIfNeeded: length)  // thousands of lost packets in one step
        continue
      }
      for index in 0..<length {
        let symbol = chunk.symbol(at: index)
        switch symbol {
        case .notReceived:
          break
        case .smallDelta, .largeDelta:
          // Each takes a byte at least: more arrivals than bytes left is a lie, and this bounds the array.
          guard arrivals.count < reader.remaining else { throw .truncated }
          arrivals.append(Arrival(sequenceNumber: sequenceNumber, ticks: Int32(symbol.rawValue)))
        case .reserved:
          throw .malformed("transport feedback symbol")
        }
        sequenceNumber &+= 1
      }
    }

    // Second pass: the deltas.
    var ticks: Int32 = 0
    for index in arrivals.indices {
      if arrivals[index].ticks == Int32(StatusSymbol.smallDelta.rawValue) {
        ticks &+= Int32(try reader.readUInt8())
      } else {
        ticks &+= Int32(Int16(bitPattern: try reader.readUInt16()))
      }
      arrivals[index].ticks = ticks
    }
  }

  /// Appends the packet. Discards it when the arrivals are not within the reported range in ascending order, or further apart than
  /// 16 bits of ticks.
  package func write(into writer: inout ByteWriter) {
    guard let symbols = symbols() else { return writer.discard() }
    writer.writeRTCP(.transportFeedback, count: Self.format) { writer in
      let start = writer.count
      writer.write(senderSSRC)
      writer.write(mediaSSRC)
      writer.write(baseSequenceNumber)
      writer.write(statusCount)
      writer.writeUInt24(UInt32(bitPattern: referenceTime))
      writer.write(feedbackCount)
      var index = 0
      while index < symbols.count {
        let chunk = StatusChunk(symbols[index...])
        writer.write(chunk.word)
        index += chunk.length
      }
      var ticks: Int32 = 0
      for arrival in arrivals {
        let delta = arrival.ticks &- ticks
        ticks = arrival.ticks
        if (0...255).contains(delta) {
          writer.write(UInt8(truncatingIfNeeded: delta))
        } else {
          writer.write(UInt16(truncatingIfNeeded: delta))
        }
      }
      writer.writeZeros((4 &- (writer.count &- start) & 3) & 3)
    }
  }

  /// One symbol for each sequence number reported on; nil when the value cannot be printed.
  private func symbols() -> [StatusSymbol]? {
    var symbols = [StatusSymbol](repeating: .notReceived, count: Int(statusCount))
    var next = 0
    var ticks: Int32 = 0
    for arrival in arrivals {
      let index = Int(arrival.sequenceNumber &- baseSequenceNumber)
      let delta = arrival.ticks &- ticks
      guard index >= next, index < symbols.count, Int16(exactly: delta) != nil else { return nil }
      symbols[index] = (0...255).contains(delta) ? .smallDelta : .largeDelta
      next = index + 1
      ticks = arrival.ticks
    }
    return symbols
  }
}

/// §3.1.1.
private enum StatusSymbol: UInt8 {
  case notReceived = 0
  case smallDelta = 1  // one byte, not negative
  case largeDelta = 2  // two bytes with sign
  case reserved = 3
}

/// §3.1.3, §3.1.4: sixteen bits that give the symbols of several packets.
private enum StatusChunk {
  case run(StatusSymbol, length: Int)
  /// 14 symbols of one bit, first in the highest.
  case oneBit(UInt16)
  /// 7 symbols of two bits, first in the highest.
  case twoBits(UInt16)

  static let longestRun = 8191  // 13 bits

  init(_ word: UInt16) {
    if word & 0x8000 == 0 {
      self = .run(StatusSymbol(bits: word &>> 13), length: Int(word & 0x1FFF))
    } else if word & 0x4000 == 0 {
      self = .oneBit(word & 0x3FFF)
    } else {
      self = .twoBits(word & 0x3FFF)
    }
  }

  /// The chunk that says most about the first of `symbols`, of which there must be one at least.
  init(_ symbols: ArraySlice<StatusSymbol>) {
    let first = symbols[symbols.startIndex]
    let run = symbols.prefix(Self.longestRun).prefix { $0 == first }.count
    let window = symbols.prefix(14)
    let fitsOneBit = !window.contains(.largeDelta)
    if run >= (fitsOneBit ? 14 : 7) || run == symbols.count {
      self = .run(first, length: run)
    } else if fitsOneBit {
      self = .oneBit(window.enumerated().reduce(0) { $0 | UInt16($1.element.rawValue) &<< UInt16(13 - $1.offset) })
    } else {
      self = .twoBits(
        symbols.prefix(7).enumerated().reduce(0) { $0 | UInt16($1.element.rawValue) &<< UInt16(12 - 2 * $1.offset) })
    }
  }

  var word: UInt16 {
    switch self {
    case .run(let symbol, let length): UInt16(symbol.rawValue) &<< 13 | UInt16(truncatingIfNeeded: length)
    case .oneBit(let bits): 0x8000 | bits
    case .twoBits(let bits): 0xC000 | bits
    }
  }

  var length: Int {
    switch self {
    case .run(_, let length): length
    case .oneBit: 14
    case .twoBits: 7
    }
  }

  /// - Parameter index: below ``length``.
  func symbol(at index: Int) -> StatusSymbol {
    switch self {
    case .run(let symbol, _): symbol
    case .oneBit(let bits): StatusSymbol(bits: bits &>> UInt16(truncatingIfNeeded: 13 &- index) & 1)
    case .twoBits(let bits): StatusSymbol(bits: bits &>> UInt16(truncatingIfNeeded: 12 &- 2 &* index))
    }
  }
}

extension StatusSymbol {
  /// - Parameter bits: the lower two count.
  fileprivate init(bits: UInt16) {
    switch bits & 3 {
    case 0: self = .notReceived
    case 1: self = .smallDelta
    case 2: self = .largeDelta
    default: self = .reserved
    }
  }
}
