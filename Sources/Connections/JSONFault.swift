// SPDX-License-Identifier: Apache-2.0

/// Why a JSON document cannot be read, or can be read in two ways.
package struct JSONFault: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// Not RFC 8259; the text says what is wrong.
        case syntax(String)
        /// Nested deeper than `JSONScan.maximumDepth`.
        case tooDeep
        /// A member occurs twice in one object on the way to a watched place.
        case duplicateName(String)
        /// A member is spelled almost like a watched one; a lenient reader would take it for that.
        case lookalikeName(String, watched: String)
        /// An object on the way to a watched place has more than `JSONScan.maximumMembers` members.
        case tooManyMembers
    }

    package let kind: Kind
    /// Bytes before the fault.
    package let offset: Int

    package var description: String {
        switch kind {
        case .syntax(let what): "\(what) at byte \(offset)"
        case .tooDeep: "nested deeper than \(JSONScan.maximumDepth) levels at byte \(offset)"
        case .duplicateName(let name): "the member '\(RequestRefusal.shown(name))' is given twice (byte \(offset))"
        case .lookalikeName(let name, let watched):
            "the member '\(RequestRefusal.shown(name))' could be taken for '\(watched)' (byte \(offset))"
        case .tooManyMembers: "an object has more than \(JSONScan.maximumMembers) members (byte \(offset))"
        }
    }
}
