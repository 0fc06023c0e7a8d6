// SPDX-License-Identifier: Apache-2.0
package import Addresses

/// Which addresses a target may be reached at. It is asked for the address of every connection at the moment it is made, after
/// names were resolved, so that neither a DNS answer nor a redirect leads inside (SSRF).
package struct AddressPolicy: Sendable, Equatable {
    /// Public addresses only.
    package static let publicOnly = AddressPolicy()
    /// Private ones too. The services that hand out a cloud machine's credentials are still refused.
    package static let allowingPrivate = AddressPolicy(allowsPrivate: true)

    /// Private, loopback, link-local and all other addresses that are not of the public Internet are allowed.
    package var allowsPrivate: Bool
    /// Networks that are allowed whatever they are.
    package var networks: [AddressNetwork]

    package init(allowsPrivate: Bool = false, networks: [AddressNetwork] = []) {
        self.allowsPrivate = allowsPrivate
        self.networks = networks
    }

    /// Whether a connection may be made to the address, an IPv4 or IPv6 address in text.
    package func allows(_ text: String) -> Bool {
        guard let address = AddressNetwork.bytes(text) else { return false }
        return allows(address)
    }

    /// `address` has 16 bytes; an IPv4 address is the IPv6 address that maps it (::ffff:0:0/96).
    func allows(_ address: [UInt8]) -> Bool {
        let all = [address] + (Self.embedded(address).map { [$0] } ?? [])
        if networks.contains(where: { network in all.contains(where: network.contains) }) { return true }
        if all.contains(where: { address in Self.metadata.contains { $0.contains(address) } }) { return false }
        return allowsPrivate || !all.contains { address in Self.special.contains { $0.contains(address) } }
    }

    /// The IPv4 address that an IPv6 address of a translation carries: NAT64 (RFC 6052), 6to4 (RFC 3056), and the
    /// compatible form that nobody should use (RFC 4291 section 2.5.5.1).
    private static func embedded(_ address: [UInt8]) -> [UInt8]? {
        func mapped(_ range: Range<Int>) -> [UInt8] { Array(repeating: 0, count: 10) + [0xFF, 0xFF] + address[range] }
        if nat64.contains(address) || compatible.contains(address) { return mapped(12..<16) }
        if sixToFour.contains(address) { return mapped(2..<6) }
        return nil
    }

    private static let nat64 = AddressNetwork(known: "64:ff9b::/96")
    private static let sixToFour = AddressNetwork(known: "2002::/16")
    private static let compatible = AddressNetwork(known: "::/96")

    /// Metadata of AWS, Google, Azure, Oracle and Alibaba. One of them is a public address.
    private static let metadata = [
        "169.254.169.254/32", "169.254.170.2/32", "169.254.170.23/32", "fd00:ec2::/64", "fd20:ce::254/128",
        "168.63.129.16/32", "192.0.0.192/32", "100.100.100.200/32",
    ].map(AddressNetwork.init(known:))

    /// The IANA registries of special-purpose addresses, those that are not globally reachable, and multicast.
    private static let special = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
        "::/127", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7",
        "fe80::/10", "fec0::/10", "ff00::/8",
    ].map(AddressNetwork.init(known:))
}
