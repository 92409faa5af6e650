extension Configuration {
  /// A file with every setting at its default and what there is to know about it: `board/perch.yaml`.
  package static var template: String {
    var text = """
      # Perch: all settings, each with its default. A file of your own needs only the lines that differ.
      # `perch check FILE` says whether a file is right; `perch run --config FILE` uses it.

      """
    for section in schema.fields {
      text += "\n" + comment(section.documentation, indentation: "") + "\(section.key):\n"
      for setting in section.describe(.default, []) {
        text += comment(setting.documentation, note: setting.form.note, indentation: "  ")
        // Its path without the section's key.
        text += "  \(setting.path.split(separator: ".").dropFirst().joined(separator: ".")): \(setting.defaultText)\n"
      }
    }
    return text
  }

  /// Wraps text; the note stays in one piece.
  private static func comment(_ text: String, note: String? = nil, indentation: String) -> String {
    let width = 100
    var lines: [String] = []
    var line = indentation + "#"
    var words = text.split(separator: " ").map { String($0) }
    if let note { words.append("(\(note))") }
    for word in words {
      if line.utf8.count + 1 + word.utf8.count > width {
        lines.append(line)
        line = indentation + "#"
      }
      line += " " + word
    }
    return (lines + [line]).joined(separator: "\n") + "\n"
  }
}

extension ValueForm {
  /// What the value alone does not show: ranges and words.
  fileprivate var note: String? {
    switch self {
    case .integer(let range): "\(range.lowerBound) to \(range.upperBound)"
    case .number(let range): "\(formatted(range.lowerBound)) to \(formatted(range.upperBound))"
    case .choice(let words): words.joined(separator: ", ")
    case .constraint(let bound): bound.note
    case .boolean, .text, .special, .list: nil
    }
  }
}
