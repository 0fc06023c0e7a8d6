// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

/// The legacy `action` of documents that share a file (Sigma collections): `global` is a template for the detection rules that
/// follow, `reset` ends it, `repeat` is the rule before it with some keys changed.
struct DocumentActions {
    private(set) var documents: [YAMLNode] = []
    private(set) var errors: [DocumentError] = []

    private var file: String?
    private var template: YAMLNode?
    private var previous: YAMLNode?
    /// Nodes that templates may still add to the rules of the file.
    private var budget = YAMLReader.maximumNodes

    /// - Parameter documents: those of one file stand together, in its order.
    init(_ documents: [YAMLNode]) {
        for document in documents {
            if document.file != file {
                file = document.file
                template = nil
                previous = nil
                budget = YAMLReader.maximumNodes
            }
            do throws(DocumentError) {
                try add(document)
            } catch {
                errors.append(error)
            }
        }
    }

    private mutating func add(_ document: YAMLNode) throws(DocumentError) {
        guard let action = document["action"] else {
            let isDetection = document["correlation"] == nil && document["filter"] == nil
            guard isDetection else {
                documents.append(document)
                return
            }
            let rule = try template.map { template throws(DocumentError) in try merged(document, over: template) }
            documents.append(rule ?? document)
            previous = rule ?? document
            return
        }
        let body = document.without("action")
        switch try action.text() {
        case "global":
            if let node = body["correlation"] ?? body["filter"] {
                throw node.error("a template is for detection rules. Leave 'action: global' out.")
            }
            template = body
        case "reset":
            template = nil
        case "repeat":
            guard let last = previous else {
                throw action.error("there is no detection rule before this document to repeat.")
            }
            let rule = try merged(body, over: last)
            documents.append(rule)
            previous = rule
        case let word:
            throw action.error(unknownKey(word, known: ["global", "reset", "repeat"], what: "action"))
        }
    }

    /// The document with what it does not say itself taken from a template.
    private mutating func merged(_ document: YAMLNode, over template: YAMLNode) throws(DocumentError) -> YAMLNode {
        budget -= template.size
        guard budget >= 0 else {
            throw document.error(
                "with their templates the rules of this file come to more than \(YAMLReader.maximumNodes) nodes. Split the file."
            )
        }
        return document.merged(over: template)
    }
}

extension YAMLNode {
    fileprivate var size: Int {
        switch content {
        case .scalar: 1
        case .sequence(let items): items.reduce(1) { $0 + $1.size }
        case .mapping(let entries): entries.reduce(1) { $0 + $1.value.size }
        }
    }

    fileprivate func without(_ key: String) -> YAMLNode {
        guard case .mapping(let entries) = content else { return self }
        return with(entries.filter { $0.key != key })
    }

    private func with(_ entries: [Entry]) -> YAMLNode {
        YAMLNode(file: file, line: line, column: column, path: path, content: .mapping(entries))
    }

    /// Mappings are merged at every level; anything else of this node stands in place of the template's.
    fileprivate func merged(over template: YAMLNode) -> YAMLNode {
        guard case .mapping(let own) = content, case .mapping(let given) = template.content else { return self }
        let index = Dictionary(own.map { ($0.key, $0.value) }) { first, _ in first }
        let names = Set(given.map(\.key))
        let merged = given.map { entry in
            Entry(key: entry.key, value: index[entry.key]?.merged(over: entry.value) ?? entry.value)
        }
        return with(merged + own.filter { !names.contains($0.key) })
    }
}
