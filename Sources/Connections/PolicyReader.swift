// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Calendar
import Foundation
import PCRE2
import YAMLDocument

/// Reads `policy:` of a connection.
///
/// ```yaml
/// policy:
///   # Globs, the first that matches; "*" as groups is everyone; without `default`, what no glob matches is refused.
///   namespaces: { hr-*: [hr, security], default: "*" }
///   blocked_patterns: [{ name: drop-table, pattern: '(?i)drop\s+table' }]
///   limits: { query_length: 8KiB, items: 10000, request_bytes: 16MiB }
///   approval: { items: 1000, operations: [vectors.export], needed: 1, approvers: [security] }       # or a list
///   justification: { operations: [checkpoint.download], header: X-Justification, min_length: 10 }
///   deployment_window: { calendar: deployment.ics, operations: [config.change], outside: approval, needed: 1,
///                        approvers: [security], change_header: X-Change-ID, require_change: false }
/// ```
struct PolicyReader {
    /// Patterns of one policy: each is tried on every text of a request.
    private static let maximumPatterns = 64

    private var policy: Policy

    /// The policy of a connection; every fault is added to `errors`.
    static func policy(_ node: YAMLNode?, name: String, errors: inout [DocumentError]) -> Policy {
        var reader = PolicyReader(policy: Policy(name: name))
        guard let node else { return reader.policy }
        let parts: [(String, (inout PolicyReader, YAMLNode) -> Result<Void, DocumentError>)] = [
            ("namespaces", { reader, node in Result { () throws(DocumentError) in try reader.namespaces(node) } }),
            ("blocked_patterns", { reader, node in Result { () throws(DocumentError) in try reader.patterns(node) } }),
            ("limits", { reader, node in Result { () throws(DocumentError) in try reader.limits(node) } }),
            ("approval", { reader, node in Result { () throws(DocumentError) in try reader.approvals(node) } }),
            (
                "justification",
                { reader, node in Result { () throws(DocumentError) in try reader.justification(node) } }
            ),
            ("deployment_window", { reader, node in Result { () throws(DocumentError) in try reader.window(node) } }),
        ]
        do throws(DocumentError) {
            try node.refuseKeys(except: parts.map(\.0))
        } catch {
            errors.append(error)
        }
        for (key, read) in parts {
            guard let part = node[key] else { continue }
            if case .failure(let error) = read(&reader, part) { errors.append(error) }
        }
        return reader.policy
    }

    private mutating func namespaces(_ node: YAMLNode) throws(DocumentError) {
        var otherwise: Policy.Scope?
        for entry in try node.entries() {
            let texts = try entry.value.texts()
            guard !texts.isEmpty else { throw entry.value.error("names no group. Write \"*\" for everyone.") }
            let groups = texts.contains("*") ? nil : texts
            if entry.key == "default" {
                otherwise = Policy.Scope(glob: nil, groups: groups)
            } else {
                policy.scopes.append(Policy.Scope(glob: Glob(entry.key), groups: groups))
            }
        }
        // An empty mapping, or one without `default`, closes what it does not name.
        policy.scopes.append(otherwise ?? Policy.Scope(glob: nil, groups: []))
    }

    private mutating func patterns(_ node: YAMLNode) throws(DocumentError) {
        for item in node.items() {
            try item.refuseKeys(except: ["name", "pattern"])
            guard policy.blockedPatterns.count < Self.maximumPatterns else {
                throw item.error("more than \(Self.maximumPatterns) patterns. Join some with '|'.")
            }
            let source = try item.required("pattern")
            let text = try source.text()
            do throws(RegularExpression.PatternError) {
                policy.blockedPatterns.append(
                    BlockedPattern(name: try Self.name(item), pattern: try SharedPattern(text)))
            } catch {
                throw source.error("is no PCRE2 pattern: \(error.message) (after \(error.offset) characters).")
            }
        }
    }

