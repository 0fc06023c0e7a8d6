// SPDX-License-Identifier: Apache-2.0

package import YAMLDocument

/// The block `gatewatch:` of a rule: what Sigma lacks. Other tools ignore it, and the rule still means something.
package struct RuleExtension: Sendable {
    /// Fire only for a value that the group key has not had within `history`.
    package struct FirstSeen: Sendable, Hashable {
        package let field: String
        package let groupBy: [String]
        package let history: Timespan
        /// How long a new group key only learns.
        package let learning: Timespan
        /// What others make of the value; nil: nothing.
        package let peers: Peers?

        /// A value that enough of the peers have had is less of a surprise.
        package struct Peers: Sendable, Hashable {
            /// What becomes of an alert about a common value.
            package enum Consequence: String, Sendable, CaseIterable {
                /// One level lower.
                case lower
                case silent
            }

            /// Who belongs together: those whose events have the same values here.
            package let groupBy: [String]
            /// With fewer members beside oneself there are no peers.
            package let minimum: Int
            /// A value is common when this share of the others has had it within `history`, 0 to 1.
            package let common: Double
            package let then: Consequence

            init(_ node: YAMLNode) throws(DocumentError) {
                try node.refuseKeys(except: ["group-by", "minimum", "common", "then"])
                groupBy = try node.required("group-by").texts()
                minimum = try node["minimum"]?.integer() ?? 5
                guard (1...200).contains(minimum) else { throw (node["minimum"] ?? node).error("minimum is 1 to 200.") }
                let share = try node.required("common")
                common = try share.number()
                guard common > 0, common <= 1 else { throw share.error("a share is above 0 and at most 1.") }
                then = try node["then"].map { node throws(DocumentError) in try node.word("consequence") } ?? .lower
            }
        }
    }

    /// One alert per episode: from the first firing until none came for this long.
    package struct Suppress: Sendable, Hashable {
        package let episode: Timespan
        /// Whose episode; a correlation's own `group-by` when empty.
        package let groupBy: [String]
    }

    /// One inline test.
    package struct Test: Sendable {
        /// Some events of a test.
        package struct Events: Sendable {
            package let count: Int
            /// Between two of them, ms; 0: all at once.
            package let every: Int64
            /// When the first one is, ms after the test's start; nil: `every` after the one before.
            package let at: Int64?
            package let set: [(field: String, value: YAMLNode)]
            /// Fields that take the next value of a list with each event, over and over.
            package let vary: [(field: String, values: [YAMLNode])]
        }

        package let name: String
        /// ISO 8601, nil for a fixed default.
        package let start: String?
        package let events: [Events]
        package let alerts: Int
        package let node: YAMLNode
    }

    package let firstSeen: FirstSeen?
    /// The iCalendar file outside of whose events the rule fires.
    package let outside: (file: String, node: YAMLNode)?
    package let suppress: Suppress?
    /// Points that an alert adds to the identity's risk.
    package let risk: Risk?
    /// Nil: the correlation's condition alone decides.
    package let baseline: Baseline?
    /// Nil: the past's shares do not matter.
    package let ratio: Ratio?
    /// What may be done without a person; nil: nothing beyond the alert.
    package let respond: Respond?
    package let tests: [Test]

    static let none = RuleExtension(
        firstSeen: nil, outside: nil, suppress: nil, risk: nil, baseline: nil, ratio: nil, respond: nil, tests: [])

    private init(
        firstSeen: FirstSeen?, outside: (String, YAMLNode)?, suppress: Suppress?, risk: Risk?,
        baseline: Baseline?, ratio: Ratio?, respond: Respond?, tests: [Test]
    ) {
        self.firstSeen = firstSeen
        self.outside = outside
        self.suppress = suppress
        self.risk = risk
        self.baseline = baseline
        self.ratio = ratio
        self.respond = respond
        self.tests = tests
    }

    /// Reads the block; throws what is wrong with each of its keys.
    init(_ node: YAMLNode) throws(DocumentErrors) {
        var faults = Faults(node)
        let known = ["baseline", "first_seen", "ratio", "outside", "suppress", "risk", "respond", "tests"]
        if let sustain = node["sustain"] {
            faults.add(sustain.error("is not supported by this version. Use suppress: { episode: 30m }."))
        }
        _ = faults.refuseKeys(of: node, except: known + ["sustain"])
        func part<Part>(_ key: String, _ read: (YAMLNode) throws -> Part) -> Part? {
            node[key].flatMap { node in faults.read(or: nil) { try read(node) } }
        }
        firstSeen = part("first_seen") { try FirstSeen($0) }
        outside = part("outside") { (try $0.text(), $0) }
        suppress = part("suppress") { try Suppress($0) }
        risk = part("risk") { try Risk($0) }
        baseline = part("baseline") { try Baseline($0) }
        ratio = part("ratio") { try Ratio($0) }
        respond = part("respond") { try Respond($0) }
        tests = (node["tests"]?.items() ?? []).compactMap { item in faults.read(or: nil) { try Test(item) } }
        try faults.finish()
    }
}

