import Configuration
import Foundation
import Testing
import Wire

@Suite struct DefaultsTests {
  /// `board/perch.yaml` is made from the schema. After a change of that, `PERCH_WRITE_BOARD_FILE=1` makes this test write it.
  @Test func theBoardFileShowsAllDefaults() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../board/perch.yaml")
      .standardized
    if ProcessInfo.processInfo.environment["PERCH_WRITE_BOARD_FILE"] != nil {
      try Configuration.template.write(to: file, atomically: true, encoding: .utf8)
    }
    let text = try String(contentsOf: file, encoding: .utf8)
    #expect(text == Configuration.template)
    var configuration = Configuration.default
    let origins = try configuration.apply(yaml: Array(text.utf8), file: "perch.yaml")
    #expect(configuration == .default)
    #expect(Set(origins.keys) == Set(Configuration.settings.map(\.path)))
  }

  @Test(arguments: ["", "\n", "# nothing\n", "---\n", "http:\ncamera:\n  # width: 1280\n", "null"])
  func filesThatSayNothingChangeNothing(text: String) throws {
    #expect(try Configuration(yaml: Array(text.utf8), file: "x") == .default)
  }

  @Test func everySettingIsDocumented() {
    #expect(Configuration.settings.count == 27)
    #expect(Configuration.settings.allSatisfy { !$0.documentation.isEmpty && !$0.defaultText.isEmpty })
  }

  @Test func theDefaultsAreSafe() {
    #expect(Configuration.default.http.listen.isLoopback)
    #expect(Configuration.default.camera.width == Constraint(ideal: 640))
  }
}
