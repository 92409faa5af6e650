import LinuxIO
import Testing
import Wire

@Suite struct MailboxTests {
  @Test func messagesOfManyThreadsArriveOnceEachAndInTheirThreadsOrder() throws {
    let mailbox = try Mailbox<(thread: Int, number: Int)>(capacity: 10_000)
    let threads = try (0..<4).map { thread in
      try Thread(named: "poster-\(thread)") {
        for number in 0..<1_000 { mailbox.post((thread, number)) }
      }
    }
    let poller = try Poller()
    try poller.add(mailbox.descriptor, token: 1)
    var seen = Array(repeating: 0, count: 4)
    var batch: [(thread: Int, number: Int)] = []
    let limit = Clock.now() + .seconds(20)
    while seen.reduce(0, +) < 4_000, Clock.now() < limit {
      try poller.wait(until: limit) { _ in }
      mailbox.drain(into: &batch)
      for message in batch {
        #expect(message.number == seen[message.thread])
        seen[message.thread] += 1
      }
    }
    threads.forEach { $0.join() }
    #expect(seen == [1_000, 1_000, 1_000, 1_000])
  }

  @Test func aFullBoxRefuses() throws {
    let mailbox = try Mailbox<Int>(capacity: 2)
    #expect([mailbox.post(1), mailbox.post(2), mailbox.post(3)] == [true, true, false])
    var batch: [Int] = []
    mailbox.drain(into: &batch)
    #expect(batch == [1, 2])
    #expect(mailbox.post(4))
  }
}
