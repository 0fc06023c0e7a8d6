// SPDX-License-Identifier: Apache-2.0

package import YAMLDocument

extension RuleExtension {
    /// `baseline:`: fire only when the window's value also stands out from the group's own past, and from its peers'.
    package struct Baseline: Sendable, Equatable {
        /// What repeats.
        package enum Season: String, Sendable, CaseIterable {
            case none
            case hourOfDay = "hour_of_day"
            case hourOfWeek = "hour_of_week"

            /// ms.
            package var milliseconds: Int64 {
                switch self {
                case .none: 0
                case .hourOfDay: 86_400_000
                case .hourOfWeek: 604_800_000
                }
            }
        }

        /// What counts while a group has too little history of its own.
        package enum ColdStart: String, Sendable, CaseIterable {
            /// Nothing fires.
            case silent
            /// The peers alone decide.
            case peers
            /// The rule's condition alone decides.
            case floor
        }

        /// How own past and peers go together.
        package enum Combination: String, Sendable, CaseIterable { case and, or }

        /// The values of others.
        package struct Peers: Sendable, Equatable {
            /// Who belongs together: those whose events have the same values here.
            package let groupBy: [String]
            /// With fewer members there are no peers.
            package let minimum: Int
            /// The value must reach `ratio` times this quantile of the members' values.
            package let quantile: Double
            package let ratio: Double
            package let combine: Combination
        }

        /// What is remembered.
        package let history: Timespan
        package let season: Season
        /// Before so much history a group is learning.
        package let minimumHistory: Timespan
        /// And before so many of its windows had something in them.
        package let minimumBuckets: Int
        /// By how many times the usual spread the value must exceed the usual.
        package let threshold: Double
        /// And how many times the usual it must be.
        package let ratio: Double
        /// The spread is never taken as less, in the unit of what is counted.
        package let scaleFloor: Double
        package let peers: Peers?
        package let coldStart: ColdStart
        /// Where it stands, for complaints.
        package let node: YAMLNode

        package static func == (a: Self, b: Self) -> Bool {
            a.history == b.history && a.season == b.season && a.minimumHistory == b.minimumHistory
                && a.minimumBuckets == b.minimumBuckets && a.threshold == b.threshold && a.ratio == b.ratio
                && a.scaleFloor == b.scaleFloor && a.peers == b.peers && a.coldStart == b.coldStart
        }

        /// Reads the block.
        init(_ node: YAMLNode) throws(DocumentError) {
            try node.refuseKeys(except: [
                "history", "season", "minimum", "threshold", "ratio", "scale_floor", "peers", "cold_start",
            ])
            self.node = node
            history = try Timespan(try node.required("history"))
            season = try node["season"].map { node throws(DocumentError) in try node.word("season") } ?? .none
            guard history.milliseconds >= 2 * season.milliseconds else {
                throw node.error("history (\(history)) holds fewer than two of its seasons (\(season.rawValue)).")
            }
            let minimum = try node.required("minimum")
            try minimum.refuseKeys(except: ["history", "buckets"])
            minimumHistory = try Timespan(try minimum.required("history"))
            guard minimumHistory.milliseconds <= history.milliseconds else {
                throw minimum.error("history (\(minimumHistory)) is longer than what is remembered (\(history)).")
            }
            let buckets = try minimum.required("buckets")
            minimumBuckets = try buckets.integer()
            guard (1...10_000).contains(minimumBuckets) else { throw buckets.error("buckets are 1 to 10000.") }
            threshold = try Self.number(node["threshold"], 4.5, 1...1000)
            ratio = try Self.number(node["ratio"], 3, 1...10_000)
            scaleFloor = try Self.number(node["scale_floor"], 1, 0.000_001...1e12)
            peers = try node["peers"].map { block throws(DocumentError) in
                try block.refuseKeys(except: ["group-by", "minimum", "quantile", "ratio", "combine"])
                let minimum = try block["minimum"].map { node throws(DocumentError) in
                    let count = try node.integer()
                    guard (2...10_000).contains(count) else { throw node.error("minimum is 2 to 10000 members.") }
                    return count
                }
                return Peers(
                    groupBy: try block.required("group-by").texts(), minimum: minimum ?? 5,
                    quantile: try Self.number(block["quantile"], 0.995, 0.5...1),
                    ratio: try Self.number(block["ratio"], 1, 0.01...10_000),
                    combine: try block["combine"].map { node throws(DocumentError) in try node.word("combination") }
                        ?? .and)
            }
            coldStart =
                try node["cold_start"].map { node throws(DocumentError) in try node.word("cold start") } ?? .silent
            if coldStart == .peers, peers == nil { throw node.error("cold_start: peers needs the block 'peers'.") }
        }

        /// Refuses a correlation that it cannot narrow.
        func check(_ kind: CorrelationRule.Kind, _ bounds: [CorrelationRule.Bound]) throws(DocumentError) {
            guard kind == .eventCount || kind == .valueSum else {
                throw node.error("works with event_count and value_sum; \(kind.rawValue) has no baseline.")
            }
            guard bounds.contains(where: { ($0.comparison == .gte || $0.comparison == .gt) && $0.limit > 0 }) else {
                throw node.error("needs a floor: a condition with gte or gt above zero.")
            }
        }

        private static func number(
            _ node: YAMLNode?, _ standard: Double, _ range: ClosedRange<Double>
        ) throws(DocumentError) -> Double {
            guard let node else { return standard }
            let number = try node.number()
            guard range.contains(number) else {
                throw node.error("is \(range.lowerBound) to \(range.upperBound).")
            }
            return number
        }
    }
}

extension YAMLNode {
    /// One of a few words.
    func word<Word: RawRepresentable & CaseIterable>(_ what: String) throws(DocumentError) -> Word
    where Word.RawValue == String {
        let text = try text()
        guard let word = Word(rawValue: text) else {
            throw error(unknownKey(text, known: Word.allCases.map(\.rawValue), what: what))
        }
        return word
    }
}
