package import LinuxIO
package import Wire

/// The `sensors` thread: reads all sensors at a fixed interval while somebody listens, and sleeps for ever while nobody does.
package final class SensorThread: Sendable {
  private enum Command: Sendable {
    case setActive(Bool)
    case stop
  }

  private let commands: Mailbox<Command>
  private let thread: Thread

  /// Starts the thread, asleep.
  ///
  /// - Parameters:
  ///   - interval: between two readings.
  ///   - deliver: gets each reading and when it was made; called on the `sensors` thread.
  package init(
    interval: Interval, deliver: @escaping @Sendable ([Sample], WallClock) -> Void
  ) throws(SystemError) {
    let commands = try Mailbox<Command>(capacity: 16)
    self.commands = commands
    let poller = try SensorLoop(commands: commands, interval: interval, deliver: deliver)
    thread = try Thread(named: "sensors") { poller.run() }
  }

  /// Starts or stops reading. From any thread.
  package func setActive(_ active: Bool) {
    commands.post(.setActive(active))
  }

  /// Ends the thread and waits for it.
  package func stop() {
    commands.post(.stop)
    thread.join()
  }

  /// What the thread runs.
  private final class SensorLoop: Sendable {
    private let commands: Mailbox<Command>
    private let interval: Interval
    private let deliver: @Sendable ([Sample], WallClock) -> Void
    private let poller: Poller

    init(
      commands: Mailbox<Command>, interval: Interval, deliver: @escaping @Sendable ([Sample], WallClock) -> Void
    ) throws(SystemError) {
      self.commands = commands
      self.interval = interval
      self.deliver = deliver
      poller = try Poller()
      try poller.add(commands.descriptor, token: 0)
    }

    func run() {
      var sensors = SystemSensors()
      var next: Instant?
      var batch: [Command] = []
      while true {
        var commanded = false
        do {
          try poller.wait(until: next) { _ in commanded = true }
        } catch {
          Log.error("The sensors cannot be read any more: \(error)")
          return
        }
        if commanded {
          commands.drain(into: &batch)
          for command in batch {
            switch command {
            case .setActive(true): next = next ?? Clock.now()
            case .setActive(false): next = nil
            case .stop: return
            }
          }
        }
        if let due = next, Clock.now() >= due {
          deliver(sensors.read(), Clock.wall())
          next = max(due + interval, Clock.now())
        }
      }
    }
  }
}
