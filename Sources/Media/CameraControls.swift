internal import CV4L

/// Something about a camera that can be changed while it runs: brightness, focus, exposure.
package struct CameraControl: Equatable, Sendable {
  /// What commands call it: `white_balance_automatic`, as `v4l2-ctl` does.
  package var name: String
  /// What the driver calls it, for people.
  package var label: String
  package var kind: Kind
  package var value: Int
  package var defaultValue: Int
  /// It can be read, not set.
  package var isReadOnly: Bool
  /// Setting it does nothing now, because another control (an automatic) rules.
  package var isInactive: Bool
  /// The driver's number.
  var id: UInt32

  package enum Kind: Equatable, Sendable {
    case integer(minimum: Int, maximum: Int, step: Int)
    /// 0 or 1.
    case boolean
    case menu([MenuItem])
    /// Setting it to anything makes it act.
    case button
  }

  package struct MenuItem: Equatable, Sendable {
    package var value: Int
    package var label: String
  }

  /// The value as the driver is to get it.
  ///
  /// - Throws: ``MediaError/controlValueRefused(_:allowed:)`` when it is not one of those that the control takes.
  package func check(_ value: Int) throws(MediaError) -> Int32 {
    if isReadOnly { throw .controlValueRefused(name, allowed: "no value: it can only be read") }
    switch kind {
    case .integer(let minimum, let maximum, let step):
      guard value >= minimum, value <= maximum, (value - minimum) % max(1, step) == 0 else {
        throw .controlValueRefused(
          name, allowed: "\(minimum) to \(maximum)" + (step > 1 ? " in steps of \(step)" : ""))
      }
    case .boolean:
      guard value == 0 || value == 1 else { throw .controlValueRefused(name, allowed: "0 or 1") }
    case .menu(let items):
      guard items.contains(where: { $0.value == value }) else {
        throw .controlValueRefused(name, allowed: items.map { "\($0.value) (\($0.label))" }.joined(separator: ", "))
      }
    case .button:
      break
    }
    return Int32(clamping: value)
  }

  /// `White Balance, Automatic` → `white_balance_automatic`
  static func name(from label: String) -> String {
    let words = label.lowercased().split { !$0.isLetter && !$0.isNumber }
    return words.joined(separator: "_")
  }
}

extension V4L2Device {
  /// More than any camera has; a driver that never ends its list is cut off.
  private static let maximumControls = 256

  /// All controls of kinds that a number can set, with their values now.
  func controls() -> [CameraControl] {
    var found: [CameraControl] = []
    var id: UInt32 = 0
    for _ in 0..<Self.maximumControls {
      var query = v4l2_queryctrl()
      query.id = id | Self.next
      guard accepts(PERCH_QUERYCTRL, &query) else { break }
      id = query.id
      if let control = control(query) { found.append(control) }
    }
    if found.isEmpty {
      // A driver from before the walk existed: ask for each of the standard ones.
      for id in Self.firstStandard..<Self.endOfStandard {
        var query = v4l2_queryctrl()
        query.id = id
        if accepts(PERCH_QUERYCTRL, &query), let control = control(query) { found.append(control) }
      }
    }
    return found
  }

  /// - Throws: ``MediaError/unknownControl(_:)``, ``MediaError/controlValueRefused(_:allowed:)``, or what the driver says.
  func setControl(_ name: String, to value: Int) throws(MediaError) {
    guard let control = controls().first(where: { $0.name == name }) else { throw .unknownControl(name) }
    var setting = v4l2_control(id: control.id, value: try control.check(value))
    try call(PERCH_S_CTRL, &setting, "set a control of")
  }

  private func control(_ query: v4l2_queryctrl) -> CameraControl? {
    guard query.flags & Self.isDisabled == 0 else { return nil }
    let kind: CameraControl.Kind
    switch v4l2_ctrl_type(query.type) {
    case V4L2_CTRL_TYPE_INTEGER:
      kind = .integer(minimum: Int(query.minimum), maximum: Int(query.maximum), step: Int(query.step))
    case V4L2_CTRL_TYPE_BOOLEAN: kind = .boolean
    case V4L2_CTRL_TYPE_MENU: kind = .menu(items(of: query, areNumbers: false))
    case V4L2_CTRL_TYPE_INTEGER_MENU: kind = .menu(items(of: query, areNumbers: true))
    case V4L2_CTRL_TYPE_BUTTON: kind = .button
    default: return nil  // texts, bit masks, arrays and headings, which no number sets
    }
    var current = v4l2_control(id: query.id, value: query.default_value)
    if kind != .button { _ = accepts(PERCH_G_CTRL, &current) }
    let label = text(query.name)
    return CameraControl(
      name: CameraControl.name(from: label), label: label, kind: kind, value: Int(current.value),
      defaultValue: Int(query.default_value), isReadOnly: query.flags & Self.isReadOnly != 0,
      isInactive: query.flags & Self.isInactive != 0, id: query.id)
  }

  private func items(of query: v4l2_queryctrl, areNumbers: Bool) -> [CameraControl.MenuItem] {
    guard query.minimum >= 0, query.maximum >= query.minimum, query.maximum < 256 else { return [] }
    var items: [CameraControl.MenuItem] = []
    for index in query.minimum...query.maximum {
      var item = v4l2_querymenu()
      item.id = query.id
      item.index = UInt32(index)
      guard accepts(PERCH_QUERYMENU, &item) else { continue }  // menus may have holes
      items.append(
        CameraControl.MenuItem(value: Int(index), label: areNumbers ? "\(item.value)" : text(item.name)))
    }
    return items
  }

  // Macros in <linux/v4l2-controls.h> and <linux/videodev2.h>.
  private static let next: UInt32 = 0x8000_0000  // V4L2_CTRL_FLAG_NEXT_CTRL
  private static let isDisabled: UInt32 = 0x0001
  private static let isReadOnly: UInt32 = 0x0004
  private static let isInactive: UInt32 = 0x0010
  private static let firstStandard: UInt32 = 0x0098_0900  // V4L2_CID_BASE
  private static let endOfStandard: UInt32 = 0x0098_0900 + 44  // V4L2_CID_LASTP1
}
