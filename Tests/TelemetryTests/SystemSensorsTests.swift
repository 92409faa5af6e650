import Foundation
import Telemetry
import Testing

@Suite struct SystemSensorsTests {
  /// Makes a folder that looks like the roots of `/proc` and `/sys`.
  private func board(_ files: [String: String]) throws -> String {
    let root = NSTemporaryDirectory() + "perch-sensors-\(UUID().uuidString)"
    for (path, text) in files {
      let url = URL(fileURLWithPath: root + path)
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: url)
    }
    return root
  }

  @Test func readsABoardsFilesWithUnits() throws {
    let root = try board([
      "/sys/class/thermal/thermal_zone0/temp": "48250\n", "/sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
      "/sys/class/thermal/thermal_zone1/temp": "40000\n", "/sys/class/thermal/thermal_zone1/type": "gpu thermal\n",
      "/proc/loadavg": "0.52 0.58 0.59 1/467 12345\n", "/proc/uptime": "350735.47 234388.90\n",
      "/proc/meminfo": "MemTotal:        1000 kB\nMemFree: 1 kB\nMemAvailable:     250 kB\n",
      "/proc/stat": "cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1 1 1 1\n",
      "/proc/net/dev": """
      Inter-|   Receive                                                |  Transmit
       face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
          lo:  999  9 0 0 0 0 0 0  999  9 0 0 0 0 0 0
        eth0: 1234 10 0 0 0 0 0 0 5678 20 0 0 0 0 0 0
      """,
    ])
    defer { try? FileManager.default.removeItem(atPath: root) }
    var sensors = SystemSensors(root: root)
    let samples = sensors.read().filter { !$0.name.hasPrefix("disk/") }
    #expect(
      samples == [
        Sample("cpu/temperature", 48.25, .celsius), Sample("temperature/gpu_thermal", 40, .celsius),
        Sample("load/1min", 0.52, .ratio), Sample("load/5min", 0.58, .ratio), Sample("load/15min", 0.59, .ratio),
        Sample("memory/total", 1_024_000, .byte), Sample("memory/used", 768_000, .byte),
        Sample("net/eth0/received", 1234, .byte), Sample("net/eth0/sent", 5678, .byte),
        Sample("uptime", 350_735.47, .second),
      ])
    try Data("cpu  150 0 150 900 0 0 0 0 0 0\n".utf8).write(to: URL(fileURLWithPath: root + "/proc/stat"))
    #expect(sensors.read().contains(Sample("cpu/use", 50, .percent)))
  }

  @Test func aBoardWithoutAnyOfItHasNoSamples() throws {
    var sensors = SystemSensors(root: "/no/such/root")
    #expect(sensors.read().isEmpty)
  }

  @Test func namesFromTheKernelAreMadeSafe() {
    #expect(Sample.safeName("wlan0:1 ä/x") == "wlan0_1____x")
  }

  @Test func thisMachineHasMemoryAndUptime() {
    var sensors = SystemSensors()
    let names = Set(sensors.read().map(\.name))
    #expect(names.isSuperset(of: ["memory/total", "memory/used", "uptime", "load/1min", "disk/free"]))
  }
}
