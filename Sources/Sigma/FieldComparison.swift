// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// Compares two values of one event, for `fieldref`. Both sides come from outside, so both are folded, and looking for one in
/// the other stays linear.
enum FieldComparison {
    static func holds(_ a: Slot, _ b: Slot, _ reference: Test.Reference, cased: Bool) -> Bool {
        if reference == .equals, let equal = numbers(a, b) { return equal }
        return a.withText { left in b.withText { right in texts(left, right, reference, cased: cased) } ?? false }
            ?? false
    }

    /// Numbers by value; a number with a fraction also against a text that writes it. Nil where texts decide.
    private static func numbers(_ a: Slot, _ b: Slot) -> Bool? {
        switch (a.kind, b.kind) {
        case (.int, .int): a.int == b.int
        case (.int, .double): Number(a.int).equals(b)
        case (.double, .int): Number(b.int).equals(a)
        case (.double, .double): a.double == b.double
        case (.double, .string): Number.plain(b.bytes) == a.double
        case (.string, .double): Number.plain(a.bytes) == b.double
        default: nil
        }
    }

    private static func texts(
        _ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer, _ reference: Test.Reference, cased: Bool
    ) -> Bool {
        if right.isEmpty { return reference != .equals || left.isEmpty }
        if cased { return find(left, right, reference, cased: true) }
        if !left.isASCII || !right.isASCII {
            // Only events that hold such text pay for it.
            var first = String(decoding: left, as: UTF8.self).lowercased()
            var second = String(decoding: right, as: UTF8.self).lowercased()
            return first.withUTF8 { a in
                second.withUTF8 { b in
                    find(UnsafeRawBufferPointer(a), UnsafeRawBufferPointer(b), reference, cased: true)
                }
            }
        }
        guard left.count >= right.count else { return false }
        return withUnsafeTemporaryAllocation(byteCount: right.count, alignment: 8) { lowered in
            for index in 0..<right.count { lowered[index] = ASCII.lower(right[index]) }
            return find(left, UnsafeRawBufferPointer(lowered), reference, cased: false)
        }
    }

    /// `right` is lower case unless `cased`.
    private static func find(
        _ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer, _ reference: Test.Reference, cased: Bool
    ) -> Bool {
        guard left.count >= right.count, let start = left.baseAddress, let wanted = right.baseAddress else {
            return false
        }
        func stands(at offset: Int) -> Bool {
            cased
                ? ASCII.equal(start + offset, wanted, count: right.count)
                : ASCII.equalFolding(start + offset, wanted, count: right.count)
        }
        switch reference {
        case .equals: return left.count == right.count && stands(at: 0)
        case .startsWith: return stands(at: 0)
        case .endsWith: return stands(at: left.count - right.count)
        case .contains:
            guard right.count > LiteralSearch.short else {
                return LiteralSearch(literal: right, cased: cased, failure: nil).first(in: left) >= 0
            }
            return withUnsafeTemporaryAllocation(of: Int32.self, capacity: right.count) { table in
                guard let failure = table.baseAddress else { return false }
                LiteralSearch.writeFailure(of: right, to: failure)
                return LiteralSearch(literal: right, cased: cased, failure: failure).first(in: left) >= 0
            }
        }
    }
}
