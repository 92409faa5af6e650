internal import CViewer
internal import LinuxIO

/// The viewer page: the files of `Viewer/`, out of the binary, or out of a folder while somebody works on them.
struct Page {
  private let folder: String?
  private let assets: [Asset]

  private struct Asset {
    let path: String
    let type: String
    let bytes: UnsafeRawBufferPointer
    let entityTag: String
  }

  init(folder: String?) {
    self.folder = folder
    assets = (0..<Int(perch_viewer_asset_count)).map { index in
      let asset = perch_viewer_asset(index)!.pointee
      let bytes = UnsafeRawBufferPointer(start: asset.bytes, count: asset.count)
      return Asset(
        path: String(cString: asset.path), type: String(cString: asset.type), bytes: bytes,
        entityTag: Self.entityTag(of: bytes))
    }
  }

  /// The response to `GET`, or nil when the page has no such file.
  func response(to request: HTTPRequest) -> HTTPResponse? {
    guard let asset = assets.first(where: { $0.path == request.path }) else { return nil }
    var entityTag = asset.entityTag
    var body = HTTPResponse.Body.embedded(asset.bytes)
    if let folder {
      let file = asset.path == "/" ? "/index.html" : asset.path
      guard let bytes = try? File.read(folder + file) else { return nil }
      entityTag = bytes.withUnsafeBytes(Self.entityTag)
      body = .bytes(bytes)
    }
    var response = HTTPResponse(status: 200)
    response.set("ETag", entityTag)
    // Kept, but asked for each time: after an upgrade the page must fit the agent.
    response.set("Cache-Control", "no-cache")
    if let tags = request["if-none-match"], Self.list(tags, contains: entityTag) {
      response.status = 304
      return response
    }
    response.set("Content-Type", asset.type)
    if asset.path == "/" {
      response.set("Content-Security-Policy", Self.contentSecurityPolicy)
      response.set("Permissions-Policy", "camera=(), geolocation=(), payment=(), usb=()")
    }
    response.body = body
    return response
  }

  private static let contentSecurityPolicy =
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    + "frame-ancestors 'self'"

  /// RFC 9110 §13.1.2: weak comparison.
  private static func list(_ tags: String, contains tag: String) -> Bool {
    tags.split(separator: ",").contains { part in
      let part = part.trimmed
      return part == "*" || (part.hasPrefix("W/") ? part.dropFirst(2) : part) == tag
    }
  }

  /// FNV-1a over 64 bits: the files are ours, nobody gains by a collision.
  private static func entityTag(of bytes: UnsafeRawBufferPointer) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    return "\"\(String(hash, radix: 16))\""
  }
}
