// SPDX-License-Identifier: Apache-2.0

/// One node of a YAML document that knows where it stands, so that every complaint can name file, line and key.
package struct YAMLNode: Sendable {
    package enum Content: Sendable {
        case scalar(YAMLScalar)
        case sequence([YAMLNode])
        case mapping([Entry])
    }

    /// One `key: value` of a mapping, in the order of the file.
    package struct Entry: Sendable {
        package let key: String
        package let value: YAMLNode

        package init(key: String, value: YAMLNode) {
            self.key = key
            self.value = value
        }
    }

    package let file: String
    /// 1-based.
    package let line: Int
    /// 1-based.
    package let column: Int
    /// Dotted path of keys from the top of the document.
    package let path: String
    package let content: Content

    package init(file: String, line: Int, column: Int, path: String, content: Content) {
        self.file = file
        self.line = line
        self.column = column
        self.path = path
        self.content = content
    }

    /// An error at this node.
    package func error(_ message: String) -> DocumentError {
        DocumentError(file: file, line: line, column: column, key: path, message: message)
    }

    // MARK: Reading as a type

    /// The scalar here.
    package func scalar() throws(DocumentError) -> YAMLScalar {
        guard case .scalar(let scalar) = content else { throw error("expected a single value, found \(kindName).") }
        return scalar
    }

    /// The text here; numbers and booleans are taken as they are written.
    package func text() throws(DocumentError) -> String {
        let scalar = try scalar()
        if scalar.isNull { throw error("expected a text, found nothing.") }
        return scalar.text
    }

    /// `true` or `false` (YAML 1.2: `yes` and `on` are texts).
    package func boolean() throws(DocumentError) -> Bool {
        guard case .bool(let value) = try scalar().resolved else {
            throw error("expected true or false, found '\(try scalar().text)'.")
        }
        return value
    }

    /// A whole number.
    package func integer() throws(DocumentError) -> Int {
        guard case .int(let value) = try scalar().resolved else {
            throw error("expected a whole number, found '\(try scalar().text)'.")
        }
        return Int(value)
    }

    /// A number.
    package func number() throws(DocumentError) -> Double {
        switch try scalar().resolved {
        case .int(let value): return Double(value)
        case .double(let value): return value
        default: throw error("expected a number, found '\(try scalar().text)'.")
        }
    }

    /// The items of a list; a single value counts as a list of one.
    package func items() -> [YAMLNode] {
        if case .sequence(let items) = content { return items }
        if case .scalar(let scalar) = content, scalar.isNull { return [] }
        return [self]
    }

    /// The items of a list, each a text.
    package func texts() throws(DocumentError) -> [String] {
        var texts: [String] = []
        for item in items() { texts.append(try item.text()) }
        return texts
    }

    /// The entries of a mapping.
    package func entries() throws(DocumentError) -> [Entry] {
        guard case .mapping(let entries) = content else {
            throw error("expected a mapping of keys to values, found \(kindName).")
        }
        return entries
    }

    /// The value under a key, nil where the key is absent or this is no mapping.
    package subscript(key: String) -> YAMLNode? {
        guard case .mapping(let entries) = content else { return nil }
        return entries.first { $0.key == key }?.value
    }

    /// The value under a key that must be there.
    package func required(_ key: String) throws(DocumentError) -> YAMLNode {
        guard let value = self[key] else { throw error("the key '\(key)' is missing.") }
        return value
    }

    /// Refuses every key of this mapping that is not in the list, with the nearest known one as a hint.
    package func refuseKeys(except known: [String]) throws(DocumentError) {
        if let error = try unknownKeys(except: known).first { throw error }
    }

    /// An error for every key of this mapping that is not in the list.
    func unknownKeys(except known: [String]) throws(DocumentError) -> [DocumentError] {
        try entries().filter { !known.contains($0.key) }.map { $0.value.error(unknownKey($0.key, known: known)) }
    }

    private var kindName: String {
        switch content {
        case .scalar(let scalar): scalar.isNull ? "nothing" : "a single value"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}

/// A sentence for an unknown word that offers the nearest known one.
package func unknownKey(_ word: String, known: [String], what: String = "key") -> String {
    let near = known.map { ($0, editDistance(word, $0)) }.min { $0.1 < $1.1 }
    if let near, near.1 <= max(2, word.count / 4) { return "unknown \(what) '\(word)'. Did you mean '\(near.0)'?" }
    if known.isEmpty { return "unknown \(what) '\(word)'. There is none to choose from." }
    return "unknown \(what) '\(word)'. Known: \(known.sorted().joined(separator: ", "))."
}

/// Levenshtein distance, for hints only.
private func editDistance(_ a: String, _ b: String) -> Int {
    let a = Array(a.utf8.prefix(64))
    let b = Array(b.utf8.prefix(64))
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, y) in b.enumerated() {
            let next = min(row[j + 1] + 1, row[j] + 1, diagonal + (x == y ? 0 : 1))
            diagonal = row[j + 1]
            row[j + 1] = next
        }
    }
    return row[b.count]
}
