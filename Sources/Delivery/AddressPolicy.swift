// SPDX-License-Identifier: Apache-2.0
import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

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

/// A network in CIDR form, or one address.
package struct AddressNetwork: Sendable, Equatable {
    private let prefix: [UInt8]
    /// Of 128.
    private let length: Int

    /// `10.1.0.0/16`, `fd12::/32`, `192.0.2.7`; nil for anything else.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let bytes = Self.bytes(String(parts[0])) else { return nil }
        let bits = parts[0].contains(":") ? 128 : 32
        var length = bits
        if parts.count == 2 {
            guard let given = Int(parts[1]), (0...bits).contains(given) else { return nil }
            length = given
        }
        prefix = bytes
        self.length = length + 128 - bits
    }

    /// One that stands in this file; tests show that each can be read.
    fileprivate init(known text: String) {
        self = AddressNetwork(text) ?? AddressNetwork(prefix: Array(repeating: 0, count: 16), length: 0)
    }

    private init(prefix: [UInt8], length: Int) {
        self.prefix = prefix
        self.length = length
    }

    /// `address` has 16 bytes.
    func contains(_ address: [UInt8]) -> Bool {
        guard address.count == 16 else { return false }
        let whole = length / 8
        guard address[..<whole].elementsEqual(prefix[..<whole]) else { return false }
        let rest = length % 8
        guard rest > 0 else { return true }
        let mask = UInt8(truncatingIfNeeded: 0xFF00 >> rest)
        return address[whole] & mask == prefix[whole] & mask
    }

    /// 16 bytes of an address in text.
    static func bytes(_ text: String) -> [UInt8]? {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            return withUnsafeBytes(of: four) { Array(repeating: 0, count: 10) + [0xFF, 0xFF] + $0 }
        }
        var six = in6_addr()
        guard inet_pton(AF_INET6, text, &six) == 1 else { return nil }
        return withUnsafeBytes(of: six) { Array($0) }
    }

    /// 16 bytes as text; an IPv4 address as such.
    static func text(_ bytes: [UInt8]) -> String {
        guard bytes.count == 16 else { return "an address of another kind" }
        if bytes[..<10].allSatisfy({ $0 == 0 }), bytes[10] == 0xFF, bytes[11] == 0xFF {
            return bytes[12...].map(String.init).joined(separator: ".")
        }
        var six = in6_addr()
        withUnsafeMutableBytes(of: &six) { $0.copyBytes(from: bytes) }
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(AF_INET6, &six, &buffer, socklen_t(buffer.count)) != nil else { return "an address" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
