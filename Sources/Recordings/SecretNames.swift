// SPDX-License-Identifier: Apache-2.0

/// Which names name a secret: `password`, `OPENAI_API_KEY`, `X-Amz-Signature`, `clientSecret`, but not `max_tokens`.
enum SecretNames {
    /// A name that ends so, whatever is before it; capitals, `-` and `_` do not count.
    private static let endings = [
        "password", "passwords", "passwd", "pwd", "passphrase", "secret", "secrets", "token", "apikey", "apikeys",
        "accesskey", "accesskeyid", "secretkey", "privatekey", "signingkey", "encryptionkey", "sessionkey",
        "authorization", "credential", "credentials", "cookie", "signature", "assertion",
    ]
    /// Too short to be looked for at the end of other names.
    private static let whole = ["auth", "jwt", "otp", "sig", "bearer"]

    /// By the last letter, each from its end to its beginning.
    private static let table: [[(letters: [UInt8], isWhole: Bool)]] = {
        var table = [[(letters: [UInt8], isWhole: Bool)]](repeating: [], count: 256)
        for name in endings { table[Int(name.utf8.last ?? 0)].append((name.utf8.reversed(), false)) }
        for name in whole { table[Int(name.utf8.last ?? 0)].append((name.utf8.reversed(), true)) }
        return table
    }()

    static func contains(_ name: Slice<UnsafeRawBufferPointer>) -> Bool {
        guard let last = name.last else { return false }
        return table[Int(last | 0x20)].contains { fits(name, $0.letters, isWhole: $0.isWhole) }
    }

    private static func fits(_ name: Slice<UnsafeRawBufferPointer>, _ letters: [UInt8], isWhole: Bool) -> Bool {
        var index = name.endIndex
        var letter = 0
        while index > name.startIndex {
            index -= 1
            let byte = name[index]
            if byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") { continue }
            guard letter < letters.count else { return !isWhole }
            guard byte | 0x20 == letters[letter] else { return false }
            letter += 1
        }
        return letter == letters.count
    }
}
