// SPDX-License-Identifier: Apache-2.0

package import YAMLDocument

/// The keys whose records are believed. Names and keys are each there once.
///
/// ```yaml
/// keys:
///   - { name: detect, role: automation, may: [issue], key: "ed25519:…" }
///   - { name: alice-laptop, role: person, identity: alice@example.com, groups: [security],
///       may: [issue, lift, approve], key: "ed25519:…" }
///   - { name: gateway-1, role: gateway, key: "ed25519:…" }
///   - { name: hub-1, role: hub, may: [issue, lift, approve], key: "ed25519:…" }
/// ```
package struct TrustedKeys: Sendable {
    /// The most keys of one list.
    package static let maximumKeys = 1000
    /// The longest record that is looked at, bytes.
    package static let maximumBytes = 64 * 1024

    /// In the order of the list.
    package let keys: [TrustedKey]
    private let byName: [String: TrustedKey]

    /// Keys given in code.
    package init(_ keys: [TrustedKey] = []) throws(TrustError) {
        guard keys.count <= Self.maximumKeys else { throw .tooMany(keys.count) }
        var byName: [String: TrustedKey] = [:]
        var byKey: [String: String] = [:]
        for key in keys {
            guard byName.updateValue(key, forKey: key.name) == nil else { throw .nameTwice(key.name) }
            if let other = byKey.updateValue(key.name, forKey: key.publicText) { throw .keyTwice(other, key.name) }
        }
        self.keys = keys
        self.byName = byName
    }

    /// The keys of a file whose only top-level key is `keys`.
    package init(path: String) throws(DocumentError) {
        let documents = try YAMLReader.documents(path: path)
        guard documents.count == 1, let document = documents.first else {
            throw DocumentError(file: path, message: "has \(documents.count) documents; one with 'keys' is expected.")
        }
        try document.refuseKeys(except: ["keys"])
        try self.init(try document.required("keys"))
    }

    /// The keys of a list in a YAML document.
    package init(_ node: YAMLNode) throws(DocumentError) {
        var keys: [TrustedKey] = []
        for item in node.items() {
            let key = try Self.key(item)
            // Said at the second one's place, which the check of the whole list could not name.
            for other in keys {
                if other.name == key.name { throw item.error(TrustError.nameTwice(key.name).description) }
                if other.publicText == key.publicText {
                    throw item.error(TrustError.keyTwice(other.name, key.name).description)
                }
            }
            keys.append(key)
        }
        do {
            try self.init(keys)
        } catch {
            throw node.error(error.description)
        }
    }

    private static func key(_ node: YAMLNode) throws(DocumentError) -> TrustedKey {
        try node.refuseKeys(except: ["name", "role", "identity", "groups", "may", "key"])
        let role: TrustedKey.Role = try word(try node.required("role"), "role")
        var may: Set<TrustedKey.Permission> = []
        for item in node["may"]?.items() ?? [] { may.insert(try word(item, "permission")) }
        let name = try node.required("name").text()
        let identity = try node["identity"]?.text()
        let groups = try node["groups"]?.texts() ?? []
        let text = try node.required("key").text()
        do {
            return try TrustedKey(
                name: name, role: role, identity: identity, groups: groups, may: may, publicText: text)
        } catch {
            throw node.error(error.description)
        }
    }

    private static func word<Word: RawRepresentable & CaseIterable>(
        _ node: YAMLNode, _ what: String
    ) throws(DocumentError) -> Word where Word.RawValue == String {
        let text = try node.text()
        guard let word = Word(rawValue: text) else {
            throw node.error(unknownKey(text, known: Word.allCases.map(\.rawValue), what: what))
        }
        return word
    }

    /// The key of a name.
    package subscript(name: String) -> TrustedKey? { byName[name] }
}
