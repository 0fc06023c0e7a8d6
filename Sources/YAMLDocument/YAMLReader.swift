// SPDX-License-Identifier: Apache-2.0

import Foundation
import Yams

/// Reads YAML files of one or several documents. Yams (libyaml) parses; this adds places, YAML 1.2 scalars and limits.
package enum YAMLReader {
    /// The largest file that is read, in bytes.
    package static let maximumBytes = 1 << 20
    /// The most nodes of one file, after aliases are expanded (an expansion bomb stops here).
    package static let maximumNodes = 200_000
    /// The deepest nesting.
    package static let maximumDepth = 64

    /// The documents of a file. Throws `DocumentError` when it cannot be read, is too large or is not YAML.
    package static func documents(path: String) throws(DocumentError) -> [YAMLNode] {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
        } catch {
            throw DocumentError(unreadable: path, error)
        }
        guard data.count <= maximumBytes else {
            throw DocumentError(file: path, message: "is \(data.count) bytes; at most \(maximumBytes) are read.")
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw DocumentError(file: path, message: "is not UTF-8.")
        }
        return try documents(text: text, file: path)
    }

    /// The documents of a text; `file` is only named in errors. Empty documents are left out.
    package static func documents(text: String, file: String) throws(DocumentError) -> [YAMLNode] {
        var budget = maximumNodes
        var documents: [YAMLNode] = []
        do {
            let parser = try Parser(yaml: text)
            while let node = try parser.nextRoot() {
                let converted = try convert(node, file: file, path: "", depth: 0, budget: &budget)
                if case .scalar(let scalar) = converted.content, scalar.isNull { continue }
                documents.append(converted)
            }
        } catch let error as DocumentError {
            throw error
        } catch let error as YamlError {
            throw document(error, file: file)
        } catch {
            throw DocumentError(file: file, message: "\(error)")
        }
        return documents
    }

    private static func convert(
        _ node: Node, file: String, path: String, depth: Int, budget: inout Int
    ) throws(DocumentError) -> YAMLNode {
        let line = node.mark?.line ?? 0
        let column = node.mark?.column ?? 0
        func fault(_ message: String) -> DocumentError {
            DocumentError(file: file, line: line, column: column, key: path, message: message)
        }
        budget -= 1
        if budget < 0 { throw fault("more than \(maximumNodes) nodes after expanding aliases.") }
        if depth > maximumDepth { throw fault("nested deeper than \(maximumDepth) levels.") }

        let content: YAMLNode.Content
        switch node {
        case .scalar(let scalar):
            content = .scalar(YAMLScalar(text: scalar.string, isPlain: scalar.style == .plain || scalar.style == .any))
        case .sequence(let sequence):
            var items: [YAMLNode] = []
            for (index, item) in sequence.enumerated() {
                items.append(
                    try convert(item, file: file, path: "\(path)[\(index)]", depth: depth + 1, budget: &budget))
            }
            content = .sequence(items)
        case .mapping(let mapping):
            var entries: [YAMLNode.Entry] = []
            for (key, value) in mapping {
                guard let name = key.scalar?.string else { throw fault("a key must be a single value.") }
                let place = path.isEmpty ? name : "\(path).\(name)"
                entries.append(
                    YAMLNode.Entry(
                        key: name,
                        value: try convert(value, file: file, path: place, depth: depth + 1, budget: &budget)))
            }
            content = .mapping(entries)
        case .alias:
            throw fault("an alias that names no anchor.")
        }
        return YAMLNode(file: file, line: line, column: column, path: path, content: content)
    }

    private static func document(_ error: YamlError, file: String) -> DocumentError {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return DocumentError(
                file: file, line: mark.line, column: mark.column, message: "not valid YAML: \(problem).")
        case .duplicatedKeysInMapping(let duplicates, let context):
            let names = duplicates.map { "'\($0)'" }.joined(separator: ", ")
            return DocumentError(
                file: file, line: context.mark.line, column: context.mark.column,
                message: "the key \(names) stands twice in one mapping. Keep one.")
        default:
            return DocumentError(file: file, message: "not valid YAML: \(error).")
        }
    }
}