    private static func name(_ item: YAMLNode) throws(RegularExpression.PatternError) -> String {
        guard case .scalar(let scalar)? = item["name"]?.content, !scalar.text.isEmpty else {
            return "line \(item.line)"
        }
        return scalar.text
    }

    private mutating func limits(_ node: YAMLNode) throws(DocumentError) {
        try node.refuseKeys(except: ["query_length", "items", "request_bytes"])
        policy.limits.queryLength = try node["query_length"]?.bytes()
        policy.limits.items = try node["items"]?.count()
        policy.limits.requestBytes = try node["request_bytes"]?.bytes()
    }

    private mutating func approvals(_ node: YAMLNode) throws(DocumentError) {
        for item in node.items() {
            try item.refuseKeys(except: ["name", "items", "operations", "needed", "approvers"])
            let rule = Policy.Approval(
                name: try item["name"]?.text() ?? "approval", items: try item["items"]?.count(),
                operations: try Self.operations(item["operations"]), needed: try Self.needed(item),
                approvers: try item["approvers"]?.texts() ?? [])
            guard rule.items != nil || !rule.operations.isEmpty else {
                throw item.error("asks for no approval: give items, operations, or both.")
            }
            policy.approvals.append(rule)
        }
    }

    private mutating func justification(_ node: YAMLNode) throws(DocumentError) {
        try node.refuseKeys(except: ["operations", "header", "min_length"])
        let operations = try Self.operations(node["operations"])
        policy.justification = Policy.Justification(
            operations: operations.isEmpty ? [.checkpointDownload] : operations,
            header: try node["header"]?.headerName() ?? "x-justification",
            minimumLength: try node["min_length"]?.count() ?? 1)
    }

    private mutating func window(_ node: YAMLNode) throws(DocumentError) {
        try node.refuseKeys(except: [
            "calendar", "operations", "outside", "change_header", "require_change", "needed", "approvers",
        ])
        let operations = try Self.operations(node["operations"])
        policy.window = Policy.Window(
            calendar: try Self.calendar(try node.required("calendar")),
            operations: operations.isEmpty ? [.configChange, .policyChange, .collectionChange] : operations,
            outside: try node["outside"]?.word(Policy.Window.Outside.self, "answer") ?? .deny,
            changeHeader: try node["change_header"]?.headerName() ?? "x-change-id",
            requiresChange: try node["require_change"]?.boolean() ?? false, needed: try Self.needed(node),
            approvers: try node["approvers"]?.texts() ?? [])
    }

    /// A calendar's path is relative to the folder of the file that names it.
    private static func calendar(_ node: YAMLNode) throws(DocumentError) -> ICalendar {
        let folder = URL(fileURLWithPath: node.file).deletingLastPathComponent()
        let url = URL(fileURLWithPath: try node.text(), relativeTo: folder)
        guard let data = try? Data(contentsOf: url) else {
            throw node.error(
                "the calendar \(url.path) cannot be read. Name an iCalendar file, from the folder of this file.")
        }
        do throws(CalendarError) {
            return try ICalendar(bytes: Array(data), file: url.path)
        } catch {
            throw node.error("\(error)")
        }
    }

    private static func operations(_ node: YAMLNode?) throws(DocumentError) -> [AuditEvent.Operation] {
        var operations: [AuditEvent.Operation] = []
        for item in node?.items() ?? [] { operations.append(try item.word(AuditEvent.Operation.self, "operation")) }
        return operations
    }

    private static func needed(_ node: YAMLNode) throws(DocumentError) -> Int {
        guard let needed = node["needed"] else { return 1 }
        let count = try needed.count()
        guard (1...100).contains(count) else { throw needed.error("\(count) people: write 1 to 100.") }
        return count
    }
}

extension YAMLNode {
    /// A header's name (RFC 9110 §5.1), lower case.
    func headerName() throws(DocumentError) -> String {
        let text = try text().lowercased()
        let isToken = text.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
        guard !text.isEmpty, isToken else { throw error("'\(text)' is no header's name.") }
        return text
    }
}
