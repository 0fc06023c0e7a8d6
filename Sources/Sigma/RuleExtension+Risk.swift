// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

extension RuleExtension {
    /// `risk:`: what an alert adds to the risk of its identity.
    package struct Risk: Sendable, Equatable {
        /// 0 to 100.
        package let points: Int
        /// After how long an alert counts half.
        package let halfLife: Timespan
        /// The most points that the rule adds to one identity in a day (UTC).
        package let daily: Int
        /// Per field of the event that fired, the factors of some of its values: what is worth more, or less.
        package let weights: [Weight]

        /// The factors of one field.
        package struct Weight: Sendable, Equatable {
            package let field: String
            /// Factors 0.1 to 10 by value; others count once.
            package let factors: [String: Double]
        }

        static let defaultHalfLife = "7d"
        static let known = ["points", "half-life", "daily", "weights"]

        /// Reads the block.
        init(_ block: YAMLNode) throws(DocumentError) {
            try block.refuseKeys(except: Self.known)
            let node = try block.required("points")
            points = try node.integer()
            guard (0...100).contains(points) else { throw node.error("points are 0 to 100.") }
            if let node = block["half-life"] {
                halfLife = try Timespan(node)
            } else if let timespan = Timespan(Self.defaultHalfLife) {
                halfLife = timespan
            } else {
                throw block.error("half-life has no default.")
            }
            if let node = block["daily"] {
                daily = try node.integer()
                guard daily >= points, daily <= 1000 else { throw node.error("daily is \(points) (points) to 1000.") }
            } else {
                daily = 2 * points
            }
            var weights: [Weight] = []
            for entry in try block["weights"]?.entries() ?? [] {
                var factors: [String: Double] = [:]
                for factor in try entry.value.entries() {
                    let number = try factor.value.number()
                    guard (0.1...10).contains(number) else { throw factor.value.error("a factor is 0.1 to 10.") }
                    factors[factor.key] = number
                }
                weights.append(Weight(field: entry.key, factors: factors))
            }
            self.weights = weights
        }
    }
}
