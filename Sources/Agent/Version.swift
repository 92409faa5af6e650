/// The version that `perch version`, `device.info` and the HTTP server tell.
package enum Version {
  package static let current = "0.1.0"
}
