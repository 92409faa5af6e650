import JSON
import NetSim
import Testing

@Suite struct JSONParsingTests {
  @Test func readsEveryType() throws {
    let text = #"{"z":null,"a":[true,false,-1,1.5,1e3,"x\n\u00e9\ud83d\ude00"],"m":{"k":{}},"e":[]}"#
    let value = try JSONValue(parsing: text)
    #expect(value.object?.keys == ["z", "a", "m", "e"])
    #expect(value["z"]?.isNull == true)
    #expect(value["a"]?[0]?.bool == true)
    #expect(value["a"]?[2]?.integer == -1)
    #expect(value["a"]?[2]?.double == -1)
    #expect(value["a"]?[3]?.double == 1.5)
    #expect(value["a"]?[3]?.integer == nil)
    #expect(value["a"]?[4] == 1000.0)
    #expect(value["a"]?[5]?.string == "x\né😀")
    #expect(value["a"]?[6] == nil)
    #expect(value["a"]?[-1] == nil)
    #expect(value["m"]?["k"]?["nothing"] == nil)
    #expect(value["e"]?.array?.isEmpty == true)
    #expect(value.description == #"{"z":null,"a":[true,false,-1,1.5,1000.0,"x\n"# + "é😀" + #""],"m":{"k":{}},"e":[]}"#)
  }

  @Test(arguments: ["1", "\"x\"", "true", "null", " [ ] "]) func anyValueIsADocument(text: String) throws {
    _ = try JSONValue(parsing: text)
  }

  @Test func integersHave64Bits() throws {
    #expect(try JSONValue(parsing: "[9223372036854775807,-9223372036854775808]") == [.integer(.max), .integer(.min)])
    #expect(throws: JSONError.self) { try JSONValue(parsing: "9223372036854775808") }
    #expect(throws: JSONError.self) { try JSONValue(parsing: "-9223372036854775809") }
    #expect(throws: JSONError.self) { try JSONValue(parsing: "1e999") }
  }

