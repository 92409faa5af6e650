internal import Control
internal import JSON
internal import Media

/// The methods of the `control` channel.
extension NetLoop {
  /// What `video.set` takes, and `device.info` tells the page.
  private static let bitratesKbps: ClosedRange<Int64> = 50...20_000
  private static let frameRates: ClosedRange<Int64> = 1...120
  /// The largest picture that may be asked for unless the source has larger ones: beyond, small boards only stutter.
  private static let largestUsualSize = VideoChoices.Size(1920, 1080)

  func addControlMethods(to rpc: RPCDispatcher) {
    rpc.add(
      "device.info",
      deferred: { [unowned self] (parameters, completion) throws(RPCError) in
        try parameters.finish()
        guard let video = devices.video else { return completion(.success(deviceInformation)) }
        // The first viewer asks while the camera is still waking up.
        let answer = try answer(to: { [unowned self] _ in completion(.success(deviceInformation)) })
        video.settle { answer(.success(.null)) }
      })
    rpc.add("video.keyframe") { [unowned self] (parameters) throws(RPCError) in
      try parameters.finish()
      _ = try pipeline()
      requestKeyframe()
      return [:]
    }
    rpc.add("video.set") { [unowned self] (parameters) throws(RPCError) in
      try setVideo(&parameters)
    }
    rpc.add(
      "camera.controls.list",
      deferred: { [unowned self] (parameters, completion) throws(RPCError) in
        try parameters.finish()
        let pipeline = try pipeline()
        let answer = try answer(to: completion)
        pipeline.listControls { answer($0.map { .array($0.map(\.json)) }.mapError(RPCError.init)) }
      })
    rpc.add(
      "camera.controls.set",
      deferred: { [unowned self] (parameters, completion) throws(RPCError) in
        let id = try RPCParameters.require(try parameters.string("id"), "id")
        let value = try Self.controlValue(&parameters)
        try parameters.finish()
        try checkControlIsAllowed()
        let pipeline = try pipeline()
        let answer = try answer(to: completion)
        pipeline.setControl(id, to: value) {
          answer($0.map { ["id": .string(id), "value": .integer(Int64(value))] }.mapError(RPCError.init))
        }
      })
  }

  private var deviceInformation: JSONValue {
    var camera: JSONValue = .null
    switch videoSource {
    case .camera(let name, let path, let mode)?:
      camera = ["name": .string(name), "path": .string(path), "mode": .string("\(mode)"), "synthetic": false]
    case .testPicture(let width, let height, let rate)?:
      camera = ["name": "Test picture", "mode": .string("\(width)x\(height) at \(rate)/s"), "synthetic": true]
    case nil:
      break
    }
    var microphone: JSONValue = .null
    switch audioSource {
    case .microphone(let name, let channels)?:
      microphone = ["name": .string(name), "channels": .integer(Int64(channels)), "synthetic": false]
    case .testTone?:
      microphone = ["name": "Test tone", "synthetic": true]
    case nil:
      break
    }
    let statistics = devices.video?.statistics() ?? VideoStatistics()
    if let choices = devices.video?.choices(), !choices.sizes.isEmpty, var object = camera.object {
      object["sizes"] = .array(
        choices.sizes.map { ["width": .integer(Int64($0.width)), "height": .integer(Int64($0.height))] })
      object["frame_rates"] = .array(choices.frameRates.map { .integer(Int64($0)) })
      camera = .object(object)
    }
    return [
      "name": .string(settings.deviceName), "version": .string(Version.current), "camera": camera,
      "microphone": microphone, "control": .bool(settings.allowsControl),
      "video": [
        "width": .integer(Int64(statistics.frameWidth)), "height": .integer(Int64(statistics.frameHeight)),
        "frame_rate": .integer(Int64(statistics.targetFrameRate)),
        "bitrate_kbps": .integer(Int64(statistics.targetBitrate / 1000)),
        "minimum_bitrate_kbps": .integer(Self.bitratesKbps.lowerBound),
        "maximum_bitrate_kbps": .integer(Self.bitratesKbps.upperBound),
      ],
    ]
  }

  private func setVideo(_ parameters: inout RPCParameters) throws(RPCError) -> JSONValue {
    let bitrate = try parameters.integer("bitrate_kbps", in: Self.bitratesKbps)
    let frameRate = try parameters.integer("frame_rate", in: Self.frameRates)
    let width = try parameters.integer("width", in: 64...4096)
    let height = try parameters.integer("height", in: 48...4096)
    try parameters.finish()
    guard (width == nil) == (height == nil) else {
      throw .invalidParameters("width and height belong together: give both or neither")
    }
    try checkControlIsAllowed()
    let pipeline = try pipeline()
    if let width, let height { try Self.check(VideoChoices.Size(Int(width), Int(height)), pipeline.choices()) }
    if let bitrate { pipeline.set(bitrate: Int(bitrate) * 1000) }
    if let frameRate { pipeline.set(frameRate: Int(frameRate)) }
    if let width, let height { pipeline.set(width: Int(width), height: Int(height)) }
    return [:]
  }

  private static func check(_ size: VideoChoices.Size, _ choices: VideoChoices) throws(RPCError) {
    let largest = choices.sizes.last ?? largestUsualSize
    guard size.pixels <= max(largest.pixels, largestUsualSize.pixels) else {
      throw .invalidParameters(
        "width and height are too large: this camera gives at most \(largest.width) by \(largest.height)")
    }
  }

  private static func controlValue(_ parameters: inout RPCParameters) throws(RPCError) -> Int {
    let value = try RPCParameters.require(parameters.value("value"), "value")
    if let flag = value.bool { return flag ? 1 : 0 }
    guard let integer = value.integer, let small = Int32(exactly: integer) else {
      throw .invalidParameters("value must be an integer, or true or false")
    }
    return Int(small)
  }

  private func pipeline() throws(RPCError) -> VideoPipeline {
    guard let video = devices.video else { throw .deviceError("this device is configured without a camera") }
    return video
  }

  private func checkControlIsAllowed() throws(RPCError) {
    guard settings.allowsControl else {
      throw .deviceError("this device takes no commands: its configuration says control.allow: false")
    }
  }
}

extension RPCError {
  fileprivate init(_ error: MediaError) {
    switch error {
    case .unknownControl, .controlValueRefused: self = .invalidParameters(error.description)
    default: self = .deviceError(error.description)
    }
  }
}

extension CameraControl {
  fileprivate var json: JSONValue {
    var object: JSONObject = [
      "id": .string(name), "name": .string(label), "value": .integer(Int64(value)),
      "default": .integer(Int64(defaultValue)), "read_only": .bool(isReadOnly), "inactive": .bool(isInactive),
    ]
    switch kind {
    case .integer(let minimum, let maximum, let step):
      object["type"] = "integer"
      object["minimum"] = .integer(Int64(minimum))
      object["maximum"] = .integer(Int64(maximum))
      object["step"] = .integer(Int64(step))
    case .boolean:
      object["type"] = "boolean"
    case .menu(let items):
      object["type"] = "menu"
      object["menu"] = .array(items.map { ["value": .integer(Int64($0.value)), "name": .string($0.label)] })
    case .button:
      object["type"] = "button"
    }
    return .object(object)
  }
}
