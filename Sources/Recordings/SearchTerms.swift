// SPDX-License-Identifier: Apache-2.0

/// What the search index holds of a recording. Every filter is a term of it, so that filters and words are brought together within the
/// index, however common each is.
enum SearchTerms {
    /// The terms of a recording: a letter for the field and a hash of the value, because values are of any form.
    static func terms(_ recording: Recording) -> String {
        var terms = [term("o", recording.operation), term("d", recording.decision.rawValue)]
        if let identity = recording.identity { terms.append(term("i", identity)) }
        if let session = recording.session { terms.append(term("s", session)) }
        if let connection = recording.connection { terms.append(term("c", connection)) }
        for resource in recording.resources { terms.append(term("r", resource.name)) }
        return terms.joined(separator: " ")
    }

    /// The words of a recording. An index without content forgets only what it is told exactly: a change of this needs a migration that
    /// makes the index anew.
    static func words(_ recording: Recording) -> String {
        var words = [recording.method, recording.path]
        words += [recording.query, recording.detail, recording.address].compactMap(\.self)
        for message in [recording.request, recording.response] {
            words += message.headers.map(\.value)
            if let body = message.body { words.append(body) }
        }
        return words.joined(separator: "\n")
    }

    /// FNV-1a, 64 bits. Two values with one hash are told apart by the rows that they lead to.
    static func term(_ field: String, _ value: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in value.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return field + String(hash, radix: 16)
    }

    /// The query of FTS5 for a filter; nil if it has no term.
    static func query(_ filter: RecordingFilter) -> String? {
        var terms: [String] = []
        func add(_ field: String, _ value: String?) {
            if let value { terms.append(term(field, value)) }
        }
        add("i", filter.identity)
        add("s", filter.session)
        add("c", filter.connection)
        add("o", filter.operation)
        add("d", filter.decision?.rawValue)
        add("r", filter.resource)
        var parts = terms.isEmpty ? [] : ["terms : (\(terms.joined(separator: " AND ")))"]
        let words = phrases(filter.text ?? "")
        if !words.isEmpty { parts.append("words : (\(words.joined(separator: " AND ")))") }
        return parts.isEmpty ? nil : parts.joined(separator: " AND ")
    }

    /// The words that somebody looks for, all of them; those in quotes together in this order; `*` at the end of a word stands for its
    /// rest. Each becomes a string of FTS5, so that nothing in it is syntax.
    static func phrases(_ text: String) -> [String] {
        var phrases: [String] = []
        // By scalars: a quote with a combining mark is another character, but not to FTS5.
        let parts = text.unicodeScalars.split(separator: "\"", omittingEmptySubsequences: false).map { Substring($0) }
        for (index, part) in parts.enumerated() {
            let words = index % 2 == 1 ? [part] : part.split(whereSeparator: \.isWhitespace)
            for word in words where word.contains(where: { $0.isLetter || $0.isNumber }) {
                let isPrefix = word.hasSuffix("*")
                let plain = String(String.UnicodeScalarView(word.unicodeScalars.filter { $0 != "\0" && $0 != "*" }))
                phrases.append("\"\(plain)\"" + (isPrefix ? " *" : ""))
            }
        }
        return Array(phrases.prefix(16))
    }
}
