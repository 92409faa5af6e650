internal import CALSA

/// A sound card's capture device.
package struct MicrophoneDescription: Equatable, Sendable {
  /// What to open: `plughw:CARD=Device,DEV=0`. Stays the same when it is plugged in again.
  package var pcm: String
  /// The card's name.
  package var card: String
  /// The device's name on the card.
  package var name: String
  /// Its file in `/dev`.
  var path: String
}

/// The microphones of this machine.
package enum Microphones {
  /// More than any board has.
  private static let maximum: Int32 = 32

  /// The capture devices of all sound cards. PCMs that `asound.conf` defines are not among them, but can be opened by name.
  package static func list() -> [MicrophoneDescription] {
    perch_alsa_silence()
    var devices = [perch_capture_device](repeating: perch_capture_device(), count: Int(maximum))
    let count = perch_capture_devices(&devices, maximum)
    return devices.prefix(Int(count)).map { device in
      // By way of plughw: it converts rate, channels and sample format where the hardware has others.
      MicrophoneDescription(
        pcm: "plughw:CARD=\(text(device.card_id)),DEV=\(device.device)", card: text(device.card_name),
        name: text(device.device_name), path: "/dev/snd/pcmC\(device.card)D\(device.device)c")
    }
  }

  /// The program that has a microphone open.
  static func holder(of pcm: String) -> String? {
    list().first { $0.pcm == pcm }.flatMap { DeviceHolder.find($0.path) }
  }

  /// Frees what alsa-lib keeps of its configuration; it reads it again when it needs it.
  static func freeConfiguration() {
    snd_config_update_free_global()
  }
}
