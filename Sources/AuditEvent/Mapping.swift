// SPDX-License-Identifier: Apache-2.0

package import YAMLDocument

/// How the JSON of one kind of log is brought to the canonical fields (DESIGN §2): data, never code.
///
/// A field that a mapping does not name is looked for in the event under its own path, so rules that were written for
/// the log itself (`eventName`, `userIdentity.arn`) run beside those written for the canonical fields.
package struct Mapping: Sendable, Equatable {
    /// What a mapping puts into a field.
    package enum Constant: Sendable, Equatable {
        case string(String)
        case int(Int64)
        case bool(Bool)
    }

    /// Where a field's value comes from. Paths address the event's own JSON; the first that holds a value counts. An object,
    /// null and an empty text are no value.
    package indirect enum Source: Sendable, Equatable {
        /// `api.operation` or `[a, b]`.
        case paths([String])
        /// `{from: [a, b], except: [anonymous]}`: the first path with a text that is none of these (one `*` allowed).
        case except([String], values: [String])
        /// `{from: [a], map: {text: value}, default: value}`: the text is looked up, exact keys first, then keys with one
        /// `*`, in order. Without a default a text that is not in the table leaves the field missing.
        case table([String], rows: [Row], otherwise: Constant?)
        /// `{value: constant}`.
        case constant(Constant)
        /// `{present: [a], then: value, else: value}`.
        case presence([String], then: Constant?, otherwise: Constant?)
        /// `{host: [a]}`: the host of `host:port` or `[v6]:port`.
        case host([String])
        /// Any of the above, or `{from: [a]}`, with `when: path`: only in events where that path holds a value.
        case when(String, Source)
        /// A list with any of the above among its items: the first that gives a value.
        case chain([Source])
    }

    package struct Row: Sendable, Equatable {
        let key: String
        let value: Constant
    }

    /// The `logsource` of a Sigma rule that applies to events of this mapping.
    package struct LogSource: Sendable, Equatable {
        package var category: String?
        package var product: String?
        package var service: String?

        package init(category: String? = nil, product: String? = nil, service: String? = nil) {
            self.category = category
            self.product = product
            self.service = service
        }
    }

    package let name: String
    /// Nil: every rule is tried, whatever its `logsource`.
    package let logsources: [LogSource]?
    package let fields: [String: Source]
    /// How lines of text are brought to JSON first; nil for a log that is JSON.
    package let lines: TextLines?

    /// Any flat or nested JSON as it is.
    package static let raw = Mapping(
        name: "raw", logsources: nil,
        fields: ["time": .paths(["time", "timestamp", "@timestamp", "eventTime", "UtcTime", "ts"])])

    package init(name: String, logsources: [LogSource]?, fields: [String: Source], lines: TextLines? = nil) {
        self.name = name
        self.logsources = logsources
        self.fields = fields
        self.lines = lines
    }

    /// The same mapping with the event time taken from another path.
    package func takingTime(from path: String) -> Mapping {
        var fields = fields
        fields["time"] = .paths([path])
        return Mapping(name: name, logsources: logsources, fields: fields, lines: lines)
    }

    /// The same mapping for rules of any log source.
    package func applyingToEveryRule() -> Mapping {
        Mapping(name: name, logsources: nil, fields: fields, lines: lines)
    }

    // MARK: Reading

    /// Reads a mapping file. Throws `DocumentError` with file, line, key and remedy.
    package init(path: String) throws(DocumentError) {
        let documents = try YAMLReader.documents(path: path)
        guard let document = documents.first, documents.count == 1 else {
            throw DocumentError(file: path, message: "has \(documents.count) documents; a mapping is one.")
        }
        try self.init(document)
    }

    package init(_ document: YAMLNode) throws(DocumentError) {
        try document.refuseKeys(except: ["name", "description", "logsources", "lines", "fields"])
        name = try document.required("name").text()
        if let node = document["logsources"] {
            var sources: [LogSource] = []
            for item in node.items() {
                try item.refuseKeys(except: ["category", "product", "service"])
                sources.append(
                    LogSource(
                        category: try item["category"]?.text(), product: try item["product"]?.text(),
                        service: try item["service"]?.text()))
            }
            logsources = sources
        } else {
            logsources = nil
        }
        lines = try document["lines"].map { node throws(DocumentError) in try TextLines(node) }
        var fields: [String: Source] = [:]
        for entry in try document.required("fields").entries() { fields[entry.key] = try Self.source(entry.value) }
        self.fields = fields
    }

    private static func source(_ node: YAMLNode) throws(DocumentError) -> Source {
        if case .mapping = node.content { return try rule(node) }
        var sources: [Source] = []
        var paths: [String] = []
        for item in node.items() {
            if case .mapping = item.content {
                sources.append(try rule(item))
            } else {
                let path = try item.text()
                if path.isEmpty { throw item.error("is empty. Write the path of a field of the event.") }
                paths.append(path)
                sources.append(.paths([path]))
            }
        }
        if sources.isEmpty {
            throw node.error("names no path. Write the path of a field of the event, or remove the key.")
        }
        return paths.count == sources.count ? .paths(paths) : .chain(sources)
    }

    private static func paths(_ node: YAMLNode) throws(DocumentError) -> [String] {
        let paths = try node.texts()
        if paths.isEmpty || paths.contains("") { throw node.error("names no path of a field of the event.") }
        return paths
    }

    private static func rule(_ node: YAMLNode) throws(DocumentError) -> Source {
        let kinds = ["value", "host", "present", "map", "except", "from"]
        guard let kind = kinds.first(where: { node[$0] != nil }) else {
            try node.refuseKeys(except: kinds + ["then", "else", "default", "when"])
            throw node.error("says nothing. Write one of \(kinds.joined(separator: ", ")).")
        }
        let source: Source
        switch kind {
        case "value":
            try node.refuseKeys(except: ["value", "when"])
            source = .constant(try constant(node.required("value")))
        case "host":
            try node.refuseKeys(except: ["host", "when"])
            source = .host(try paths(node.required("host")))
        case "present":
            try node.refuseKeys(except: ["present", "then", "else", "when"])
            source = .presence(
                try paths(node.required("present")), then: try constant(ifPresent: node["then"]),
                otherwise: try constant(ifPresent: node["else"]))
        case "except":
            try node.refuseKeys(except: ["from", "except", "when"])
            let values = try node.required("except")
            let texts = try values.texts()
            for text in texts { try checkPattern(text, values) }
            source = .except(try paths(node.required("from")), values: texts)
        case "from":
            try node.refuseKeys(except: ["from", "when"])
            source = .paths(try paths(node.required("from")))
        default:
            try node.refuseKeys(except: ["from", "map", "default", "when"])
            var rows: [Row] = []
            for entry in try node.required("map").entries() {
                try checkPattern(entry.key, entry.value)
                rows.append(Row(key: entry.key, value: try constant(entry.value)))
            }
            source = .table(
                try paths(node.required("from")), rows: rows, otherwise: try constant(ifPresent: node["default"]))
        }
        guard let when = node["when"] else { return source }
        return .when(try when.text(), source)
    }

    private static func checkPattern(_ pattern: String, _ node: YAMLNode) throws(DocumentError) {
        if pattern.filter({ $0 == "*" }).count > 1 {
            throw node.error("'\(pattern)' has more than one '*'; write one.")
        }
    }

    private static func constant(ifPresent node: YAMLNode?) throws(DocumentError) -> Constant? {
        guard let node else { return nil }
        return try constant(node)
    }

    private static func constant(_ node: YAMLNode) throws(DocumentError) -> Constant {
        switch try node.scalar().resolved {
        case .string(let text): return .string(text)
        case .int(let value): return .int(value)
        case .bool(let value): return .bool(value)
        case .double, .null: throw node.error("write a text, a whole number, true or false.")
        }
    }
}
