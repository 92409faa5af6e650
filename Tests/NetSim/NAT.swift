package import Wire

/// How a NAT makes mappings and whom it lets in (RFC 4787 §4.1, §5).
package struct NATBehaviour: Sendable {
  /// What of the remote end a mapping, or a permission, depends on.
  package enum Dependence: Sendable {
    case endpointIndependent
    case addressDependent
    case addressAndPortDependent
  }

  package var mapping: Dependence
  package var filtering: Dependence
  /// How long a mapping lives without an outbound datagram.
  package var lifetime: Interval
  /// Whether a host inside reaches another's mapping by the public address (RFC 4787 §6).
  package var hairpins: Bool

  package init(
    mapping: Dependence, filtering: Dependence, lifetime: Interval = .seconds(120), hairpins: Bool = true
  ) {
    self.mapping = mapping
    self.filtering = filtering
    self.lifetime = lifetime
    self.hairpins = hairpins
  }

  /// The common home router: one public port for one inside port, replies only from whom one has sent to.
  package static let portRestricted = NATBehaviour(mapping: .endpointIndependent, filtering: .addressAndPortDependent)
  package static let addressRestricted = NATBehaviour(mapping: .endpointIndependent, filtering: .addressDependent)
  package static let fullCone = NATBehaviour(mapping: .endpointIndependent, filtering: .endpointIndependent)
  /// Mobile networks and offices: another public port for each remote end.
  package static let symmetric = NATBehaviour(mapping: .addressAndPortDependent, filtering: .addressAndPortDependent)
}

/// A NAT at work: the mappings of one public address.
struct NAT: Sendable {
  let publicAddress: IPAddress
  let behaviour: NATBehaviour

  /// A remote end as far as mapping or filtering look at it.
  private struct Remote: Hashable {
    var address: IPAddress?
    var port: UInt16?

    init(_ remote: SocketAddress, _ dependence: NATBehaviour.Dependence) {
      switch dependence {
      case .endpointIndependent: break
      case .addressDependent: address = remote.address
      case .addressAndPortDependent: (address, port) = (remote.address, remote.port)
      }
    }
  }

  private struct Mapping {
    var inside: SocketAddress
    var remote: Remote
    var publicPort: UInt16
    var permissions: Set<Remote> = []
    var lastUsed: Instant
  }

  private var mappings: [Mapping] = []
  private var nextPort: UInt16 = 40_000  // apart from the inside ports, so that a test sees the translation

  init(publicAddress: IPAddress, behaviour: NATBehaviour) {
    self.publicAddress = publicAddress
    self.behaviour = behaviour
  }

  /// The source that a datagram shows outside. Makes or refreshes a mapping, and the permission to reply.
  mutating func translateOutbound(_ inside: SocketAddress, to remote: SocketAddress, now: Instant) -> SocketAddress {
    expire(now)
    let key = Remote(remote, behaviour.mapping)
    let index: Int
    if let known = mappings.firstIndex(where: { $0.inside == inside && $0.remote == key }) {
      index = known
    } else {
      index = mappings.count
      mappings.append(Mapping(inside: inside, remote: key, publicPort: nextPort, lastUsed: now))
      nextPort = nextPort == .max ? 40_000 : nextPort + 1
    }
    mappings[index].lastUsed = now
    mappings[index].permissions.insert(Remote(remote, behaviour.filtering))
    return SocketAddress(publicAddress, port: mappings[index].publicPort)
  }

  /// Whose datagram this is inside; nil when it is dropped.
  mutating func translateInbound(_ target: SocketAddress, from remote: SocketAddress, now: Instant) -> SocketAddress? {
    expire(now)
    guard remote.address != publicAddress || behaviour.hairpins else { return nil }
    let mapping = mappings.first { $0.publicPort == target.port }
    guard let mapping, mapping.permissions.contains(Remote(remote, behaviour.filtering)) else { return nil }
    return mapping.inside
  }

  mutating func forgetMappings() {
    mappings.removeAll()
  }

  private mutating func expire(_ now: Instant) {
    mappings.removeAll { now - $0.lastUsed > behaviour.lifetime }
  }
}
