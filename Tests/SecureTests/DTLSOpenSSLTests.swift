import Foundation
import Glibc
import Testing
import Wire

@testable import Secure

/// Against OpenSSL's own DTLS. Needs its command, which Debian has in the package `openssl`; the tests are skipped without it.
@Suite(.serialized, .enabled(if: OpenSSLPeer.isInstalled))
struct DTLSOpenSSLTests {
  static let profiles = ["SRTP_AES128_CM_SHA1_80", "SRTP_AES128_CM_SHA1_32"]
  static let ciphers = [
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305",
  ]

  @Test(arguments: ciphers, profiles) func weAreTheClient(_ cipher: String, _ profile: String) throws {
    let peer = try OpenSSLPeer(identity: Identities.server)
    try peer.start(["s_server", "-accept", "127.0.0.1:0", "-Verify", "1", "-cipher", cipher, "-use_srtp", profile])
    try peer.connect(toPortPrintedAfter: "ACCEPT 127.0.0.1:")
    try exchange(.client, knowing: Identities.server, with: peer)
    #expect(peer.output.contains("CIPHER is \(cipher)"))
    #expect(peer.output.contains("profile=\(profile)"))
  }

  @Test(arguments: ciphers, [false, true]) func weAreTheServer(_ cipher: String, _ asksForCookie: Bool) throws {
    let peer = try OpenSSLPeer(identity: Identities.client)
    try peer.start([
      "s_client", "-connect", "127.0.0.1:\(peer.port)", "-cipher", cipher, "-use_srtp", Self.profiles[0],
    ])
    try exchange(.server, knowing: Identities.client, asksForCookie: asksForCookie, with: peer)
    #expect(peer.output.contains(cipher))
  }

  @Test func aClientWithoutACertificateIsRefused() throws {
    let peer = try OpenSSLPeer(identity: nil)
    try peer.start(["s_client", "-connect", "127.0.0.1:\(peer.port)", "-use_srtp", Self.profiles[0]])
    let us = engine(.server, knowing: Identities.client)
    peer.pump(us) { !us.events.isEmpty }
    #expect(us.events == [.failed(.noCertificate)])
    peer.pump(us) { peer.output.contains("alert") }
    #expect(peer.output.contains("alert bad certificate"))
  }

  @Test func aPeerWithoutSRTPConnectsWithoutKeys() throws {
    let peer = try OpenSSLPeer(identity: Identities.client)
    try peer.start(["s_client", "-connect", "127.0.0.1:\(peer.port)"])
    let us = engine(.server, knowing: Identities.client)
    peer.pump(us) { !us.events.isEmpty }
    #expect(us.events == [.connected(nil)])
  }

  @Test func aPeerThatOnlyKnowsOtherVersionsIsRefused() throws {
    let peer = try OpenSSLPeer(identity: Identities.client)
    try peer.start(
      ["s_client", "-dtls1", "-cipher", "ALL:@SECLEVEL=0", "-connect", "127.0.0.1:\(peer.port)"], version: [])
    let us = engine(.server, knowing: Identities.client)
    peer.pump(us) { !us.events.isEmpty }
    #expect(!us.isConnected)
    #expect(us.failure != nil)
  }

  private func engine(_ role: DTLSEngine.Role, knowing peer: Identity, asksForCookie: Bool = false) -> Peer {
    Peer(
      DTLSEngine(
        role: role, identity: role == .client ? Identities.client : Identities.server,
        expectedFingerprints: [peer.fingerprint], asksForCookie: asksForCookie, random: SystemRandomNumberGenerator(),
        now: OpenSSLPeer.now))
  }

  /// Handshake, keys, data both ways, goodbye.
  private func exchange(
    _ role: DTLSEngine.Role, knowing identity: Identity, asksForCookie: Bool = false, with peer: OpenSSLPeer
  ) throws {
    let us = engine(role, knowing: identity, asksForCookie: asksForCookie)
    peer.pump(us) { us.isConnected && peer.keyingMaterial != nil }
    let keys = try #require(us.keys, "\(us.events) \(peer.output)")
    let material = try #require(peer.keyingMaterial)
    let (client, server) = role == .client ? (keys.local, keys.remote) : (keys.remote, keys.local)
    #expect(material == client.key + server.key + client.salt + server.salt)

    #expect(us.send(Array("from us\n".utf8)))
    peer.pump(us) { peer.output.contains("from us\n") }
    #expect(peer.output.contains("from us\n"))

    peer.write("from them\n")
    peer.pump(us) { !us.received.isEmpty }
    #expect(us.received == [Array("from them\n".utf8)])

    switch role {
    case .client:  // s_server has no command that says goodbye, but understands it
      us.engine.close()
      peer.pump(us) { peer.output.contains("from us\nDONE") }
      #expect(peer.output.contains("from us\nDONE"))
    case .server:
      peer.write("Q\n")
      peer.pump(us) { us.events.contains(.closed) }
      #expect(us.events.last == .closed)
    }
  }
}

