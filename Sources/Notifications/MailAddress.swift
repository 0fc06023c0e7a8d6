// SPDX-License-Identifier: Apache-2.0

/// A mailbox (RFC 5322 section 3.4): `soc@example.com` or `Security <soc@example.com>`.
package struct MailAddress: Sendable, Equatable {
    /// What stands between `<` and `>`: what the SMTP envelope takes.
    package let address: String
    package let name: String?

    /// - Throws: ``MailAddressError``.
    package init(_ text: String) throws(MailAddressError) {
        let text = text.trimmingSpaces()
        var address = text[...]
        var name: String?
        if text.hasSuffix(">"), let open = text.lastIndex(of: "<") {
            address = text[text.index(after: open)...].dropLast()
            let words = String(text[..<open]).trimmingSpaces()
            name =
                words.hasPrefix("\"") && words.hasSuffix("\"") && words.count > 1
                ? String(words.dropFirst().dropLast()) : words
        }
        let parts = address.split(separator: "@", omittingEmptySubsequences: false)
        // Quoted local parts and UTF-8 in addresses (RFC 6531) are left out: not every server takes them.
        guard parts.count == 2, address.utf8.count <= 254, parts.allSatisfy({ !$0.isEmpty }),
            address.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !#"<>()[],;:\""#.utf8.contains($0) })
        else { throw MailAddressError(text: text) }
        self.address = String(address)
        self.name = name.flatMap { $0.isEmpty ? nil : Escaping.plain($0, limit: 200) }
    }

    /// Addresses with commas between, as Alertmanager writes `to`.
    ///
    /// - Throws: ``MailAddressError``.
    package static func list(_ text: String) throws(MailAddressError) -> [MailAddress] {
        var all: [MailAddress] = []
        for part in text.split(separator: ",") { all.append(try MailAddress(String(part))) }
        return all
    }

    var domain: Substring { address[address.index(after: address.lastIndex(of: "@") ?? address.startIndex)...] }

    /// As it stands in a header.
    var header: String {
        guard let name else { return address }
        let isAtoms = name.utf8.allSatisfy { byte in
            byte == 0x20 || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        }
        return "\(isAtoms ? name : MailHeader.encodedWords(name)) <\(address)>"
    }
}

/// A text that is no address.
package struct MailAddressError: Error, Sendable, Equatable, CustomStringConvertible {
    package let text: String

    package var description: String {
        "'\(text.prefix(80))' is not a mail address: write soc@example.com or Security <soc@example.com>"
    }
}

extension String {
    func trimmingSpaces() -> String {
        guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(self[first...last])
    }
}
