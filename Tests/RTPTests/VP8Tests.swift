import NetSim
import Testing

import RTP
import Wire

@Suite struct VP8Tests {
  private static func read(_ bytes: [UInt8]) throws -> (VP8PayloadDescriptor, rest: Int) {
    var reader = ByteReader(bytes.span.bytes)
    let descriptor = try VP8PayloadDescriptor(parsing: &reader)
    return (descriptor, reader.remaining)
  }

  @Test func readsTheFormsOfTheDescriptor() throws {
    var (descriptor, rest) = try Self.read([0x10, 0xFF])
    #expect(descriptor.startsPartition && descriptor.pictureID == nil && rest == 1)
    (descriptor, rest) = try Self.read([0x90, 0x80, 0x11, 0xFF])
    #expect(descriptor.pictureID == 0x11 && rest == 1)
    (descriptor, rest) = try Self.read([0x90, 0x80, 0x91, 0x22, 0xFF])
    #expect(descriptor.pictureID == 0x1122 && rest == 1)
    (descriptor, rest) = try Self.read([0xA3, 0xF0, 0x81, 0x02, 0x55, 0xB3])
    #expect(descriptor.isNonReference && descriptor.partition == 3 && !descriptor.startsPartition)
    #expect(descriptor.pictureID == 0x0102 && descriptor.tl0PictureIndex == 0x55)
    #expect(
      descriptor.temporalLayer == .init(id: 2, isSwitchingPoint: true) && descriptor.keyIndex == 0x13 && rest == 0)
    (descriptor, rest) = try Self.read([0x80, 0x10, 0xFF])
    #expect(descriptor.keyIndex == 0x1F && descriptor.temporalLayer == nil && rest == 0)
  }

  @Test func readsTheDescriptorsThatItPrints() throws {
    for chosen in 0..<128 {
      var descriptor = VP8PayloadDescriptor()
      descriptor.isNonReference = chosen & 1 != 0
      descriptor.startsPartition = chosen & 2 != 0
      descriptor.partition = chosen & 4 != 0 ? 5 : 0
      descriptor.pictureID = chosen & 8 != 0 ? 0x7FFE : nil
      descriptor.tl0PictureIndex = chosen & 16 != 0 ? 200 : nil
      descriptor.temporalLayer = chosen & 32 != 0 ? .init(id: 3, isSwitchingPoint: chosen & 1 != 0) : nil
      descriptor.keyIndex = chosen & 64 != 0 ? 21 : nil
      let bytes = ByteWriter.bytes(capacity: 16) { descriptor.write(into: &$0) }
      #expect(bytes.count == descriptor.byteCount)
      let (read, rest) = try Self.read(bytes)
      #expect(read == descriptor && rest == 0)
    }
  }

  @Test func survivesBrokenDescriptorsAndFrames() {
    fuzz([0xB0, 0xF0, 0x81, 0x02, 0x55, 0xB3, 0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01], flips: 3000)
    {
      bytes in
      var reader = ByteReader(bytes)
      if (try? VP8PayloadDescriptor(parsing: &reader)) != nil {
        _ = try? VP8FrameHeader(parsing: reader.readRemaining())
      }
    }
  }

  @Test func readsTheSizeOfAKeyframe() throws {
    let bytes: [UInt8] = [0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x42, 0xE0, 0x81, 0xFF]
    let header = try VP8FrameHeader(parsing: bytes.span.bytes)
    #expect(header.isKeyframe && header.width == 640 && header.height == 480)  // the upper two bits are scaling
    let delta: [UInt8] = [0x11, 0x02, 0x00]
    #expect(try !VP8FrameHeader(parsing: delta.span.bytes).isKeyframe)
    let wrong: [UInt8] = [0x10, 0x02, 0x00, 0x9D, 0x01, 0x2B, 0x80, 0x42, 0xE0, 0x81, 0xFF]
    #expect(throws: ParseError.self) { try VP8FrameHeader(parsing: wrong.span.bytes) }
  }
}

@Suite struct PacketisationTests {
  @Test func allPacketsOfAFrameButTheLastAreOfOneSize() throws {
    var generator = SeededGenerator(seed: 1)
    for maximum in [200, 500, PacketisedVideoFrame.defaultMaximumPayload] {
      for temporalID in [nil, 1] as [UInt8?] {
        for count in [10, 11, 193, 194, 195, 196, 197, 390, 1143, 1145, 1146, 1147, 2292, 2293, 9999, 60_000] {
          let frame = videoFrame(
            count, isKeyframe: true, temporalID: temporalID, maximumPayload: maximum, using: &generator)
          let sizes = (0..<frame.packetCount).map { frame.payloadSize(ofPacket: $0) }
          #expect(sizes.allSatisfy { $0 <= maximum })
          #expect(Set(sizes.dropLast()).count <= 1)
          #expect(sizes.last! <= sizes.first!)
          #expect(sizes.last! > frame.format.descriptorSize)
          #expect(sizes.reduce(0, +) == count + frame.packetCount * frame.format.descriptorSize)
          // No more packets than it takes.
          let room = maximum - frame.format.descriptorSize
          #expect(frame.packetCount == (count + room - 1) / room)
          var bytes: [UInt8] = []
          for index in 0..<frame.packetCount {
            let payload = ByteWriter.bytes(capacity: 1472) {
              frame.write(packet: index, numbers: PictureNumbers(pictureID: 5, tl0PictureIndex: 6), into: &$0)
            }
            #expect(payload.count == sizes[index])
            bytes += payload.dropFirst(frame.format.descriptorSize)
          }
          #expect(bytes == frame.bytes)
        }
      }
    }
  }

  @Test func refusesFramesThatAreEmptyOrAbsurd() {
    let make = { (count: Int) in
      PacketisedVideoFrame(
        bytes: Array(repeating: 0, count: count), format: .vp8(VP8Picture()), isKeyframe: true, captured: .start,
        width: 1,
        height: 1)
    }
    #expect(make(0) == nil)
    #expect(make(PacketisedVideoFrame.maximumFrameSize + 1) == nil)
    #expect(make(PacketisedVideoFrame.maximumFrameSize) != nil)
    #expect(PacketisedAudioFrame(bytes: [], captured: .start, timestamp: 0) == nil)
    #expect(PacketisedAudioFrame(bytes: Array(repeating: 0, count: 1276), captured: .start, timestamp: 0) == nil)
  }
}