/// The `openssl` command with a socket of ours for its peer.
private final class OpenSSLPeer {
  static let command = "/usr/bin/openssl"
  static var isInstalled: Bool { access(command, X_OK) == 0 }

  static var now: Instant {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  private(set) var output = ""
  let port: UInt16

  private static let patience = Interval.seconds(15)
  private let descriptor: Int32
  private let directory: URL
  private let identity: Identity?
  private let process = Process()
  private let input = Pipe()
  private let printed = Pipe()

  init(identity: Identity?) throws {
    self.identity = identity
    directory = FileManager.default.temporaryDirectory.appendingPathComponent("perch-\(UUID())")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    self.descriptor = descriptor
    var address = Self.loopback(port: 0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(descriptor, $0, size)
        _ = getsockname(descriptor, $0, &size)
      }
    }
    port = UInt16(bigEndian: address.sin_port)
  }

  deinit {
    if process.isRunning { process.terminate() }
    close(descriptor)
    try? FileManager.default.removeItem(at: directory)
  }

  func start(_ arguments: [String], version: [String] = ["-dtls1_2"]) throws {
    var arguments = arguments + version
    arguments += ["-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", "60"]
    if let identity {
      let file = directory.appendingPathComponent("identity.pem")
      try Data(identity.pem).write(to: file)
      arguments += ["-cert", file.path, "-key", file.path]
    }
    process.executableURL = URL(fileURLWithPath: Self.command)
    process.arguments = arguments
    process.standardInput = input
    process.standardOutput = printed
    process.standardError = printed
    _ = fcntl(printed.fileHandleForReading.fileDescriptor, F_SETFL, O_NONBLOCK)
    try process.run()
  }

  /// Waits for a server to say where it listens, and sends there from now on.
  func connect(toPortPrintedAfter text: String) throws {
    let end = Self.now + Self.patience
    while Self.now < end {
      wait(milliseconds: 50)
      guard let start = output.range(of: text), let line = output[start.upperBound...].split(separator: "\n").first,
        output[start.upperBound...].contains("\n"), let port = UInt16(line)
      else { continue }
      return connect(to: Self.loopback(port: port))
    }
    Issue.record("no port: \(output)")
  }

  func write(_ text: String) {
    input.fileHandleForWriting.write(Data(text.utf8))
  }

  /// Carries datagrams to and fro until something is the case, or patience ends.
  func pump(_ peer: Peer, until isDone: () -> Bool) {
    let end = Self.now + Self.patience
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while Self.now < end {
      peer.collect()
      for datagram in peer.takeOutgoing() { _ = Glibc.send(descriptor, datagram, datagram.count, 0) }
      if isDone() { return }
      wait(milliseconds: peer.engine.deadline.map { max(0, min(100, ($0 - Self.now).milliseconds + 1)) } ?? 100)
      var address = sockaddr_in()
      var size = socklen_t(MemoryLayout<sockaddr_in>.size)
      let count = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          recvfrom(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT), $0, &size)
        }
      }
      if count > 0 {
        connect(to: address)
        peer.handle(Array(buffer[..<count]), now: Self.now)
      }
      peer.engine.handleTimeout(now: Self.now)
    }
  }

  var keyingMaterial: [UInt8]? {
    guard let start = output.range(of: "Keying material: ") else { return nil }
    let digits = Array(output[start.upperBound...].prefix { $0.isHexDigit })
    guard digits.count == 120 else { return nil }
    return stride(from: 0, to: 120, by: 2).compactMap { UInt8(String(digits[$0...($0 + 1)]), radix: 16) }
  }

  private func wait(milliseconds: Int64) {
    let pipe = printed.fileHandleForReading.fileDescriptor
    var descriptors = [
      pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0), pollfd(fd: pipe, events: Int16(POLLIN), revents: 0),
    ]
    _ = poll(&descriptors, 2, Int32(milliseconds))
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = read(pipe, &buffer, buffer.count)
    if count > 0 { output += String(decoding: buffer[..<count], as: UTF8.self) }
  }

  private func connect(to address: sockaddr_in) {
    withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  private static func loopback(port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }
}
