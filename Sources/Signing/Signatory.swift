// SPDX-License-Identifier: Apache-2.0

/// Who answers for a record: the holder of the key that signed it, or the person in whose name a hub signed it.
package struct Signatory: Sendable, Equatable {
    package let key: TrustedKey
    /// The person by identity; nil for automation.
    package let person: String?
    /// Groups of approvers to which the person belongs: the key's, or what the hub says of who logged in there.
    package let groups: [String]
    /// How the record's Kafka key ends: the name of the key, and where a hub signed a digest of the person, so that each person's
    /// record stays in a compacted topic.
    package let recordName: String

    /// Nil where the key cannot speak for that name: it is somebody else's, or a gateway's. What the key may is another question.
    ///
    /// - Parameters:
    ///   - name: by whom the record says that it is.
    ///   - groups: what the record says of the person's groups; only a hub is believed.
    package init?(of key: TrustedKey, named name: String, groups: [String] = []) {
        self.key = key
        switch key.role {
        case .person:
            guard let identity = key.identity, FoldedName(name) == FoldedName(identity) else { return nil }
            person = identity
            self.groups = key.groups
            recordName = key.name
        case .automation:
            guard name == key.name else { return nil }
            person = nil
            self.groups = []
            recordName = key.name
        case .hub:
            guard !name.isEmpty else { return nil }
            person = name
            self.groups = groups
            recordName = Self.recordName(key: key.name, person: name)
        case .gateway: return nil
        }
    }

    /// The end of the Kafka key of what the key signs.
    ///
    /// - Parameter person: in whose name, where the key is a hub's.
    package static func recordName(key: String, person: String?) -> String {
        guard let person else { return key }
        return "\(key)/\(StableID.fingerprint(["person", FoldedName(person).description]).prefix(32))"
    }
}
