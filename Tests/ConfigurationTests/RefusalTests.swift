import Configuration
import Testing

/// What is wrong is refused where it stands, with what would be right.
@Suite struct RefusalTests {
  @Test(arguments: [
    ("htpp: {}", "x:1:1: unknown key “htpp”: did you mean “http”?"),
    ("http:\n  prot: 80", "x:2:3: http: unknown key “prot”: did you mean “port”?"),
    ("http: {allowed-origins: []}", "x:1:8: http: unknown key “allowed-origins”: did you mean “allowed_origins”?"),
    ("Video: {}", "x:1:1: unknown key “Video”: did you mean “video”?"),
    ("bitrate_kbps: 5", "x:1:1: unknown key “bitrate_kbps”: did you mean “video.bitrate_kbps”?"),
    ("log: {xyzzy: 1}", "x:1:7: log: unknown key “xyzzy”: expected one of level"),
    ("camera: {width: {idael: 5}}", "x:1:18: camera.width: unknown key “idael”: did you mean “ideal”?"),
    ("http: {port: eighty}", "x:1:14: http.port: expected a whole number from 0 to 65535, found “eighty”"),
    ("http: {port: \"80\"}", "x:1:14: http.port: expected a whole number from 0 to 65535, found the text “80”"),
    ("http: {port: 65536}", "x:1:14: http.port: expected a whole number from 0 to 65535, found “65536”"),
    ("http: {port: 1.5}", "x:1:14: http.port: expected a whole number from 0 to 65535, found “1.5”"),
    ("http: {port: }", "x:1:14: http.port: expected a whole number from 0 to 65535, found nothing"),
    ("http: {port: [80]}", "x:1:14: http.port: expected a whole number from 0 to 65535, found a list"),
    ("http: 80", "x:1:7: http: expected a map of settings, found “80”"),
    ("- a", "x:1:1: the file: expected a map of settings, found a list"),
    ("http: {listen: localhost}", "expected an IP address such as 192.0.2.7 or 2001:db8::7, found “localhost”"),
    (
      "http: {allowed_origins: example.org}", "http.allowed_origins: expected a list ([] for none), found “example.org”"
    ),
    ("http: {allowed_origins: [example.org]}", "x:1:26: http.allowed_origins: expected \"*\" or an origin such as"),
    ("webrtc: {ipv6: yes}", "x:1:16: webrtc.ipv6: expected true or false, found “yes”"),
    ("webrtc: {interfaces: [a/b]}", "expected the name of a network interface, such as eth0, found “a/b”"),
    ("camera: {width: {min: 5000, max: 20}}", "x:1:17: camera.width: expected min, ideal and max in rising order"),
    ("camera: {width: {min: 5}}", "camera.width.min: expected a whole number from 16 to 8192, found “5”"),
    ("camera: {width: [5]}", "expected a whole number from 16 to 8192, or a map of min, ideal and max, found a list"),
    ("camera: {frame_rate: 1e2}", "camera.frame_rate: expected a number from 1 to 240, found “1e2”"),
    ("camera: {frame_rate: nan}", "camera.frame_rate: expected a number from 1 to 240, found “nan”"),
    ("camera: {format: yuvy}", "expected one of auto, yuyv, nv12, i420, mjpeg, found “yuvy”: did you mean “yuyv”?"),
    ("device: {name: }", "device.name: expected text (\"\" for none), found nothing"),
    ("device: {name: \"a\\nb\"}", "device.name: the text contains control characters"),
    (
      "state: {directory: perch}",
      "state.directory: expected an absolute path, or \"\" for the usual place, found “perch”"
    ),
    ("log: {level: waring}", "found “waring”: did you mean “warning”?"),
    ("log: {level: info}\nlog: {level: debug}", "x:2:1: the key “log” is there already, in line 1"),
    ("a: &x 1\nb: *x", "x:1:4: anchors (&name) are not supported: write the value out"),
    ("b: *x", "aliases (*name) are not supported: write the value out"),
    ("log: !!map {}", "tags (!name) are not supported: write the value out"),
    ("log: {}\n---\nlog: {}", "a second document: a configuration is one"),
    ("? [a]\n: b", "x:1:3: a key must be a word, this is a list"),
    ("log: {", "x:2:1: not YAML: did not find expected node content"),
    ("log:\n\tlevel: info", "x:2:1: not YAML: found character that cannot start any token"),
  ]) func saysWhereAndWhat(text: String, message: String) {
    do throws(ConfigurationErrors) {
      _ = try Configuration(yaml: Array(text.utf8), file: "x")
      Issue.record("accepted")
    } catch {
      #expect(error.description.contains(message), "\(error)")
    }
  }

