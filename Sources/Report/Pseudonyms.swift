// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import Signing

/// The key by which identities become codes. Without it nobody can tell whose a code is, nor try out names.
package struct PseudonymKey: Sendable, CustomStringConvertible, CustomReflectable {
    private let key: SymmetricKey

    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
    private static let bytes = 32

    /// A key of 32 bytes or more.
    package init(bytes: [UInt8]) throws(PseudonymKeyError) {
        guard bytes.count >= Self.bytes else { throw .short(bytes.count) }
        key = SymmetricKey(data: bytes)
    }

    /// The key of a file, which is made if it is not there: base64, mode 0600. Codes are the same as long as the file is.
    ///
    /// - Throws: `KeyError` where the file cannot be read or made, ``PseudonymKeyError``.
    package init(path: String) throws {
        if !FileManager.default.fileExists(atPath: path) {
            let new = SymmetricKey(size: .bits256).withUnsafeBytes { Data($0) }
            do {
                try KeyFile.write(new.base64EncodedString() + "\n", to: path)
            } catch {
                // Somebody else may have made it meanwhile.
                guard FileManager.default.fileExists(atPath: path) else { throw error }
            }
        }
        let text = try KeyFile.read(path).trimmingCharacters(in: .whitespacesAndNewlines)
        guard let data = Data(base64Encoded: text) else { throw PseudonymKeyError.notAKey(path) }
        try self.init(bytes: Array(data))
    }

    /// `P-7F3K2M9Q`: 40 bits of HMAC-SHA-256 (RFC 2104) over the identity in lower case, in Crockford's base 32. Of 10,000 identities two
    /// have one code with a probability of 1 in 22,000.
    package func code(_ identity: String) -> String {
        let mac = HMAC<SHA256>.authenticationCode(for: Data(identity.lowercased().utf8), using: key)
        var bits: UInt64 = 0
        for byte in mac.prefix(5) { bits = bits << 8 | UInt64(byte) }
        var code = "P-"
        for place in 0..<8 { code.append(Self.alphabet[Int(bits >> UInt64(35 - 5 * place)) & 31]) }
        return code
    }

    package var description: String { "PseudonymKey(<redacted>)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// The key of pseudonyms cannot be used.
package enum PseudonymKeyError: Error, Sendable, Equatable, CustomStringConvertible {
    case short(Int)
    case notAKey(String)

    package var description: String {
        switch self {
        case .short(let count):
            "the key of pseudonyms has \(count) bytes and must have 32: restore it from a backup, or move it away; then all codes change"
        case .notAKey(let path):
            "\(path) holds no key of pseudonyms (base64): restore it from a backup, or move it away; then all codes change"
        }
    }
}

/// How people and services are called in a report.
final class Naming {
    let isNamed: Bool
    private let key: PseudonymKey
    private var codes: [String: String] = [:]
    /// Names in lower case, by what stands for them.
    private var known: [[UInt8]: String] = [:]
    private var lengths: [Int] = []

    /// A name shorter than this inside a text is left: it would be a word of every sentence.
    private static let shortest = 3

    init(_ key: PseudonymKey, isNamed: Bool) {
        self.key = key
        self.isNamed = isNamed
    }

    /// The pseudonym, in either edition.
    func code(_ identity: String) -> String {
        if let code = codes[identity] { return code }
        let code = key.code(identity)
        codes[identity] = code
        return code
    }

    /// What stands for an identity.
    func who(_ identity: String) -> String { isNamed ? identity : code(identity) }

    /// From now on the name, and what stands before the `@` of an address, is replaced in texts by the code of the identity.
    func know(_ name: String, of identity: String) {
        guard !isNamed else { return }
        let folded = Self.fold(name)
        guard folded.count >= Self.shortest else { return }
        if known[folded] == nil { known[folded] = code(identity) }
        if let at = folded.firstIndex(of: UInt8(ascii: "@")), at >= Self.shortest, known[Array(folded[..<at])] == nil {
            known[Array(folded[..<at])] = code(identity)
        }
    }

    /// To be called after the last ``know(_:of:)``.
    func seal() { lengths = Set(known.keys.map(\.count)).sorted(by: >) }

    /// The text with every known name in it replaced, the longest first, at the borders of words.
    func text(_ text: String) -> String {
        guard !isNamed, !lengths.isEmpty else { return text }
        let bytes = Array(text.utf8)
        let folded = Self.fold(text)
        // A letter that changes its length in lower case: names are looked for in what is compared.
        guard folded.count == bytes.count else { return String(decoding: replaced(folded, folded), as: UTF8.self) }
        return String(decoding: replaced(bytes, folded), as: UTF8.self)
    }

    private func replaced(_ bytes: [UInt8], _ folded: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        search: while index < bytes.count {
            if index == 0 || !Self.isWord(folded[index - 1]) || !Self.isWord(folded[index]) {
                for length in lengths where index + length <= folded.count {
                    let end = index + length
                    guard end == folded.count || !Self.isWord(folded[end]) || !Self.isWord(folded[end - 1]),
                        let code = known[Array(folded[index..<end])]
                    else { continue }
                    result += Array(code.utf8)
                    index = end
                    continue search
                }
            }
            result.append(bytes[index])
            index += 1
        }
        return result
    }

    private static func fold(_ text: String) -> [UInt8] { Array(text.lowercased().utf8) }

    /// Letters and digits, also those beyond ASCII.
    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), 0x80...:
            true
        default: false
        }
    }
}
