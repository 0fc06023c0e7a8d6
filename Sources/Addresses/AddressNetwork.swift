// SPDX-License-Identifier: Apache-2.0

import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

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

    /// One that stands in the source; tests show that each can be read.
    package init(known text: String) {
        self = AddressNetwork(text) ?? AddressNetwork(prefix: Array(repeating: 0, count: 16), length: 0)
    }

    private init(prefix: [UInt8], length: Int) {
        self.prefix = prefix
        self.length = length
    }

    /// `address` has 16 bytes.
    package func contains(_ address: [UInt8]) -> Bool {
        guard address.count == 16 else { return false }
        let whole = length / 8
        guard address[..<whole].elementsEqual(prefix[..<whole]) else { return false }
        let rest = length % 8
        guard rest > 0 else { return true }
        let mask = UInt8(truncatingIfNeeded: 0xFF00 >> rest)
        return address[whole] & mask == prefix[whole] & mask
    }

    /// 16 bytes of an address in text.
    package static func bytes(_ text: String) -> [UInt8]? {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            return withUnsafeBytes(of: four) { Array(repeating: 0, count: 10) + [0xFF, 0xFF] + $0 }
        }
        var six = in6_addr()
        guard inet_pton(AF_INET6, text, &six) == 1 else { return nil }
        return withUnsafeBytes(of: six) { Array($0) }
    }

    /// 16 bytes as text; an IPv4 address as such.
    package static func text(_ bytes: [UInt8]) -> String {
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