extension RuleExtension.FirstSeen {
    init(_ block: YAMLNode) throws(DocumentError) {
        try block.refuseKeys(except: ["field", "group-by", "history", "learning", "peers"])
        let history = try Timespan(try block.required("history"))
        let learning = try Timespan(try block.required("learning"))
        guard learning.milliseconds <= history.milliseconds else {
            throw block.error("learning (\(learning)) is longer than history (\(history)).")
        }
        self.init(
            field: try block.required("field").text(), groupBy: try block.required("group-by").texts(),
            history: history, learning: learning,
            peers: try block["peers"].map { node throws(DocumentError) in try Peers(node) })
    }
}

extension RuleExtension.Suppress {
    init(_ block: YAMLNode) throws(DocumentError) {
        try block.refuseKeys(except: ["episode", "group-by"])
        self.init(
            episode: try Timespan(try block.required("episode")), groupBy: try block["group-by"]?.texts() ?? [])
    }
}

extension RuleExtension.Test {
    /// The most events of one test.
    static let maximumEvents = 100_000

    init(_ node: YAMLNode) throws(DocumentError) {
        try node.refuseKeys(except: ["name", "start", "events", "alerts"])
        self.node = node
        name = try node.required("name").text()
        start = try node["start"]?.text()
        let expected = try node.required("alerts")
        alerts = try expected.integer()
        guard alerts >= 0 else { throw expected.error("a test gives 0 alerts or more.") }
        let list = try node.required("events")
        var events: [Events] = []
        for item in list.items() { events.append(try Events(item)) }
        guard !events.isEmpty else { throw list.error("has no events.") }
        guard events.reduce(0, { $0 + $1.count }) <= Self.maximumEvents else {
            throw list.error("has more than \(Self.maximumEvents) events.")
        }
        self.events = events
    }
}

extension RuleExtension.Test.Events {
    init(_ node: YAMLNode) throws(DocumentError) {
        try node.refuseKeys(except: ["repeat", "every", "at", "set", "vary"])
        count = try node["repeat"]?.integer() ?? 1
        guard count > 0, count <= RuleExtension.Test.maximumEvents else {
            throw (node["repeat"] ?? node).error("repeat is 1 to \(RuleExtension.Test.maximumEvents).")
        }
        every = try node["every"].map { value throws(DocumentError) in try Self.length(value) } ?? 1000
        at = try node["at"].map { value throws(DocumentError) in try Self.length(value) }
        set = try node.required("set").entries().map { ($0.key, $0.value) }
        vary = try (node["vary"]?.entries() ?? []).map { entry throws(DocumentError) in
            let values = entry.value.items()
            guard !values.isEmpty else { throw entry.value.error("has no values.") }
            return (entry.key, values)
        }
    }

    /// A timespan or 0, ms.
    private static func length(_ node: YAMLNode) throws(DocumentError) -> Int64 {
        try node.text() == "0" ? 0 : Timespan(node).milliseconds
    }
}
