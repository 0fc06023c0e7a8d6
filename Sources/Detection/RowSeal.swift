// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// A hash behind the value of each stored row, of the row's state, key and value: what a disk or a hand has changed is left out
/// instead of being believed. It is no protection from somebody who means it.
enum RowSeal {
    private static let length = 8

    static func sealed(_ value: [UInt8], state: UInt64, key: [UInt8]) -> [UInt8] {
        var sealed = value
        let seal = value.withUnsafeBytes { value in key.withUnsafeBytes { Self.hash(value, state, $0) } }
        withUnsafeBytes(of: seal.littleEndian) { sealed.append(contentsOf: $0) }
        return sealed
    }

    /// The value without its seal; nil where they do not belong together. Borrows the value.
    static func opened(
        _ sealed: UnsafeRawBufferPointer, state: UInt64, key: UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer? {
        guard sealed.count >= length else { return nil }
        let value = UnsafeRawBufferPointer(rebasing: sealed.dropLast(length))
        let seal = sealed.loadUnaligned(fromByteOffset: value.count, as: UInt64.self)
        return UInt64(littleEndian: seal) == hash(value, state, key) ? value : nil
    }

    private static func hash(
        _ value: UnsafeRawBufferPointer, _ state: UInt64, _ key: UnsafeRawBufferPointer
    ) -> UInt64 {
        stableHash(value, seed: stableHash(key, seed: state))
    }
}
