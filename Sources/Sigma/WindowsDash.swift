// SPDX-License-Identifier: Apache-2.0

/// The modifier `windash` (Sigma specification 2.1): Windows programs take `-`, `/` and three longer dashes for the sign
/// before a parameter.
enum WindowsDash {
    /// Hyphen, slash, en dash, em dash, horizontal bar.
    static let signs = ["-", "/", "\u{2013}", "\u{2014}", "\u{2015}"]
    /// The most signs of one value: each multiplies the patterns by five.
    static let maximumSigns = 4

    /// The pattern with every sign at the start of a parameter in each of its forms; nil when there are too many.
    ///
    /// A sign starts a parameter when a word begins behind it and none ends before it, so in `-as-needed` only the first
    /// does (pySigma's reading, decision D5). Wildcards end words.
    static func expand(_ pattern: SigmaPattern) -> [SigmaPattern]? {
        var variants: [[SigmaPattern.Token]] = [[]]
        var signs = 0
        for token in pattern.tokens {
            guard case .literal(let literal) = token else {
                for index in variants.indices { variants[index].append(token) }
                continue
            }
            var texts = [""]
            var previous: Character?
            var rest = Substring(literal.text)
            while let character = rest.popFirst() {
                let starts = (character == "-" || character == "/") && !isWord(previous) && isWord(rest.first)
                if starts {
                    signs += 1
                    guard signs <= maximumSigns else { return nil }
                    texts = texts.flatMap { text in Self.signs.map { text + $0 } }
                } else {
                    for index in texts.indices { texts[index].append(character) }
                }
                previous = character
            }
            variants = variants.flatMap { tokens in texts.map { tokens + [.literal(ExactText($0))] } }
        }
        return variants.map { SigmaPattern(tokens: $0) }
    }

    private static func isWord(_ character: Character?) -> Bool {
        guard let character else { return false }
        return character.isLetter || character.isNumber || character == "_"
    }
}
