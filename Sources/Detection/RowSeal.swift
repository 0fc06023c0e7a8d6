// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// A hash behind the value of each stored row, of the row's state, key and value: what a disk or a hand has changed is left out
/// instead of being believed. It is no protection from somebody who means it.
enum RowSeal {
    private static let length = 8

    static func sealed(_ value: [UInt8], state: UInt64, key: [UInt8]) -> [UInt8] {
        var sealed = value
        withUnsafeBytes(of: hash(value[...], state, key).littleEndian) { sealed.append(contentsOf: $0) }
        return sealed
    }

    /// The value without its seal; nil where they do not belong together.
    static func opened(_ row: EngineState.Row) -> [UInt8]? {
        guard row.value.count >= length else { return nil }
        let value = row.value.dropLast(length)
        let seal = row.value.suffix(length).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        return seal == hash(value, row.state, row.key) ? Array(value) : nil
    }

    private static func hash(_ value: ArraySlice<UInt8>, _ state: UInt64, _ key: [UInt8]) -> UInt64 {
        let name = key.withUnsafeBytes { stableHash($0, seed: state) }
        return value.withUnsafeBytes { stableHash($0, seed: name) }
    }
}
