// SPDX-License-Identifier: Apache-2.0

package import YAMLDocument

extension RuleExtension {
    /// `ratio:`: fire only where, of a group's past, the matches of some rules are such a share of those of others.
    package struct Ratio: Sendable {
        /// Ids or names of detection rules.
        package let of: [String]
        package let to: [String]
        package let groupBy: [String]
        /// The share, 0 to 1, and whether it must be reached (`gte`) or not exceeded (`lte`).
        package let limit: Double
        package let isLowerLimit: Bool
        /// What is remembered: an event half as long ago weighs half.
        package let history: Timespan
        /// With fewer events in `to`, or on fewer days (UTC, of the last 32), nothing fires.
        package let minimumEvents: Int
        package let minimumDays: Int
        package let node: YAMLNode

        /// Reads the block.
        init(_ node: YAMLNode) throws(DocumentError) {
            try node.refuseKeys(except: ["of", "to", "group-by", "gte", "lte", "history", "minimum"])
            self.node = node
            of = try node.required("of").texts()
            to = try node.required("to").texts()
            groupBy = try node.required("group-by").texts()
            for (names, key) in [(of, "of"), (to, "to"), (groupBy, "group-by")] where names.isEmpty {
                throw (node[key] ?? node).error("names nothing.")
            }
            guard let value = node["gte"] ?? node["lte"], node["gte"] == nil || node["lte"] == nil else {
                throw node.error("needs one limit. Write gte: 0.95 or lte: 0.05.")
            }
            isLowerLimit = node["gte"] != nil
            limit = try value.number()
            guard (0...1).contains(limit) else { throw value.error("a share is 0 to 1.") }
            history = try Timespan(try node.required("history"))
            guard history.milliseconds >= 2 * 86_400_000 else {
                throw (node["history"] ?? node).error(
                    "\(history) is less than 2d. For a share within a window, write a correlation of type value_avg.")
            }
            let minimum = try node.required("minimum")
            try minimum.refuseKeys(except: ["events", "days"])
            minimumEvents = try Self.count(minimum.required("events"), 1...1_000_000)
            minimumDays = try minimum["days"].map { node throws(DocumentError) in try Self.count(node, 1...32) } ?? 1
        }

        private static func count(_ node: YAMLNode, _ range: ClosedRange<Int>) throws(DocumentError) -> Int {
            let count = try node.integer()
            guard range.contains(count) else {
                throw node.error("is \(range.lowerBound) to \(range.upperBound).")
            }
            return count
        }

        /// The names that no rule of the load has.
        func unknown(among known: Set<String>) -> DocumentError? {
            guard let name = (of + to).first(where: { !known.contains($0) }) else { return nil }
            let item = [node["of"], node["to"]].compactMap { $0 }.flatMap { $0.items() }.first {
                if case .scalar(let scalar) = $0.content { scalar.text == name } else { false }
            }
            return (item ?? node).error("no detection rule of this load has the id or name '\(name)'.")
        }
    }
}
