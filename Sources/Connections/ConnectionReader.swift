// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Foundation
import YAMLDocument

/// Reads one entry of `connections:`.
///
/// ```yaml
/// connections:
///   - name: vectors-prod
///     preset: qdrant               # its routes; `routes:` adds to them and wins over them (see RouteReader)
///     path: /vectors               # or host: vectors.example.com, or a list of hosts, or both
///     upstream: http://10.0.0.5:6333
///     credential: { header: api-key, format: "{}", secret: file:/run/secrets/qdrant }   # the preset knows the first two
///     timeouts: { connect: 10s, response: 60s, idle: 60s }
///     record: bodies               # off, metadata, bodies; gateway.record if nothing is said
///     unmatched: deny              # or other: passed on, and audited as `other`
///     buckets: { models-*: checkpoint, "*": corpus }        # what a bucket holds, for s3; corpus if nothing is said
///     policy: {}                   # see PolicyReader
/// ```
struct ConnectionReader {
    private static let keys = [
        "name", "preset", "path", "host", "upstream", "credential", "timeouts", "unmatched", "record", "buckets",
        "policy", "routes",
    ]

    /// The connection, nil when something is wrong with it; every fault is added to `errors`.
    static func connection(_ node: YAMLNode, errors: inout [DocumentError]) -> Connection? {
        let before = errors.count
        var settings: ConnectionSettings?
        var table = RouteTable()
        var buckets: [(glob: Glob, contents: Route.Contents)] = []
        for route in RouteReader.routes(node["routes"], errors: &errors) { table.add(route) }
        do throws(DocumentError) {
            try node.refuseKeys(except: keys)
            let preset = try preset(node, &errors)
            for route in preset?.routes ?? [] { table.add(route) }
            settings = try self.settings(node, preset)
            buckets = try self.buckets(node["buckets"])
        } catch {
            errors.append(error)
        }
        if table.routes.isEmpty, errors.count == before, settings?.unmatched == .deny {
            errors.append(
                node.error("has no routes, so every request would be refused. Give a preset, routes, or both."))
        }
        var name = ""
        if case .scalar(let scalar)? = node["name"]?.content { name = scalar.text }
        let policy = PolicyReader.policy(node["policy"], name: name, errors: &errors)
        guard errors.count == before, let settings else { return nil }
        return Connection(settings: settings, policy: policy, routes: table, buckets: buckets)
    }

    private static func preset(_ node: YAMLNode, _ errors: inout [DocumentError]) throws(DocumentError) -> Preset? {
        guard let name = node["preset"] else { return nil }
        let text = try name.text()
        guard Preset.names.contains(text) else {
            throw name.error(unknownKey(text, known: Preset.names, what: "preset"))
        }
        return try Preset(named: text, errors: &errors)
    }

    private static func settings(_ node: YAMLNode, _ preset: Preset?) throws(DocumentError) -> ConnectionSettings {
        let nameNode = try node.required("name")
        let name = try nameNode.text()
        guard ConnectionName.isValid(name) else {
            throw nameNode.error("'\(name)' is no name. \(ConnectionName.form)")
        }
        var settings = ConnectionSettings(name: name, upstream: try upstream(try node.required("upstream")))
        settings.preset = try node["preset"]?.text()
        if let path = node["path"] { settings.address.pathPrefix = try prefix(path) }
        for host in node["host"]?.items() ?? [] { settings.address.hosts.append(try self.host(host)) }
        guard node["path"] != nil || !settings.address.hosts.isEmpty else {
            throw node.error("is not addressed: give path: /prefix, or host: name, or both.")
        }
        settings.credential = try credential(node["credential"], preset)
        if let timeouts = node["timeouts"] {
            try timeouts.refuseKeys(except: ["connect", "response", "idle"])
            settings.timeouts.connect = try timeouts["connect"]?.milliseconds() ?? settings.timeouts.connect
            settings.timeouts.response = try timeouts["response"]?.milliseconds() ?? settings.timeouts.response
            settings.timeouts.idle = try timeouts["idle"]?.milliseconds() ?? settings.timeouts.idle
        }
        settings.recorded = try node["record"]?.word(ConnectionSettings.Recorded.self, "way to record")
        settings.unmatched = try node["unmatched"]?.word(ConnectionSettings.Unmatched.self, "answer") ?? .deny
        return settings
    }

    private static func upstream(_ node: YAMLNode) throws(DocumentError) -> String {
        var text = try node.text()
        while text.hasSuffix("/") { text.removeLast() }
        guard let url = URLComponents(string: text), let scheme = url.scheme, ["http", "https"].contains(scheme),
            let host = url.host, !host.isEmpty
        else { throw node.error("'\(text)' is no URL of a service. Write http://host:port or https://host.") }
        guard url.query == nil, url.fragment == nil, url.user == nil, url.password == nil else {
            throw node.error("has a query, a fragment or a user in it. Credentials go to `credential:`.")
        }
        do throws(RequestRefusal) {
            _ = try RequestPath(url.percentEncodedPath.isEmpty ? "/" : url.percentEncodedPath[...])
        } catch {
            throw node.error(error.detail)
        }
        return text
    }

    private static func prefix(_ node: YAMLNode) throws(DocumentError) -> String {
        var text = try node.text()
        while text.hasSuffix("/") { text.removeLast() }
        let isPlain = text.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 0x20) || "-_.~/".utf8.contains($0)
        }
        guard text.isEmpty || text.hasPrefix("/"), isPlain, !text.contains("//"), !text.contains("/.") else {
            throw node.error("'\(text)' is no path prefix. Write /name, of letters, digits, '-', '_', '.' and '~'.")
        }
        return text
    }

    private static func host(_ node: YAMLNode) throws(DocumentError) -> String {
        let text = try node.text().lowercased()
        let name = text.hasPrefix("*.") ? text.dropFirst(2) : text[...]
        let isName = name.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || "-._:[]".utf8.contains($0)
        }
        guard !name.isEmpty, isName else {
            throw node.error("'\(text)' is no host name. Write it without scheme and port; '*.' may stand before it.")
        }
        return text
    }

    private static func credential(
        _ node: YAMLNode?, _ preset: Preset?
    ) throws(DocumentError) -> ConnectionSettings.Credential? {
        guard let node else { return nil }
        try node.refuseKeys(except: ["header", "format", "secret"])
        let header = try node["header"]?.headerName() ?? preset?.header ?? "authorization"
        let usual = header == preset?.header ? preset?.format : nil
        let format = try node["format"]?.text() ?? usual ?? (header == "authorization" ? "Bearer {}" : "{}")
        guard format.contains("{}"), format.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) else {
            throw (node["format"] ?? node).error("'\(format)' has no {} for the secret, or is not printable ASCII.")
        }
        let secret = try node.required("secret")
        let reference = try secret.text()
        guard reference.hasPrefix("env:") || reference.hasPrefix("file:") else {
            // Not shown: it may be the secret.
            throw secret.error("must name where the secret is: env:NAME or file:PATH.")
        }
        return ConnectionSettings.Credential(header: header, format: format, secret: reference)
    }

    private static func buckets(
        _ node: YAMLNode?
    ) throws(DocumentError) -> [(glob: Glob, contents: Route.Contents)] {
        var buckets: [(glob: Glob, contents: Route.Contents)] = []
        for entry in try node?.entries() ?? [] {
            buckets.append((Glob(entry.key), try entry.value.word(Route.Contents.self, "content")))
        }
        return buckets
    }
}
