/// One reading of one sensor: a name that stays, a unit, a value.
package struct Sample: Equatable, Sendable {
  package enum Value: Equatable, Sendable {
    case number(Double)
    case boolean(Bool)
    case text(String)
  }

  /// What is measured, as a path of the characters that SenML allows (RFC 8428 §4.5.1): `cpu/temperature`, `net/eth0/received`.
  package var name: String
  package var unit: Unit?
  package var value: Value

  package init(_ name: String, _ value: Double, _ unit: Unit?) {
    self.name = name
    self.unit = unit
    self.value = .number(value)
  }

  package init(_ name: String, text: String) {
    self.name = name
    unit = nil
    value = .text(text)
  }
}

/// Units of the SenML registry (RFC 8428 §12.1, RFC 8798), by their symbols.
package enum Unit: String, Sendable {
  case celsius = "Cel"
  case percent = "%"
  case ratio = "/"
  case second = "s"
  case millisecond = "ms"
  case byte = "B"
  case count = "count"
  case bitPerSecond = "bit/s"
  case framePerSecond = "1/s"
}

extension Sample {
  /// `text` with everything that a SenML name must not hold replaced by `_`, for names that come from the kernel.
  package static func safeName(_ text: some StringProtocol) -> String {
    let allowed = { (byte: UInt8) in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    return String(decoding: text.utf8.map { allowed($0) ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
  }
}
