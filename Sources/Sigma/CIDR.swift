// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#endif

/// A network in CIDR notation, IPv4 or IPv6 (RFC 4632, RFC 4291 section 2.3).
struct CIDR: Hashable, Sendable {
    private let family: Int32
    private let network: [UInt8]
    private let prefix: Int

    /// Nil when the text is no network.
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let prefix = Int(parts[1]), prefix >= 0, String(prefix) == parts[1],
            !parts[0].utf8.contains(0)
        else { return nil }
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, String(parts[0]), &bytes) == 1 {
            family = AF_INET
            bytes = Array(bytes[..<4])
        } else if inet_pton(AF_INET6, String(parts[0]), &bytes) == 1 {
            family = AF_INET6
        } else {
            return nil
        }
        guard prefix <= bytes.count * 8 else { return nil }
        self.prefix = prefix
        network = bytes
    }

    /// Whether the address is in the network; what is no address is in none.
    func contains(_ address: UnsafeRawBufferPointer) -> Bool {
        guard address.count > 1, address.count < 46, !address.contains(0) else { return false }
        return withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { buffer in
            buffer.copyMemory(from: address)
            buffer[address.count] = 0
            guard let text = buffer.baseAddress, case let bytes = text + 48,
                inet_pton(family, text.assumingMemoryBound(to: CChar.self), bytes) == 1
            else { return false }
            let whole = prefix / 8
            for i in 0..<whole where bytes.load(fromByteOffset: i, as: UInt8.self) != network[i] { return false }
            let rest = prefix % 8
            if rest == 0 { return true }
            let mask = UInt8(truncatingIfNeeded: 0xFF00 >> rest)
            return (bytes.load(fromByteOffset: whole, as: UInt8.self) ^ network[whole]) & mask == 0
        }
    }
}
