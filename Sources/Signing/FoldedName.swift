// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A name of a person or service by which it is looked up: `Ana@Example.com` and `ana@example.com` are one.
///
/// A name in ASCII is kept as it is and folded while it is hashed and compared, so that a lookup allocates nothing. Any
/// other is kept in Unicode's lower case and composed (NFC).
package struct FoldedName: Hashable, Sendable, CustomStringConvertible {
    private let text: String

    /// The name as somebody wrote it.
    package init(_ name: String) {
        let isASCII = name.utf8.allSatisfy { $0 < 0x80 }
        text = isASCII ? name : name.lowercased().precomposedStringWithCanonicalMapping
    }

    package func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(Self.fold(byte)) }
    }

    package static func == (a: FoldedName, b: FoldedName) -> Bool {
        a.text.utf8.elementsEqual(b.text.utf8) { fold($0) == fold($1) }
    }

    /// The folded name.
    package var description: String { text.lowercased() }

    private static func fold(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}

/// Which names mean one person: nobody lifts an order on themselves, approves their own request or counts twice under
/// another of their names.
package struct IdentityAliases: Sendable, Equatable {
    private var canonical: [FoldedName: FoldedName] = [:]
    private var members: [FoldedName: [FoldedName]] = [:]

    /// Every name is somebody of their own.
    package init() {}

    /// Groups of names, each one person's; the first of a group stands for all. Groups that share a name are one group.
    package init(_ groups: [[String]]) {
        var parent: [FoldedName: FoldedName] = [:]
        func root(_ name: FoldedName) -> FoldedName {
            var name = name
            while let next = parent[name], next != name { name = next }
            return name
        }
        for group in groups {
            guard let first = group.first.map({ FoldedName($0) }) else { continue }
            for name in group.map({ FoldedName($0) }) { parent[root(name)] = root(first) }
        }
        for name in parent.keys {
            canonical[name] = root(name)
            members[root(name), default: []].append(name)
        }
    }

    /// The name that stands for all names of this one's bearer.
    package func canonical(_ name: String) -> FoldedName {
        let folded = FoldedName(name)
        if canonical.isEmpty { return folded }
        return canonical[folded] ?? folded
    }

    /// Every name known for the bearer of this one, itself included.
    package func names(of name: String) -> [FoldedName] {
        let root = canonical(name)
        return members[root] ?? [root]
    }

    /// Whether two names mean one person.
    package func areSame(_ a: String, _ b: String) -> Bool {
        canonical(a) == canonical(b)
    }
}