  @Test func nulIsACharacterOfStrings() throws {
    let value = try JSONValue(parsing: #"["a\u0000b"]"#)
    #expect(value[0]?.string == "a\0b")
    #expect(value.description == #"["a\u0000b"]"#)
    #expect(throws: JSONError.self) { try JSONValue(parsing: #"{"a\u0000b":1}"#) }
    #expect(throws: JSONError.self) { try JSONValue(parsing: Array("[1]\0".utf8)) }
  }

  @Test(arguments: [
    ("", 1, 1, "nothing there"), ("{\n \"a\": x}", 2, 7, "invalid token near 'x'"),
    ("{\"a\":1,\"a\":2}", 1, 10, "duplicate object key near '\"a\"'"), ("[1] 2", 1, 5, "end of file expected near '2'"),
    ("{\"a\":", 1, 5, "unexpected token near end of file"), ("\"\u{1}\"", 1, 1, "control character 0x1"),
  ]) func saysWhereAndWhat(text: String, line: Int, column: Int, message: String) {
    do throws(JSONError) {
      _ = try JSONValue(parsing: text)
      Issue.record("accepted")
    } catch {
      #expect(error.line == line, "\(error)")
      #expect(error.column == column, "\(error)")
      #expect(error.text.contains(message), "\(error)")
    }
  }

  @Test func depthIsBounded() throws {
    let deep = { (depth: Int) in String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
    _ = try JSONValue(parsing: deep(32))
    #expect(throws: JSONError(line: 1, column: 33, position: 32, text: "nested deeper than 32")) {
      try JSONValue(parsing: deep(33))
    }
    #expect(throws: JSONError.self) { try JSONValue(parsing: String(repeating: "{\"a\":", count: 50_000)) }
    // Brackets in strings nest nothing.
    _ = try JSONValue(parsing: "\"" + String(repeating: #"[\"{"#, count: 100) + "\"")
  }

  @Test func sizeIsBounded() throws {
    let text = "\"" + String(repeating: "x", count: 100) + "\""
    _ = try JSONValue(parsing: Array(text.utf8), maximumBytes: 102)
    #expect(throws: JSONError(line: 1, column: 1, position: 0, text: "more than 101 bytes")) {
      try JSONValue(parsing: Array(text.utf8), maximumBytes: 101)
    }
  }

  @Test func whatIsNoUTF8IsRefused() {
    #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xC3, 0x28, 0x22]) }
    #expect(throws: JSONError.self) { try JSONValue(parsing: #""\ud800""#) }
  }
}

@Suite struct JSONPrintingTests {
  @Test func literalsAreValues() {
    let value: JSONValue = ["jsonrpc": "2.0", "id": 7, "ok": true, "list": [1, 2.5, nil], "nested": ["a": "b\(1)"]]
    #expect(value.description == #"{"jsonrpc":"2.0","id":7,"ok":true,"list":[1,2.5,null],"nested":{"a":"b1"}}"#)
  }

  @Test func whatIsNoNumberIsNull() {
    #expect(JSONValue.array([.real(.nan), .real(.infinity), .real(-.infinity)]).description == "[null,null,null]")
  }

  @Test(arguments: [
    0.0, -0.0, 0.1, 1e-7, Double.leastNonzeroMagnitude, 1.7976931348623157e308, 1e16, 123456789.125, -2.5e-10,
  ])
  func realNumbersSurvive(number: Double) throws {
    #expect(try JSONValue(parsing: JSONValue.real(number).bytes) == .real(number))
  }

  @Test func controlCharactersAreEscaped() {
    #expect(JSONValue.string("\"\\\n\r\t\u{1}\u{1F}\u{7F}/").description == #""\"\\\n\r\t\u0001\u001f"# + "\u{7F}/\"")
  }

  @Test func membersCanBeChanged() {
    var object: JSONObject = ["a": 1, "b": 2]
    object["a"] = 3
    object["c"] = "new"
    object["b"] = .null
    #expect(JSONValue.object(object).description == #"{"a":3,"b":null,"c":"new"}"#)
    object["a"] = Optional<JSONValue>.none
    #expect(object["a"] == nil)
  }
}

@Suite struct JSONFuzzTests {
  private let sample = #"""
    {"jsonrpc":"2.0","method":"video.set","params":{"bitrate":1.5e3,"list":[1,-2,null,true,false,{"k":"é\u0041\n"}]},
    "id":9223372036854775807}
    """#

  @Test func everyTruncationIsReadOrRefused() {
    let bytes = Array(sample.utf8)
    for length in 0..<bytes.count {
      #expect(throws: JSONError.self, "length \(length)") { try JSONValue(parsing: Array(bytes[..<length])) }
    }
  }

  @Test func whateverIsReadIsPrintedAndReadAgain() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let alphabet = Array(#"{}[]",:\u0123456789.eE+-truefalsn /"#.utf8) + [0, 10, 0x7F, 0xC3, 0xA9, 0xFF]
    for _ in 0..<20_000 {
      var bytes = Array(sample.utf8)
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        let index = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: bytes[index] = alphabet.randomElement(using: &random) ?? 0
        default: bytes.insert(alphabet.randomElement(using: &random) ?? 0, at: index)
        }
      }
      guard let value = try? JSONValue(parsing: bytes) else { continue }
      #expect(try JSONValue(parsing: value.bytes) == value, "seed \(seed)")
    }
  }

  @Test func valuesOfAllShapesSurvive() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    for _ in 0..<2000 {
      let value = Self.value(depth: 4, using: &random)
      #expect(try JSONValue(parsing: value.bytes) == value, "seed \(seed)")
    }
  }

  private static func value(depth: Int, using random: inout SeededGenerator) -> JSONValue {
    switch Int.random(in: 0..<(depth == 0 ? 5 : 7), using: &random) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &random))
    case 2: return .integer(Int64(bitPattern: random.next()) >> Int64.random(in: 0..<64, using: &random))
    case 3:
      let real = Double(bitPattern: random.next())
      return .real(real.isFinite ? real : 1.5)
    case 4: return .string(text(using: &random))
    case 5:
      return .array((0..<Int.random(in: 0..<5, using: &random)).map { _ in value(depth: depth - 1, using: &random) })
    default:
      return .object(
        JSONObject(
          (0..<Int.random(in: 0..<5, using: &random)).map { index in
            let key = text(using: &random).filter { $0 != "\0" }
            return JSONObject.Member("\(index)\(key)", value(depth: depth - 1, using: &random))
          }))
    }
  }

  private static func text(using random: inout SeededGenerator) -> String {
    var scalars = String.UnicodeScalarView()
    for _ in 0..<Int.random(in: 0..<8, using: &random) {
      scalars.append(Unicode.Scalar(UInt32.random(in: 0..<0xD800, using: &random)) ?? "x")
    }
    return String(scalars)
  }
}
