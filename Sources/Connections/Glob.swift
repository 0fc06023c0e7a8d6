// SPDX-License-Identifier: Apache-2.0

/// A name with wildcards: `*` is any run of characters, `?` is one. Upper and lower case differ.
struct Glob: Sendable {
    let pattern: String
    private let scalars: [Unicode.Scalar]

    init(_ pattern: String) {
        self.pattern = pattern
        scalars = Array(pattern.unicodeScalars)
    }

    /// Whether the whole name matches. Costs at most the product of both lengths.
    func matches(_ name: String) -> Bool {
        let text = name.unicodeScalars
        var at = text.startIndex
        var token = 0
        var star = -1
        var resume = text.startIndex
        while at < text.endIndex {
            if token < scalars.count, scalars[token] == "*" {
                star = token
                resume = at
                token += 1
            } else if token < scalars.count, scalars[token] == "?" || scalars[token] == text[at] {
                token += 1
                at = text.index(after: at)
            } else if star >= 0 {
                token = star + 1
                resume = text.index(after: resume)
                at = resume
            } else {
                return false
            }
        }
        while token < scalars.count, scalars[token] == "*" { token += 1 }
        return token == scalars.count
    }
}
