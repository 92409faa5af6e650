import Foundation
import LinuxIO
import Testing

@Suite struct FileTests {
  @Test func aReplacedFileHoldsTheNewBytesAndNothingIsLeftBeside() throws {
    let folder = NSTemporaryDirectory() + "perch-file-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try File.makeFolder(folder + "/a/b")
    try File.replace(folder + "/a/b/key", with: Array("one".utf8), mode: 0o600)
    try File.replace(folder + "/a/b/key", with: Array("two".utf8), mode: 0o600)
    #expect(try File.read(folder + "/a/b/key") == Array("two".utf8))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/a/b") == ["key"])
    let mode = try FileManager.default.attributesOfItem(atPath: folder + "/a/b/key")[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }

  @Test func aMissingFileIsNamed() {
    #expect(throws: SystemError("open /no/such/file", code: 2)) { try File.read("/no/such/file") }
    #expect(SystemError("open /x", code: 2).description == "cannot open /x: No such file or directory")
  }

  @Test func filesOfProcAreReadToTheirEnd() throws {
    #expect(try !File.read("/proc/self/status").isEmpty)
    #expect(try File.read("/proc/self/status", limit: 10).count == 10)
  }
}
