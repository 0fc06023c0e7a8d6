// SPDX-License-Identifier: Apache-2.0

/// A door through which bytes come that nobody has checked.
package protocol FuzzTarget: AnyObject {
    /// As it is called on the command line.
    static var name: String { get }
    /// Inputs that are right, to begin with.
    var seeds: [[UInt8]] { get }

    /// Takes an input as the product would. Whatever it is, this returns: nothing ends the process, and no error leaves.
    ///
    /// - Returns: what became of it, roughly. An input with a new outcome is kept to go on from.
    func run(_ input: [UInt8]) -> UInt64
}

/// What became of an input, as one number.
struct Outcome {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    /// FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/.
    mutating func add(_ number: Int) {
        value = (value ^ UInt64(truncatingIfNeeded: number)) &* 0x100_0000_01B3
    }

    mutating func add(_ text: String) {
        for byte in text.utf8 { add(Int(byte)) }
    }

    /// The size of a number only, lest every input be a new outcome.
    mutating func add(size: Int) {
        add(size <= 4 ? size : Int.bitWidth - size.leadingZeroBitCount + 8)
    }
}

/// All doors.
package enum FuzzTargets {
    package static let names = makers.map(\.name)

    private static let makers: [(name: String, make: @Sendable (FuzzFiles) throws -> any FuzzTarget)] = [
        (EventTarget.name, { try EventTarget($0) }), (LineTarget.name, { try LineTarget($0) }),
        (RuleTarget.name, { try RuleTarget($0) }), (MappingTarget.name, { try MappingTarget($0) }),
        (ListTarget.name, { try ListTarget($0) }), (CalendarTarget.name, { try CalendarTarget($0) }),
        (IdentityTarget.name, { try IdentityTarget($0) }), (SnapshotTarget.name, { try SnapshotTarget($0) }),
    ]

    /// Nil for a name that no target has.
    package static func make(_ name: String, _ files: FuzzFiles) throws -> (any FuzzTarget)? {
        try makers.first { $0.name == name }?.make(files)
    }
}
