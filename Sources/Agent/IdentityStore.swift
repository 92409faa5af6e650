internal import LinuxIO
internal import Secure

/// The board's certificate for DTLS: made at the first start, kept from then on, so that a board can be recognised by it.
enum IdentityStore {
  /// Reads `dtls.pem` from the state folder, or makes it there.
  ///
  /// - Parameter folder: is made when it is missing. When it cannot be written the identity lives for this run only, which is said
  ///   in the log.
  static func load(folder: String) throws -> Identity {
    let path = folder + "/dtls.pem"
    if let pem = try? File.read(path) {
      do {
        return try Identity(pem: pem, random: SystemRandomNumberGenerator())
      } catch {
        Log.warning("\(path) holds no usable key and certificate (\(error)): a new identity replaces it.")
      }
    }
    let identity = try Identity(commonName: "perch", random: SystemRandomNumberGenerator())
    do {
      try File.makeFolder(folder)
      try File.replace(path, with: identity.pem, mode: 0o600)
    } catch {
      Log.warning("The identity cannot be kept, so the next start makes another one: \(error). Set state.directory.")
    }
    return identity
  }
}
