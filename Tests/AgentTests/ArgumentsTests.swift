import Agent
import Testing

@Suite struct ArgumentsTests {
  @Test(arguments: [
    (["run"], Arguments.run(configurationFile: nil)),
    (["run", "--config", "a.yaml"], .run(configurationFile: "a.yaml")),
    (["run", "--config=a.yaml"], .run(configurationFile: "a.yaml")),
    (["run", "-c", "a"], .run(configurationFile: "a")),
    (["check", "a.yaml"], .check(configurationFile: "a.yaml")), (["devices"], .devices), (["version"], .version),
    (["--version"], .version), (["help"], .help), (["-h"], .help),
  ])
  func understandsEachCommand(words: [String], meaning: Arguments) throws {
    #expect(try Arguments(words) == meaning)
  }

  @Test(arguments: [
    [], ["walk"], ["run", "--config"], ["run", "a.yaml"], ["check"], ["check", "--config"], ["devices", "now"],
    ["run", "--config", "a", "b"],
  ])
  func refusesTheRest(words: [String]) {
    #expect(throws: Arguments.UsageError.self) { try Arguments(words) }
  }
}
