internal import CLinux
internal import Glibc
package import Wire

/// A UDP socket on all addresses of one family, which all sessions share.
///
/// It receives in batches (`recvmmsg`), tells for each datagram which of our addresses it came to, and sends whole batches. A run of
/// equal-sized datagrams to one peer leaves as one segmented send (`UDP_SEGMENT`), two to three times cheaper, and one from a peer
/// comes in as one message (`UDP_GRO`). Used by one loop.
///
/// A class, so that a batch that fills up while datagrams are being received can be sent in between.
package final class UDPSocket {
  package let family: IPAddress.Family
  /// The port, also when the kernel chose it.
  package let port: UInt16
  private let descriptor: FileDescriptor
  private let receiver: OpaquePointer
  private let outgoing: UnsafeMutableBufferPointer<perch_udp_outgoing>
  private var segmentation = true
  /// Datagrams that the kernel refused: no route, or its buffers were full. They are lost, as on any link.
  package private(set) var refused: UInt64 = 0

  /// Messages a call to the kernel.
  private static let maximumMessages = 64
  /// UDP_MAX_SEGMENTS of the kernel.
  private static let maximumSegments = 64
  /// The largest UDP payload, which a segmented send must not exceed either.
  private static let maximumSegmentedBytes = 65_000

  /// - Parameter port: 0 lets the kernel choose.
  package init(family: IPAddress.Family, port: UInt16) throws(SystemError) {
    let raw = try SystemError.check(
      perch_udp_open(Int32(family.rawValue), port), "open UDP port \(port) for IP\(family)")
    descriptor = FileDescriptor(owning: raw)
    self.family = family
    self.port = UInt16(truncatingIfNeeded: perch_udp_port(raw))
    receiver = perch_udp_receiver_make()
    outgoing = .allocate(capacity: Self.maximumMessages)
  }

  deinit {
    perch_udp_receiver_free(receiver)
    outgoing.deallocate()
  }

  /// To be polled for reading.
  package var raw: Int32 { descriptor.raw }

  /// Receives what has come, up to one batch, and shows each datagram to `body`, which may change the bytes in place.
  ///
  /// - Returns: true when more may be waiting.
  package func receive(_ body: (UnsafeMutableRawBufferPointer, NetworkPath) -> Void) -> Bool {
    let count = perch_udp_receive(receiver, raw, port)
    // An error belongs to an earlier send (ICMP); there is nothing to do about it.
    guard count > 0 else { return false }
    for index in 0..<count {
      let message = perch_udp_received_at(receiver, index)!.pointee
      let path = NetworkPath(local: SocketAddress(message.local), remote: SocketAddress(message.remote))
      var offset = 0
      while offset < message.length {
        let length = min(message.segment, message.length - offset)
        body(UnsafeMutableRawBufferPointer(start: message.bytes + offset, count: length), path)
        offset += length
      }
    }
    return count == Int32(perch_udp_batch)
  }

  /// Sends the batch's datagrams that are of this socket's family, in order. What the kernel does not take at once is lost and
  /// counted: a queue here would be latency.
  package func send(_ batch: borrowing DatagramBatch) {
    batch.withMemory { memory in
      var next = 0
      while next < batch.entries.count {
        let count = fill(from: batch, memory, &next)
        transmit(count)
      }
    }
  }

  /// Makes messages of the entries from `next` on, joining runs; returns how many.
  private func fill(from batch: borrowing DatagramBatch, _ memory: UnsafeRawBufferPointer, _ next: inout Int) -> Int {
    var count = 0
    while next < batch.entries.count, count < Self.maximumMessages {
      let first = batch.entries[next]
      let run = segmentation ? Self.run(in: batch, from: next) : next + 1
      next = run
      guard first.path.remote.address.family == family else { continue }
      let last = batch.entries[run - 1]
      let length = last.offset + last.length - first.offset
      outgoing.initializeElement(
        at: count,
        to: perch_udp_outgoing(
          bytes: memory.baseAddress! + first.offset, length: length,
          segment: length > first.length ? UInt16(truncatingIfNeeded: first.length) : 0,
          remote: perch_address(first.path.remote), local: perch_address(first.path.local)))
      count += 1
    }
    return count
  }

  /// The end of the run that starts at `start`: same path, same length, the last one maybe shorter.
  private static func run(in batch: borrowing DatagramBatch, from start: Int) -> Int {
    let first = batch.entries[start]
    var end = start + 1
    var total = first.length
    while end < batch.entries.count, end - start < maximumSegments {
      let entry = batch.entries[end]
      guard entry.length <= first.length, total + entry.length <= maximumSegmentedBytes, entry.path == first.path else {
        break
      }
      total += entry.length
      end += 1
      if entry.length < first.length { break }
    }
    return end
  }

  private func transmit(_ count: Int) {
    var sent = 0
    while sent < count {
      let result = perch_udp_send(raw, outgoing.baseAddress! + sent, Int32(count - sent))
      if result > 0 {
        sent += Int(result)
      } else if result == -EAGAIN || result == -EWOULDBLOCK {
        refused &+= UInt64(count - sent)
        return
      } else if (result == -EIO || result == -EINVAL), outgoing[sent].segment > 0 {
        segmentation = false  // an old kernel, or a device without checksum offload: from now on one by one
        sendSegments(of: outgoing[sent])
        sent += 1
      } else {
        refused &+= 1  // this one cannot be sent (no route, too large): the others may
        sent += 1
      }
    }
  }

  private func sendSegments(of message: perch_udp_outgoing) {
    var part = message
    part.segment = 0
    var offset = 0
    while offset < message.length {
      part.bytes = message.bytes + offset
      part.length = min(Int(message.segment), message.length - offset)
      if perch_udp_send(raw, &part, 1) < 1 { refused &+= 1 }
      offset += part.length
    }
  }
}

extension SocketAddress {
  init(_ address: perch_address) {
    let (high, low) = withUnsafeBytes(of: address.address) { bytes in
      (
        UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
        UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      )
    }
    let ip =
      address.family == IPAddress.Family.v4.rawValue
      ? IPAddress(v4: UInt32(truncatingIfNeeded: high &>> 32)) : IPAddress(v6High: high, low: low)
    self.init(ip, port: address.port, scope: address.scope)
  }
}

extension perch_address {
  init(_ address: SocketAddress) {
    self.init()
    family = address.address.family.rawValue
    port = address.port
    scope = address.scope
    withUnsafeMutableBytes(of: &self.address) { bytes in
      if let v4 = address.address.v4 {
        bytes.storeBytes(of: v4.bigEndian, as: UInt32.self)
      } else {
        bytes.storeBytes(of: address.address.high.bigEndian, toByteOffset: 0, as: UInt64.self)
        bytes.storeBytes(of: address.address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
      }
    }
  }
}
