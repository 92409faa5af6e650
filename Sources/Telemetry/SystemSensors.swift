internal import Glibc
internal import LinuxIO

/// What every Linux board can tell of itself: temperatures, load, memory, disk, network counters, uptime.
///
/// Each reading opens the kernel's files anew, so a sensor that comes or goes (a network interface, a thermal zone) is simply there
/// or not. Used by the `sensors` thread: a thermal driver may take milliseconds to answer.
package struct SystemSensors {
  private let root: String
  private var processor: ProcessorTimes?

  /// - Parameter root: where `/proc` and `/sys` are; other than the empty string in tests.
  package init(root: String = "") {
    self.root = root
  }

  /// Reads all sensors; those that cannot be read are left out.
  package mutating func read() -> [Sample] {
    temperatures() + processorUse() + load() + memory() + disk() + network() + uptime()
  }

  // MARK: One function a kernel file

  /// `/sys/class/thermal/thermal_zone*/temp`, in thousandths of a degree Celsius. The first zone that is the processor's is named
  /// `cpu/temperature`, all others by their type.
  private func temperatures() -> [Sample] {
    var samples: [Sample] = []
    for zone in 0..<Self.maximumThermalZones {
      let folder = "/sys/class/thermal/thermal_zone\(zone)"
      guard let value = text(folder + "/temp").flatMap({ Double($0) }) else { continue }
      let type = text(folder + "/type") ?? "zone\(zone)"
      let isProcessor = type.contains("cpu") || type.contains("soc") || type == "x86_pkg_temp"
      let isFirst = !samples.contains { $0.name == "cpu/temperature" }
      let name = isProcessor && isFirst ? "cpu/temperature" : "temperature/\(Sample.safeName(type))"
      samples.append(Sample(name, value / 1000, .celsius))
    }
    return samples
  }

  private static let maximumThermalZones = 16  // an RK3588 has 7

  /// `/proc/stat`: the share of time since the last reading that was not idle, over all cores.
  private mutating func processorUse() -> [Sample] {
    guard let line = lines("/proc/stat").first(where: { $0.hasPrefix("cpu ") }) else { return [] }
    let fields = line.split(separator: " ").dropFirst().compactMap { UInt64($0) }
    guard fields.count >= 5 else { return [] }
    let times = ProcessorTimes(
      idle: fields[3] &+ fields[4], total: fields.prefix(8).reduce(0, &+))
    defer { processor = times }
    guard let processor, times.total > processor.total, times.idle >= processor.idle else { return [] }
    let busy = 1 - Double(times.idle - processor.idle) / Double(times.total - processor.total)
    return [Sample("cpu/use", max(0, busy) * 100, .percent)]
  }

  private struct ProcessorTimes {
    var idle: UInt64
    var total: UInt64
  }

  private func load() -> [Sample] {
    let fields = (text("/proc/loadavg") ?? "").split(separator: " ")
    return zip(["load/1min", "load/5min", "load/15min"], fields).compactMap { name, field in
      Double(field).map { Sample(name, $0, .ratio) }
    }
  }

  private func memory() -> [Sample] {
    var kibibytes: [Substring: Double] = [:]
    for line in lines("/proc/meminfo") {
      let fields = line.split(whereSeparator: { $0 == " " || $0 == ":" })
      if fields.count >= 2, let value = Double(fields[1]) { kibibytes[fields[0]] = value }
    }
    guard let total = kibibytes["MemTotal"], let available = kibibytes["MemAvailable"] else { return [] }
    return [
      Sample("memory/total", total * 1024, .byte),
      Sample("memory/used", (total - available) * 1024, .byte),
    ]
  }

  private func disk() -> [Sample] {
    var information = statvfs()
    guard statvfs(root.isEmpty ? "/" : root, &information) == 0 else { return [] }
    let block = Double(information.f_frsize)
    return [
      Sample("disk/total", Double(information.f_blocks) * block, .byte),
      Sample("disk/free", Double(information.f_bavail) * block, .byte),
    ]
  }

  /// `/proc/net/dev`: counters of each interface but the loopback.
  private func network() -> [Sample] {
    var samples: [Sample] = []
    for line in lines("/proc/net/dev").dropFirst(2).prefix(Self.maximumInterfaces) {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2 else { continue }
      let name = parts[0].trimmed
      let counters = parts[1].split(separator: " ").compactMap { Double($0) }
      guard name != "lo", counters.count >= 10 else { continue }
      let prefix = "net/\(Sample.safeName(name))"
      samples.append(Sample(prefix + "/received", counters[0], .byte))
      samples.append(Sample(prefix + "/sent", counters[8], .byte))
    }
    return samples
  }

  private static let maximumInterfaces = 8  // a telemetry message stays below one SCTP packet's worth of them

  private func uptime() -> [Sample] {
    let first = (text("/proc/uptime") ?? "").split(separator: " ").first
    return first.flatMap { Double($0) }.map { [Sample("uptime", $0, .second)] } ?? []
  }

  // MARK: Files

  private func text(_ path: String) -> String? {
    lines(path).first.map { String($0) }
  }

  private func lines(_ path: String) -> [Substring] {
    guard let bytes = try? File.read(root + path, limit: 1 << 16) else { return [] }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
  }
}

extension Substring {
  fileprivate var trimmed: Substring {
    drop { $0 == " " }
  }
}
