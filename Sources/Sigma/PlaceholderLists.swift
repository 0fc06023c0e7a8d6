// SPDX-License-Identifier: Apache-2.0

package import YAMLDocument

/// The values that `%name%` stands for in items with the modifier `expand` (Sigma specification 2.1, "Placeholders").
package struct PlaceholderLists: Sendable {
    /// The most values that one item may become.
    static let maximumValues = 10_000

    private let lists: [String: [String]]

    package init(_ lists: [String: [String]] = [:]) {
        self.lists = lists
    }

    /// Reads a document that maps names to lists of values.
    package init(_ document: YAMLNode) throws(DocumentError) {
        var lists: [String: [String]] = [:]
        for entry in try document.entries() { lists[entry.key] = try entry.value.texts() }
        self.lists = lists
    }

    /// The value with each placeholder replaced, once per combination. `\%` is a percent sign; a value without placeholders
    /// stays as it is.
    func expand(_ node: YAMLNode) throws(DocumentError) -> [YAMLNode] {
        let whole = try node.text()
        var texts = [""]
        var rest = Substring(whole)
        var hasPlaceholder = false
        while let character = rest.first {
            if rest.hasPrefix("\\%") {
                texts = texts.map { $0 + "%" }
                rest = rest.dropFirst(2)
                continue
            }
            rest = rest.dropFirst()
            guard character == "%", let end = rest.firstIndex(of: "%"), end > rest.startIndex else {
                texts = texts.map { $0 + String(character) }
                continue
            }
            let name = String(rest[..<end])
            guard let values = lists[name], !values.isEmpty else {
                throw node.error(
                    "the placeholder %\(name)% has no values. Give them with --lists: a YAML file with '\(name): [...]'."
                )
            }
            guard texts.count * values.count <= Self.maximumValues else {
                throw node.error("becomes more than \(Self.maximumValues) values.")
            }
            texts = texts.flatMap { text in values.map { text + $0 } }
            hasPlaceholder = true
            rest = rest[rest.index(after: end)...]
        }
        if !hasPlaceholder && texts == [whole] { return [node] }
        return texts.map { text in
            YAMLNode(
                file: node.file, line: node.line, column: node.column, path: node.path,
                content: .scalar(YAMLScalar(text: text, isPlain: false)))
        }
    }
}
