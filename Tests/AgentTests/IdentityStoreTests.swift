import Foundation
import Secure
import Testing

@testable import Agent

@Suite struct IdentityStoreTests {
  private let folder = NSTemporaryDirectory() + "perch-identity-\(UUID().uuidString)"

  @Test func theIdentityIsMadeOnceAndKeptForItsOwnerAlone() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let first = try IdentityStore.load(folder: folder + "/state")
    let second = try IdentityStore.load(folder: folder + "/state")
    #expect(first.fingerprint == second.fingerprint)
    let path = folder + "/state/dtls.pem"
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }

  @Test func aBrokenFileIsReplaced() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let first = try IdentityStore.load(folder: folder)
    try Data("-----BEGIN nonsense".utf8).write(to: URL(fileURLWithPath: folder + "/dtls.pem"))
    let second = try IdentityStore.load(folder: folder)
    #expect(first.fingerprint != second.fingerprint)
    #expect(try IdentityStore.load(folder: folder).fingerprint == second.fingerprint)
  }

  @Test func aFolderThatCannotBeWrittenStillGivesAnIdentity() throws {
    _ = try IdentityStore.load(folder: "/proc/no/such/folder")
  }
}
