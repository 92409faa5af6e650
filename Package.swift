// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableExperimentalFeature("Lifetimes"),
  .treatAllWarnings(as: .error),
]

/// One of our layers. Imports run downwards only: see DESIGN.md.
func layer(_ name: String, uses dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

/// A C library of Debian's behind a small shim.
func library(_ name: String, uses dependencies: [Target.Dependency] = [], links libraries: [String]) -> Target {
  .target(
    name: name, dependencies: dependencies, path: "Sources/C/\(name)",
    linkerSettings: libraries.map { .linkedLibrary($0) })
}

func tests(_ name: String, uses dependencies: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.byName(name: name)] + dependencies, swiftSettings: swiftSettings)
}

let package = Package(
  name: "perch",
  products: [.executable(name: "perch", targets: ["perch"]), .executable(name: "perch-load", targets: ["perch-load"])],
  targets: [
    .executableTarget(name: "perch", dependencies: ["Agent"], swiftSettings: swiftSettings),
    .executableTarget(
      name: "perch-load", dependencies: ["Session", "LinuxIO", "JSON", "Wire"], swiftSettings: swiftSettings),
    layer(
      "Agent",
      uses: [
        "Signaling", "Telemetry", "Control", "Media", "Configuration", "LinuxIO", "Session", "Secure", "DataChannel",
        "ICE", "SDP", "RTP", "JSON",
        "Wire",
      ]),
    .target(
      name: "Signaling", dependencies: ["CWebSockets", "CViewer", "LinuxIO", "Wire"], exclude: ["Viewer"],
      swiftSettings: swiftSettings),
    layer("Telemetry", uses: ["LinuxIO", "Wire"]),
    layer("Control", uses: ["JSON", "Wire"]),
    layer("Media", uses: ["CV4L", "CALSA", "CVPX", "COpus", "CYUV", "RTP", "LinuxIO", "Wire"]),
    layer("Configuration", uses: ["CYAML", "Wire"]),
    layer("JSON", uses: ["CJansson"]),
    layer("LinuxIO", uses: ["CLinux", "Wire"]),
    layer("Session", uses: ["ICE", "SDP", "RTP", "Secure", "DataChannel", "Wire"]),
    layer("ICE", uses: ["CCrypto", "Wire"]),
    layer("SDP", uses: ["Wire"]),
    layer("RTP", uses: ["Wire"]),
    layer("Secure", uses: ["CMbedTLS", "CSRTP", "CCrypto", "Wire"]),
    layer("DataChannel", uses: ["CUsrsctp", "Wire"]),
    layer("Wire"),

    library("CLinux", links: []),
    library("CCrypto", links: ["crypto"]),
    library("CMbedTLS", uses: ["CCrypto"], links: ["mbedtls", "mbedx509", "mbedcrypto"]),
    library("CSRTP", links: ["srtp2", "crypto"]),
    library("CUsrsctp", links: ["usrsctp"]),
    library("CViewer", links: []),
    library("CVPX", links: ["vpx"]),
    library("COpus", links: ["opus"]),
    library("CV4L", links: ["v4l2"]),
    library("CALSA", links: ["asound"]),
    library("CYUV", links: ["yuv"]),
    library("CYAML", links: ["yaml"]),
    library("CJansson", links: ["jansson"]),
    library("CWebSockets", links: ["websockets"]),

    .target(name: "NetSim", dependencies: ["Wire"], path: "Tests/NetSim", swiftSettings: swiftSettings),
    tests("Wire"),
    tests("ICE", uses: ["NetSim", "Wire"]),
    tests("SDP", uses: ["NetSim", "Wire"]),
    tests("RTP", uses: ["NetSim", "Wire"]),
    tests("Secure", uses: ["NetSim", "Wire"]),
    tests("DataChannel", uses: ["CUsrsctp", "NetSim", "Wire"]),
    tests("Session", uses: ["NetSim", "ICE", "SDP", "RTP", "Secure", "DataChannel", "Wire"]),
    tests("LinuxIO", uses: ["Wire"]),
    tests("JSON", uses: ["NetSim"]),
    tests("Configuration", uses: ["NetSim", "Wire"]),
    tests("Media", uses: ["COpus", "CV4L", "CVPX", "LinuxIO", "NetSim", "RTP", "Wire"]),
    tests("Telemetry", uses: ["Wire"]),
    tests("Control", uses: ["JSON"]),
    tests("Signaling", uses: ["NetSim", "Wire"]),
    tests("Agent", uses: ["JSON", "RTP", "SDP", "Secure", "Session", "Telemetry", "Wire"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .gnu17
)
