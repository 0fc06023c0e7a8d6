// SPDX-License-Identifier: Apache-2.0

/// The places of a JSON document that are looked at: JSON Pointers (RFC 6901) in which `*` stands for every element of
/// an array.
///
/// `/points/*/id` is the `id` of every element of `points`; the empty pointer is the document. A token of digits is a
/// member's name, never an index. `/prefetch&/limit` is the `limit` of `prefetch`, of the elements if that is an array,
/// and of every `prefetch` within them, however deep.
package struct JSONPlan: Sendable {
    struct Child: Sendable {
        let name: [UInt8]
        /// See `JSONName.fold`.
        let folded: [UInt8]
        let node: Int
    }

    struct Node: Sendable {
        var children: [Child] = []
        /// The node of an array's elements, -1 for none.
        var element = -1
        /// Index of the finding, -1 for none.
        var watch = -1
        /// Keeps the scalars that it finds.
        var keeps = false
    }

    /// A pointer is not one.
    package struct PointerError: Error {
        package let message: String
    }

    private(set) var nodes = [Node()]
    /// How many findings a scan has.
    package private(set) var count = 0

    package init() {}

    /// Whether nothing is looked at.
    package var isEmpty: Bool { count == 0 }

    /// Watches a place.
    ///
    /// - Parameters:
    ///   - pointer: RFC 6901, with `*` for the elements of an array and `name&` for what nests in itself. `~2` stands
    ///     for a `*`, `~3` for a `&` of a member's name.
    ///   - keeps: the texts and numbers found there are kept.
    /// - Returns: the index of its finding; the same pointer has the same one.
    package mutating func watch(_ pointer: String, keeps: Bool = false) throws(PointerError) -> Int {
        guard pointer.isEmpty || pointer.hasPrefix("/") else {
            throw PointerError(message: "'\(pointer)' is no JSON pointer: begin it with '/', as in /points/*/id.")
        }
        var node = 0
        for token in pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            if token == "*" {
                if nodes[node].element < 0 {
                    nodes.append(Node())
                    nodes[node].element = nodes.count - 1
                }
                node = nodes[node].element
                continue
            }
            let nests = token.hasSuffix("&")
            let name = try Self.unescape(nests ? token.dropLast() : token)
            if let child = nodes[node].children.first(where: { $0.name == name }) {
                node = child.node
                if nests { try nest(name, at: node) }
                continue
            }
            guard nodes[node].children.count < 64, nodes.count < 1024 else {
                throw PointerError(message: "'\(pointer)': too many pointers.")
            }
            nodes.append(Node())
            nodes[node].children.append(Child(name: name, folded: JSONName.fold(name[...]), node: nodes.count - 1))
            node = nodes.count - 1
            if nests { try nest(name, at: node) }
        }
        if nodes[node].watch < 0 {
            nodes[node].watch = count
            count += 1
        }
        if keeps { nodes[node].keeps = true }
        return nodes[node].watch
    }

    /// Makes the node its own element and its own member of that name.
    private mutating func nest(_ name: [UInt8], at node: Int) throws(PointerError) {
        if nodes[node].element == node { return }
        guard nodes[node].element < 0, !nodes[node].children.contains(where: { $0.name == name }) else {
            throw PointerError(
                message: "'\(String(decoding: name, as: UTF8.self))&' stands beside a pointer without the '&'.")
        }
        nodes[node].element = node
        nodes[node].children.append(Child(name: name, folded: JSONName.fold(name[...]), node: node))
    }

    /// Whether pointers go on below the place of this finding.
    func goesOn(below watch: Int) -> Bool {
        nodes.contains { $0.watch == watch && !$0.children.isEmpty }
    }

    private static func unescape(_ token: Substring) throws(PointerError) -> [UInt8] {
        var name: [UInt8] = []
        var bytes = token.utf8.makeIterator()
        while let byte = bytes.next() {
            guard byte == UInt8(ascii: "~") else {
                name.append(byte)
                continue
            }
            switch bytes.next() {
            case UInt8(ascii: "0"): name.append(UInt8(ascii: "~"))
            case UInt8(ascii: "1"): name.append(UInt8(ascii: "/"))
            case UInt8(ascii: "2"): name.append(UInt8(ascii: "*"))
            case UInt8(ascii: "3"): name.append(UInt8(ascii: "&"))
            default: throw PointerError(message: "'\(token)': a '~' in a JSON pointer is followed by 0, 1, 2 or 3.")
            }
        }
        return name
    }
}

/// Names of members.
enum JSONName {
    /// What lenient readers take for the same name: without case (Go's encoding/json, which also folds U+017F and
    /// U+212A) and without underscores (protobuf's JSON mapping reads `maxResults` as `max_results`).
    static func fold(_ name: ArraySlice<UInt8>) -> [UInt8] {
        var folded: [UInt8] = []
        folded.reserveCapacity(name.count)
        var index = name.startIndex
        while index < name.endIndex {
            let rest = name[index...]
            if rest.starts(with: [0xC5, 0xBF]) {
                folded.append(UInt8(ascii: "s"))
                index += 2
                continue
            }
            if rest.starts(with: [0xE2, 0x84, 0xAA]) {
                folded.append(UInt8(ascii: "k"))
                index += 3
                continue
            }
            let byte = name[index]
            index += 1
            if byte == UInt8(ascii: "_") { continue }
            folded.append((0x41...0x5A).contains(byte) ? byte | 0x20 : byte)
        }
        return folded
    }
}

/// What a scan found at one place of its plan, over the whole document.
package struct JSONFinding: Sendable, Equatable {
    /// Values by kind.
    package internal(set) var strings = 0
    package internal(set) var numbers = 0
    package internal(set) var booleans = 0
    package internal(set) var nulls = 0
    package internal(set) var arrays = 0
    package internal(set) var objects = 0
    /// The longest string, UTF-8 bytes after its escapes are resolved.
    package internal(set) var longestString = 0
    /// The most elements of one array here.
    package internal(set) var longestArray = 0
    /// The sum of the whole, non-negative numbers here; `Int.max` past it. Only of places that are kept.
    package internal(set) var sum = 0
    /// Numbers that are negative, fractions, or too long to be counts. Only of places that are kept.
    package internal(set) var oddNumbers = 0
    /// The strings, and the numbers as they are written, in order. Only of places that are kept.
    package internal(set) var texts: [String] = []
    /// Texts that were too many, or too long, to be kept.
    package internal(set) var droppedTexts = 0

    /// Values that are not null.
    package var count: Int { strings + numbers + booleans + arrays + objects }
}
