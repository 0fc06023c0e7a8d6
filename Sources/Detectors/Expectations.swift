// SPDX-License-Identifier: Apache-2.0

import Sigma
package import YAMLDocument

/// How many alerts each rule is to give, and about whom.
///
///     gw_bulk_vectors_10m: { at_least: 1, at_most: 3 }
///     gw_chain: { exactly: 1, identities: [ana] }
///     gw_three_signals: 0
package struct Expectations: Sendable {
    /// What is wanted of one rule.
    package struct Wanted: Sendable {
        /// The rule's name, id or title, as in the file.
        package let rule: String
        package let atLeast: Int?
        package let atMost: Int?
        /// Whom the alerts are about: all of these and nobody else; nil where it does not matter.
        package let identities: Set<String>?
        package let node: YAMLNode

        /// `exactly 1 alert`, `at least 1 and at most 3 alerts`, `exactly 1 alert about ana`.
        package var text: String {
            var text: String
            switch (atLeast, atMost) {
            case (let low?, let high?) where low == high: text = "exactly \(counted(low, "alert"))"
            case (let low?, let high?): text = "at least \(low) and at most \(counted(high, "alert"))"
            case (let low?, nil): text = "at least \(counted(low, "alert"))"
            case (nil, let high?): text = "at most \(counted(high, "alert"))"
            case (nil, nil): text = "any number of alerts"
            }
            if let identities { text += " about \(identities.sorted().joined(separator: ", "))" }
            return text
        }

        /// `1`, and where it matters whom about: `1 about ana`.
        package func found(alerts: Int, about found: Set<String>) -> String {
            guard identities != nil, alerts > 0 else { return String(alerts) }
            return "\(alerts) about \(found.isEmpty ? "nobody" : found.sorted().joined(separator: ", "))"
        }

        /// Whether so many alerts about these identities are what is wanted.
        package func holds(alerts: Int, about found: Set<String>) -> Bool {
            alerts >= atLeast ?? 0 && alerts <= atMost ?? .max && (identities.map { $0 == found } ?? true)
        }
    }

    /// An expectation that was not met.
    package struct Missed: Sendable, CustomStringConvertible {
        package let wanted: Wanted
        package let alerts: Int
        package let identities: Set<String>

        /// `expect.yml:3: gw_chain: wanted exactly 1 alert, got 0.`
        package var description: String {
            return
                "\(wanted.node.file):\(wanted.node.line): \(wanted.rule): wanted \(wanted.text), got \(wanted.found(alerts: alerts, about: identities))."
        }
    }

    package let wanted: [Wanted]

    /// Reads a mapping of rules to what is wanted.
    package init(_ node: YAMLNode) throws(DocumentError) {
        wanted = try node.entries().map { entry throws(DocumentError) in try Wanted(entry) }
        guard !wanted.isEmpty else { throw node.error("expects nothing. Write rule: { exactly: 1 }.") }
    }

    /// Reads a file.
    package init(path: String) throws(DocumentError) {
        let documents = try YAMLReader.documents(path: path)
        guard let document = documents.first, documents.count == 1 else {
            throw DocumentError(file: path, message: "has \(documents.count) documents; expectations are one.")
        }
        try self.init(document)
    }

    /// What was not met by a backtest.
    ///
    /// - Throws: `DocumentError` for a rule that is not in the set, at its place in the file.
    package func missed(_ summary: BacktestSummary, _ files: DetectorFiles) throws(DocumentError) -> [Missed] {
        var missed: [Missed] = []
        for wanted in wanted {
            let rule = try files.metadata(wanted.rule, at: wanted.node)
            let found = summary.found[rule.label]
            let (alerts, identities) = (found?.alerts ?? 0, found?.identities ?? [])
            if !wanted.holds(alerts: alerts, about: identities) {
                missed.append(Missed(wanted: wanted, alerts: alerts, identities: identities))
            }
        }
        return missed
    }
}

extension Expectations.Wanted {
    fileprivate init(_ entry: YAMLNode.Entry) throws(DocumentError) {
        rule = entry.key
        node = entry.value
        if case .scalar = entry.value.content {
            let number = try Self.count(entry.value)
            (atLeast, atMost, identities) = (number, number, nil)
            return
        }
        try entry.value.refuseKeys(except: ["exactly", "at_least", "at_most", "identities"])
        let exactly = try entry.value["exactly"].map { node throws(DocumentError) in try Self.count(node) }
        let low = try entry.value["at_least"].map { node throws(DocumentError) in try Self.count(node) }
        let high = try entry.value["at_most"].map { node throws(DocumentError) in try Self.count(node) }
        if exactly != nil, low != nil || high != nil {
            throw entry.value.error("'exactly' stands without 'at_least' and 'at_most'.")
        }
        if let low, let high, low > high { throw entry.value.error("at_least is more than at_most.") }
        identities = try entry.value["identities"].map { node throws(DocumentError) in Set(try node.texts()) }
        atLeast = exactly ?? low
        atMost = exactly ?? high
        guard atLeast != nil || atMost != nil || identities != nil else {
            throw entry.value.error("expects nothing. Write exactly, at_least or at_most.")
        }
    }

    private static func count(_ node: YAMLNode) throws(DocumentError) -> Int {
        let number = try node.integer()
        guard number >= 0 else { throw node.error("a rule gives 0 alerts or more.") }
        return number
    }
}
