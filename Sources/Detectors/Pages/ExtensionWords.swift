// SPDX-License-Identifier: Apache-2.0

import Sigma
import YAMLDocument

/// The blocks under `gatewatch:` in words. A block or a key that has no words here is shown as it is written.
enum ExtensionWords {
    /// A row of the page's table.
    static func row(_ entry: YAMLNode.Entry) -> (String, String) {
        let node = entry.value
        func text(_ key: String) -> String { node[key].map { list($0) } ?? "" }
        switch entry.key {
        case "first_seen":
            return (
                "First seen",
                "only when \(text("field")) is new for its \(text("group-by")) within \(text("history")), after \(text("learning")) of learning"
                    + rest(node, except: ["field", "group-by", "history", "learning"])
            )
        case "outside": return ("Outside", "only outside the windows of \(list(node))")
        case "suppress":
            let group = node["group-by"] == nil ? "" : " of one \(text("group-by"))"
            return (
                "One alert per",
                "episode\(group), over when nothing has fired for \(text("episode"))"
                    + rest(node, except: ["episode", "group-by"])
            )
        case "risk": return ("Risk", "\(text("points")) points" + rest(node, except: ["points"]))
        case "respond":
            let ttl = node["ttl"] == nil ? "" : " for \(text("ttl"))"
            return ("Response", text("action") + ttl + rest(node, except: ["action", "ttl"]))
        default:
            let name = entry.key.replacing("_", with: " ")
            return (name.prefix(1).uppercased() + name.dropFirst(), parts(node))
        }
    }

    /// A value, or several with commas.
    private static func list(_ node: YAMLNode) -> String {
        node.items().map { DetectorPage.code($0.asWritten) }.joined(separator: ", ")
    }

    private static func rest(_ node: YAMLNode, except known: [String]) -> String {
        guard case .mapping(let entries) = node.content else { return "" }
        return entries.filter { !known.contains($0.key) }.map { "; \(words($0))" }.joined()
    }

    private static func parts(_ node: YAMLNode) -> String {
        guard case .mapping(let entries) = node.content else { return list(node) }
        return entries.map(words).joined(separator: "; ")
    }

    private static func words(_ entry: YAMLNode.Entry) -> String {
        "\(entry.key.replacing("_", with: " ")) \(list(entry.value))"
    }
}
