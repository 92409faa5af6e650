import NetSim
import SDP
import Secure
import Testing
import Wire

@testable import Session

@Suite struct SessionRouterTests {
  private let now = Instant(nanoseconds: 1_000_000_000)
  private let wall = WallClock(microseconds: 0)
  private let shared = SocketAddress(IPAddress(v4: 0x0A00_0001), port: 5000)

  private struct Pair {
    var board: Session
    var viewer: Session
    var viewerAddress: SocketAddress
  }

  private func pair(_ index: UInt32) throws -> Pair {
    let viewerAddress = SocketAddress(IPAddress(v4: 0x0A00_0100 + index), port: 6000)
    let viewer = Session(
      offering: SessionSettings(
        identity: SimulatedCall.identities[0], localAddresses: [viewerAddress], video: .recvonly, audio: nil, cname: "v"
      ),
      random: SeededGenerator(seed: UInt64(index) * 2), now: now)
    let board = try Session(
      answering: viewer.localDescription,
      SessionSettings(
        identity: SimulatedCall.identities[1], localAddresses: [shared], video: .sendonly, audio: nil, cname: "b"),
      random: SeededGenerator(seed: UInt64(index) * 2 + 1), now: now)
    try viewer.accept(answer: board.localDescription, now: now)
    return Pair(board: board, viewer: viewer, viewerAddress: viewerAddress)
  }

  /// What a session wants to send now, as the other end sees it.
  private func datagrams(of session: Session) -> [(bytes: [UInt8], path: NetworkPath)] {
    var batch = DatagramBatch { $0.removeAll() }
    session.handleTimeout(now: now, wall: wall, into: &batch)
    return batch.withMemory { memory in
      batch.entries.map { entry in
        (
          Array(memory[entry.offset..<(entry.offset + entry.length)]),
          NetworkPath(local: entry.path.remote, remote: entry.path.local)
        )
      }
    }
  }

  @Test func eachViewersChecksAndAnswersFindItsSession() throws {
    var router = SessionRouter()
    let pairs = try (1...20).map { try pair($0) }
    pairs.forEach { router.add($0.board) }
    var batch = DatagramBatch { $0.removeAll() }
    for pair in pairs {
      let requests = datagrams(of: pair.board)  // checks of ours, whose answers must come back to us
      for request in datagrams(of: pair.viewer) {
        #expect(router.session(for: request.bytes.span.bytes, on: request.path) === pair.board)
      }
      for request in requests {
        var bytes = request.bytes
        bytes.withUnsafeMutableBytes {
          _ = pair.viewer.handle($0, on: request.path, now: now, wall: wall, into: &batch)
        }
      }
      let answers = batch.withMemory { memory in
        batch.entries.map { Array(memory[$0.offset..<($0.offset + $0.length)]) }
      }
      #expect(!answers.isEmpty)
      for answer in answers {
        let path = NetworkPath(local: shared, remote: pair.viewerAddress)
        #expect(router.session(for: answer.span.bytes, on: path) === pair.board)
      }
      batch.removeAll()
    }
  }

  @Test func otherDatagramsGoByThePathThatWasProven() throws {
    var router = SessionRouter()
    let pair = try pair(1)
    router.add(pair.board)
    let path = NetworkPath(local: shared, remote: pair.viewerAddress)
    let media: [UInt8] = [128, 96, 0, 1]
    #expect(router.session(for: media.span.bytes, on: path) == nil)
    router.learn(path, of: pair.board)
    #expect(router.session(for: media.span.bytes, on: path) === pair.board)
    router.remove(pair.board)
    #expect(router.session(for: media.span.bytes, on: path) == nil)
    for request in datagrams(of: pair.viewer) {
      #expect(router.session(for: request.bytes.span.bytes, on: request.path) == nil)
    }
  }

  @Test func aSessionThatKeepsMovingHoldsABoundedNumberOfPaths() throws {
    var router = SessionRouter()
    let pair = try pair(1)
    router.add(pair.board)
    let media: [UInt8] = [128, 96, 0, 1]
    let paths = (1...100).map {
      NetworkPath(local: shared, remote: SocketAddress(pair.viewerAddress.address, port: UInt16($0)))
    }
    paths.forEach { router.learn($0, of: pair.board) }
    let known = paths.filter { router.session(for: media.span.bytes, on: $0) != nil }
    #expect(known == Array(paths.suffix(16)))
  }
}
