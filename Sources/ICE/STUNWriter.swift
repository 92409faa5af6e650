package import Wire

extension ByteWriter {
  /// Writes a STUN message whose attributes `attributes` writes, then MESSAGE-INTEGRITY when there is a key, then
  /// FINGERPRINT. The message must be the first thing in this writer.
  package mutating func writeSTUN(
    _ messageClass: STUNMessage.Class, method: UInt16 = 1, _ transaction: TransactionID, integrityKey: [UInt8]?,
    attributes: (inout ByteWriter) -> Void
  ) {
    precondition(count == 0, "the checksums run from the start of the datagram")
    let number = UInt16(messageClass.rawValue)
    write((number & 1) << 4 | (number & 2) << 7 | method & 0xF | (method & 0x70) << 1 | (method & 0xF80) << 2)
    write(UInt16(0))
    write(STUNMessage.magicCookie)
    write(transaction.tag)
    write(transaction.number)
    attributes(&self)
    if let integrityKey {
      patchSTUNLength(adding: 24)
      let code = withWrittenBytes { MessageAuthenticationCode(of: $0, key: integrityKey) }
      writeSTUNHeader(.messageIntegrity, length: 20)
      code.write(into: &self)
    }
    patchSTUNLength(adding: 8)
    let checksum = withWrittenBytes { $0.crc32 ^ STUNMessage.fingerprintMask }
    writeSTUN(.fingerprint, checksum)
  }

  package mutating func writeSTUN(_ attribute: STUNAttribute, _ value: UInt32) {
    writeSTUNHeader(attribute, length: 4)
    write(value)
  }

  package mutating func writeSTUN(_ attribute: STUNAttribute, _ value: UInt64) {
    writeSTUNHeader(attribute, length: 8)
    write(value)
  }

  package mutating func writeSTUN(_ attribute: STUNAttribute, _ value: [UInt8] = []) {
    writeSTUNHeader(attribute, length: value.count)
    write(value)
    writeZeros(-value.count & 3)
  }

  /// XOR-MAPPED-ADDRESS.
  package mutating func writeSTUN(xorMappedAddress address: SocketAddress, _ transaction: TransactionID) {
    let hidden = address.xored(with: transaction)
    switch hidden.address.family {
    case .v4:
      writeSTUNHeader(.xorMappedAddress, length: 8)
      write(UInt16(1))
      write(hidden.port)
      write(UInt32(truncatingIfNeeded: hidden.address.low))
    case .v6:
      writeSTUNHeader(.xorMappedAddress, length: 20)
      write(UInt16(2))
      write(hidden.port)
      write(hidden.address.high)
      write(hidden.address.low)
    }
  }

  /// ERROR-CODE. The reason is for people who read captures.
  package mutating func writeSTUN(errorCode code: Int, reason: StaticString) {
    precondition((300...699).contains(code), "error codes are our own constants")
    writeSTUNHeader(.errorCode, length: 4 + reason.utf8CodeUnitCount)
    write(UInt16(0))
    write(UInt8(code / 100))
    write(UInt8(code % 100))
    reason.withUTF8Buffer { write(UnsafeRawBufferPointer($0)) }
    writeZeros(-reason.utf8CodeUnitCount & 3)
  }

  /// UNKNOWN-ATTRIBUTES.
  package mutating func writeSTUN(unknownAttributes: [UInt16]) {
    writeSTUNHeader(.unknownAttributes, length: unknownAttributes.count * 2)
    for attribute in unknownAttributes { write(attribute) }
    writeZeros(-unknownAttributes.count * 2 & 3)
  }

  private mutating func writeSTUNHeader(_ attribute: STUNAttribute, length: Int) {
    write(attribute.rawValue)
    write(UInt16(truncatingIfNeeded: length))
  }

  private mutating func patchSTUNLength(adding more: Int) {
    patch(UInt16(truncatingIfNeeded: count &- STUNMessage.headerSize &+ more), at: 2)
  }
}
