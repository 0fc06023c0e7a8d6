// SPDX-License-Identifier: Apache-2.0

package import YAMLDocument

/// The values that `%name%` stands for in items with the modifier `expand` (Sigma specification 2.1, "Placeholders").
package struct PlaceholderLists: Sendable {
    /// The most values that one item may become.
    static let maximumValues = 10_000

    private var lists: [String: [String]]
    /// Where the lists that came from files stand.
    private var places: [String: String] = [:]

    package init(_ lists: [String: [String]] = [:]) {
        self.lists = lists
    }

    /// Reads a document that maps names to lists of values.
    package init(_ document: YAMLNode) throws(DocumentError) {
        lists = [:]
        if let error = add(document).first { throw error }
    }

    /// Adds the lists of a document that maps names to lists of values.
    ///
    /// - Returns: what is wrong. A name that has a list already has none afterwards: the rules that use it are refused rather
    ///   than read with one of the two.
    package mutating func add(_ document: YAMLNode) -> [DocumentError] {
        guard case .mapping(let entries) = document.content else {
            return [document.error("is no file of lists. Write name: [value, …].")]
        }
        var errors: [DocumentError] = []
        for entry in entries {
            let place = "\(entry.value.file):\(entry.value.line)"
            if let other = places[entry.key] {
                errors.append(
                    entry.value.error("the list '\(entry.key)' stands at \(other) already. Keep one of them."))
                lists[entry.key] = nil
                continue
            }
            places[entry.key] = place
            do throws(DocumentError) {
                lists[entry.key] = try entry.value.texts()
            } catch {
                errors.append(error)
            }
        }
        return errors
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
                    "the placeholder %\(name)% has no values. Write '\(name): [...]' into a file of lists/ beside the rules, or of --lists."
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
