// SPDX-License-Identifier: Apache-2.0

/// The proxies and load balancers in front of a server, whose word on where a request comes from is taken: their header
/// `X-Forwarded-For` (MDN's page of that name; each appends the address that it was reached from). What others write there is theirs
/// to invent, and is not read.
package struct TrustedProxies: Sendable, Equatable {
    package let networks: [AddressNetwork]

    /// How many entries of the header are looked at, from the end: no chain of proxies is as long.
    private static let longest = 32

    package init(_ networks: [AddressNetwork] = []) {
        self.networks = networks
    }

    /// Where a request comes from.
    package struct Source: Equatable, Sendable {
        /// The client: the last address on the way that is no proxy of ours.
        package var address: String
        /// The proxies of ours that it came through, the one next to the client first.
        package var proxies: [String]

        package init(address: String, proxies: [String] = []) {
            self.address = address
            self.proxies = proxies
        }
    }

    /// Where a request comes from.
    ///
    /// - Parameters:
    ///   - peer: the other end of the connection.
    ///   - forwardedFor: the values of `X-Forwarded-For`, in their order. They are asked for only if the peer is a proxy of ours.
    package func source(peer: String, forwardedFor: () -> [String]) -> Source {
        guard !networks.isEmpty, let bytes = AddressNetwork.bytes(peer), contains(bytes) else {
            return Source(address: peer)
        }
        var source = Source(address: AddressNetwork.text(bytes))
        // Empty elements of a list are none (RFC 9110, section 5.6.1).
        let entries = forwardedFor().joined(separator: ",").split(separator: ",").filter {
            !$0.allSatisfy(Self.isSpace)
        }
        for entry in entries.suffix(Self.longest).reversed() {
            // What is no address ends the way: the client is then as far as the proxies tell.
            guard let address = Self.address(entry) else { return source }
            source.proxies.insert(source.address, at: 0)
            source.address = AddressNetwork.text(address)
            if !contains(address) { return source }
        }
        return source
    }

    private func contains(_ address: [UInt8]) -> Bool { networks.contains { $0.contains(address) } }

    private static func isSpace(_ character: Character) -> Bool { character == " " || character == "\t" }

    /// 16 bytes of an entry: an address, which some proxies write with the port behind it (`192.0.2.7:4711`, `[2001:db8::7]:4711`).
    private static func address(_ entry: Substring) -> [UInt8]? {
        var text = entry.drop(while: isSpace)
        while text.last.map(isSpace) == true { text.removeLast() }
        guard text.utf8.count <= 64 else { return nil }
        if text.first == "[", let end = text.firstIndex(of: "]") {
            text = text[text.index(after: text.startIndex)..<end]
        } else if text.contains("."), let colon = text.lastIndex(of: ":"),
            text.firstIndex(of: ":") == colon
        {
            text = text[..<colon]
        }
        return AddressNetwork.bytes(String(text))
    }
}
