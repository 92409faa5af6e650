import LinuxIO
import Telemetry
import Testing
import Wire

@Suite struct SensorThreadTests {
  @Test func deliversWhileActiveAndSleepsOtherwise() throws {
    let readings = try Mailbox<Int>(capacity: 1_000)
    let thread = try SensorThread(interval: .milliseconds(5)) { samples, _ in readings.post(samples.count) }
    let poller = try Poller()
    try poller.add(readings.descriptor, token: 0)
    var batch: [Int] = []
    thread.setActive(true)
    var seen = 0
    let limit = Clock.now() + .seconds(20)
    while seen < 3, Clock.now() < limit {
      try poller.wait(until: limit) { _ in }
      readings.drain(into: &batch)
      seen += batch.count
    }
    #expect(seen >= 3)
    thread.setActive(false)
    thread.stop()
  }

  @Test func stopsAtOnceWhileAsleep() throws {
    let thread = try SensorThread(interval: .seconds(3600)) { _, _ in }
    thread.stop()
  }
}