  @Test func saysAllThatIsWrongInItsOrder() {
    let text = """
      http:
        port: x
        prot: 1
      camera: 5
      http: {}
      log: {level: loud}
      """
    do throws(ConfigurationErrors) {
      _ = try Configuration(yaml: Array(text.utf8), file: "perch.yaml")
      Issue.record("accepted")
    } catch {
      #expect(
        error.description == """
          perch.yaml:2:9: http.port: expected a whole number from 0 to 65535, found “x”
          perch.yaml:3:3: http: unknown key “prot”: did you mean “port”?
          perch.yaml:4:9: camera: expected a map of settings, found “5”
          perch.yaml:5:1: the key “http” is there already, in line 1
          perch.yaml:6:14: log.level: expected one of error, warning, notice, info, debug, found “loud”
          """)
    }
  }

  @Test func bombsAreRefused() {
    refuses(String(repeating: "[", count: 100_000), "nested deeper than 16 levels")
    refuses(String(repeating: "a: {", count: 100), "nested deeper than 16 levels")
    refuses(String(repeating: "- a\n", count: 30_000), "more than 20000 values")
    refuses(String(repeating: "#", count: 1024 * 1024 + 1), "x:1:1: the file is larger than 1 MiB")
    let layers = (1...9).map {
      "a\($0): &a\($0) [\(Array(repeating: "*a\($0 - 1)", count: 9).joined(separator: ","))]\n"
    }
    refuses("a0: &a0 lol\n" + layers.joined(), "aliases (*name) are not supported")
    refuses((0..<1000).map { "k\($0): 1\n" }.joined(), "unknown key “k0”")
  }

  @Test func whatIsNoTextIsRefused() {
    for bytes: [UInt8] in [[0xFF], [0xC3, 0x28], [0], Array("log: {}\n  ".utf8) + [0x80], [0xFF, 0xFE, 0x41, 0]] {
      #expect(throws: ConfigurationErrors.self) { try Configuration(yaml: bytes, file: "x") }
    }
  }

  @Test func everyTruncationIsReadOrRefused() {
    let bytes = Array(Configuration.template.utf8)
    for length in stride(from: 0, to: bytes.count, by: 3) {
      _ = try? Configuration(yaml: Array(bytes[..<length]), file: "x")
    }
  }

  @Test func flippedBitsAreReadOrRefused() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var state = seed
    let next = { () -> UInt64 in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33
    }
    let settings = Configuration.template.split(separator: "\n").filter { !$0.contains("#") }.joined(separator: "\n")
    for _ in 0..<5000 {
      var bytes = Array(settings.utf8)
      for _ in 0...(next() % 6) { bytes[Int(next()) % bytes.count] ^= 1 << UInt8(next() % 8) }
      do throws(ConfigurationErrors) {
        _ = try Configuration(yaml: bytes, file: "x")
      } catch {
        #expect(!error.errors.isEmpty && error.errors.count <= ConfigurationErrors.maximum, "seed \(seed)")
        #expect(error.errors.allSatisfy { $0.location.line >= 1 && $0.location.column >= 1 }, "seed \(seed)")
      }
    }
  }

  private func refuses(_ text: String, _ message: String, sourceLocation: SourceLocation = #_sourceLocation) {
    do throws(ConfigurationErrors) {
      _ = try Configuration(yaml: Array(text.utf8), file: "x")
      Issue.record("accepted", sourceLocation: sourceLocation)
    } catch {
      #expect(error.description.contains(message), "\(error.description.prefix(500))", sourceLocation: sourceLocation)
    }
  }
}
