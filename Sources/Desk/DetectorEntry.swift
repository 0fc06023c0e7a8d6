// SPDX-License-Identifier: Apache-2.0

/// A rule as it stands in the files that the hub was given. The hub does not run it: detectors do.
package struct DetectorEntry: Sendable, Equatable, Identifiable {
    /// What its alerts say as `finding_info.analytic.uid`: the rule's `id`, else its `name`, else its title.
    package var id: String
    package var name: String?
    package var title: String
    package var description: String?
    /// Detection rule or correlation.
    package var isCorrelation: Bool
    /// For people: a path as the configuration names it.
    package var file: String
    /// Sigma's: `experimental` (watched, not sent), `test`, `stable`, …
    package var status: String?
    package var level: String?
    package var tags: [String]
    /// How many tests the file brings.
    package var tests: Int
    /// The strongest rung of the ladder that it may climb by itself: `block`; nil where it issues no orders.
    package var respond: String?
    /// The rule's text, YAML.
    package var source: String

    package init(
        id: String, name: String? = nil, title: String, description: String? = nil, isCorrelation: Bool = false,
        file: String, status: String? = nil, level: String? = nil, tags: [String] = [], tests: Int = 0,
        respond: String? = nil, source: String
    ) {
        self.id = id
        self.name = name
        self.title = title
        self.description = description
        self.isCorrelation = isCorrelation
        self.file = file
        self.status = status
        self.level = level
        self.tags = tags
        self.tests = tests
        self.respond = respond
        self.source = source
    }
}
