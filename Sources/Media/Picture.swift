internal import CYUV
internal import Glibc
internal import Synchronization
package import Wire

/// Where the three planes of an 8-bit 4:2:0 picture are. Borrowed: whoever hands it out says for how long it holds.
package struct I420Planes {
  package var y: UnsafeMutablePointer<UInt8>
  package var u: UnsafeMutablePointer<UInt8>
  package var v: UnsafeMutablePointer<UInt8>
  /// Bytes from one row to the next.
  package var yStride: Int
  package var uvStride: Int
  /// Luma samples. The chroma planes have half as many each way, rounded up.
  package var width: Int
  package var height: Int

  package init(
    y: UnsafeMutablePointer<UInt8>, u: UnsafeMutablePointer<UInt8>, v: UnsafeMutablePointer<UInt8>, yStride: Int,
    uvStride: Int, width: Int, height: Int
  ) {
    self.y = y
    self.u = u
    self.v = v
    self.yStride = yStride
    self.uvStride = uvStride
    self.width = width
    self.height = height
  }

  package var chromaWidth: Int { (width + 1) / 2 }
  package var chromaHeight: Int { (height + 1) / 2 }

  /// As libyuv's shim takes it.
  var asC: perch_i420 {
    perch_i420(
      y: y, u: u, v: v, y_stride: Int32(yStride), uv_stride: Int32(uvStride), width: Int32(width), height: Int32(height)
    )
  }
}

/// A raw picture on its way from the thread that captures to the thread that encodes.
///
/// It belongs to one pool of a capturing thread. That thread takes a free picture, fills it, and passes it on by `hold()`;
/// from then until `release()` it belongs to the encoding thread, which only reads.
///
/// Sendable, because `isHeld` orders all access: the capturing thread writes only while it is false, the encoding thread reads
/// only while it is true, and the flag is stored with release and loaded with acquire ordering.
package final class Picture: @unchecked Sendable {
  package let planes: I420Planes
  /// When it was taken; written with the planes.
  package var captured = Instant(nanoseconds: 0)
  private let storage: Storage
  private let held = Atomic<Bool>(false)

  /// What keeps the planes' memory alive.
  private enum Storage {
    case own(UnsafeMutableRawPointer, byteCount: Int)
    case shared(AnyObject)
  }

  /// A picture with memory of its own, taken from the kernel so that it goes back there, rather than into a heap, when the
  /// viewers are gone. Chroma starts as grey.
  ///
  /// - Throws: ``MediaError/system(_:code:)`` when there is no memory.
  package init(width: Int, height: Int) throws(MediaError) {
    let yStride = (width + 63) & ~63  // whole cache lines: libyuv and libvpx take their fast paths
    let uvStride = (yStride / 2 + 63) & ~63
    let chromaHeight = (height + 1) / 2
    let byteCount = yStride * height + 2 * uvStride * chromaHeight
    let memory = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != MAP_FAILED else { throw .system("mmap", code: errno) }
    let y = memory.assumingMemoryBound(to: UInt8.self)
    let u = y + yStride * height
    let v = u + uvStride * chromaHeight
    u.update(repeating: 128, count: 2 * uvStride * chromaHeight)
    planes = I420Planes(y: y, u: u, v: v, yStride: yStride, uvStride: uvStride, width: width, height: height)
    storage = .own(memory, byteCount: byteCount)
  }

  /// A picture over memory that `owner` keeps alive, such as a camera's buffer.
  init(over planes: I420Planes, owner: AnyObject) {
    self.planes = planes
    storage = .shared(owner)
  }

  deinit {
    if case .own(let memory, let byteCount) = storage { munmap(memory, byteCount) }
  }

  /// Whether somebody else is using it; its pool leaves it alone then.
  var isHeld: Bool { held.load(ordering: .acquiring) }

  /// Gives it away: called by the capturing thread when all is written.
  func hold() { held.store(true, ordering: .releasing) }

  /// Gives it back to its pool: called once for each `hold()`, when nothing will be read any more.
  package func release() { held.store(false, ordering: .releasing) }
}

/// The pictures that one capturing thread fills in turn: one with the encoder, one waiting, one being filled.
///
/// Used by that thread only.
struct PicturePool {
  /// The least that never makes the camera wait for the encoder.
  static let depth = 3
  private var pictures: [Picture] = []

  /// A free picture of this size. Pictures of another size are let go, and freed once their last user has.
  ///
  /// nil when all are in use, which a user that holds at most two never causes.
  mutating func take(width: Int, height: Int) throws(MediaError) -> Picture? {
    if let first = pictures.first, first.planes.width != width || first.planes.height != height {
      pictures.removeAll()
    }
    for picture in pictures where !picture.isHeld { return picture }
    guard pictures.count < Self.depth else { return nil }
    let picture = try Picture(width: width, height: height)
    pictures.append(picture)
    return picture
  }

  mutating func removeAll() { pictures.removeAll() }
}
