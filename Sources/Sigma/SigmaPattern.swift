// SPDX-License-Identifier: Apache-2.0

/// A Sigma string with its wildcards: `*` any run, `?` exactly one character (specification, "Wildcards and escaping").
struct SigmaPattern: Hashable, Sendable {
    enum Token: Hashable, Sendable {
        case literal(ExactText)
        case anyRun
        case oneCharacter
    }

    private(set) var tokens: [Token]

    /// Reads wildcards and escapes: `\*` and `\?` are the characters, `\\` is one backslash, any other `\` stands for itself.
    init(_ text: String) {
        var tokens: [Token] = []
        var literal = ""
        var escaped = false
        func flush() {
            if !literal.isEmpty { tokens.append(.literal(ExactText(literal))) }
            literal = ""
        }
        for character in text.unicodeScalars {
            if escaped {
                if character != "*" && character != "?" && character != "\\" { literal.unicodeScalars.append("\\") }
                literal.unicodeScalars.append(character)
                escaped = false
                continue
            }
            switch character {
            case "\\": escaped = true
            case "*":
                flush()
                if tokens.last != .anyRun { tokens.append(.anyRun) }
            case "?":
                flush()
                tokens.append(.oneCharacter)
            default: literal.unicodeScalars.append(character)
            }
        }
        if escaped { literal.append("\\") }
        flush()
        self.tokens = tokens
    }

    init(tokens: [Token]) {
        self.tokens = tokens
    }

    /// A pattern that is this text, without wildcards.
    init(literal: String) {
        tokens = literal.isEmpty ? [] : [.literal(ExactText(literal))]
    }

    /// Without wildcards at the given ends, one is added: `contains`, `startswith`, `endswith`.
    func open(start: Bool, end: Bool) -> SigmaPattern {
        var copy = self
        if start, copy.tokens.first != .anyRun { copy.tokens.insert(.anyRun, at: 0) }
        if end, copy.tokens.last != .anyRun { copy.tokens.append(.anyRun) }
        return copy
    }

    /// The text of a pattern that has no wildcards.
    var exact: String? {
        switch tokens.count {
        case 0: return ""
        case 1:
            if case .literal(let text) = tokens[0] { return text.text }
            return nil
        default: return nil
        }
    }

    /// Whether folding ASCII letters is all that comparing without case takes: the text is ASCII, or has beyond it only the
    /// dashes of `windash`, which have no case.
    var foldsAsASCII: Bool {
        tokens.allSatisfy { token in
            guard case .literal(let text) = token else { return true }
            return text.text.unicodeScalars.allSatisfy { $0.isASCII || (0x2013...0x2015).contains($0.value) }
        }
    }
}
