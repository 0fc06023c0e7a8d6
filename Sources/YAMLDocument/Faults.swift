// SPDX-License-Identifier: Apache-2.0

/// Gathers what is wrong with parts of a document that do not depend on each other: a person mends all of them before trying again.
package struct Faults {
    /// The most that are told of one document.
    package static let maximum = 20

    /// Where the reading began, for the sentence about those that are not told.
    private let node: YAMLNode
    package private(set) var errors: [DocumentError] = []

    package var isEmpty: Bool { errors.isEmpty }

    package init(_ node: YAMLNode) {
        self.node = node
    }

    package mutating func add(_ error: any Error) {
        switch error {
        case let error as DocumentError: errors.append(error)
        case let several as DocumentErrors: errors += several.errors
        default: errors.append(node.error("\(error)"))
        }
    }

    /// What `body` reads; where it throws, that is noted and `otherwise` stands in for it.
    package mutating func read<T>(or otherwise: T, _ body: () throws -> T) -> T {
        do {
            return try body()
        } catch {
            add(error)
            return otherwise
        }
    }

    /// Notes what `body` throws.
    package mutating func check(_ body: () throws -> Void) {
        read(or: (), body)
    }

    /// Notes every key of a mapping that is not in the list. False where there is one, or the node is no mapping: what seems to be
    /// missing may be what a wrong key was meant to be.
    package mutating func refuseKeys(of mapping: YAMLNode, except known: [String]) -> Bool {
        let before = errors.count
        errors += read(or: []) { try mapping.unknownKeys(except: known) }
        return errors.count == before
    }

    /// Throws what was noted, if anything was.
    package func finish() throws(DocumentErrors) {
        guard !errors.isEmpty else { return }
        guard errors.count > Self.maximum else { throw DocumentErrors(errors) }
        let rest = node.error("has \(errors.count - Self.maximum) more errors, told once these are mended.")
        throw DocumentErrors(errors.prefix(Self.maximum) + [rest])
    }
}
