// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

/// Sizes and durations as people write them.
extension YAMLNode {
    /// Bytes: `512`, `8KiB`, `16MiB`, `5GiB`, or decimal `kB`, `MB`, `GB`.
    func bytes() throws(DocumentError) -> Int {
        let units = [
            ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("kB", 1_000), ("MB", 1_000_000),
            ("GB", 1_000_000_000), ("B", 1), ("", 1),
        ]
        return try quantity(units, "is no size. Write bytes, or a number with KiB, MiB, GiB, kB, MB or GB.")
    }

    /// Milliseconds: `250ms`, `30s`, `10m`, `1h`.
    func milliseconds() throws(DocumentError) -> Int {
        let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)]
        return try quantity(units, "is no duration. Write a number with ms, s, m or h.")
    }

    /// A whole number that is not negative.
    func count() throws(DocumentError) -> Int {
        let value = try integer()
        guard value >= 0 else { throw error("\(value) is negative; a count is not.") }
        return value
    }

    private func quantity(_ units: [(name: String, factor: Int)], _ fault: String) throws(DocumentError) -> Int {
        let text = try text()
        for unit in units where text.hasSuffix(unit.name) {
            let number = text.dropLast(unit.name.count).trimmed
            guard let value = Int(number), value >= 0 else { continue }
            let (product, overflow) = value.multipliedReportingOverflow(by: unit.factor)
            if !overflow { return product }
        }
        throw error("'\(text)' \(fault)")
    }
}
