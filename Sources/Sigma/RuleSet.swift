// SPDX-License-Identifier: Apache-2.0

package import YAMLDocument

/// Rules that belong together, with their references resolved. Immutable.
package struct RuleSet: Sendable {
    package let detections: [DetectionRule]
    /// In an order in which every rule comes after those that it refers to.
    package let correlations: [CorrelationRule]
    /// Filter documents; the detections that they narrow hold them as well.
    package let filters: [FilterRule]
    /// What was wrong; the rules that it concerns are not in the set.
    package let errors: [DocumentError]
    /// What is doubtful but does not keep a rule from working: metadata that does not follow the specification, `all` over one
    /// value.
    package let warnings: [DocumentError]
    /// What departs from the conventions that rules are written by: found anew at each call, for `detectors validate`. Each
    /// message ends with the finding's name, `(missing_description)`.
    package var lint: [DocumentError] {
        detections.flatMap(ConventionLint.findings) + correlations.flatMap(ConventionLint.findings)
            + filters.flatMap(ConventionLint.findings) + ConventionLint.duplicates(detections)
    }
    /// The placeholder lists that the rules were read with.
    package let lists: PlaceholderLists

    /// Metadata of all rules, detections first.
    package var metadata: [RuleMetadata] { detections.map(\.metadata) + correlations.map(\.metadata) }

    /// Whether a detection rule raises alerts of its own: unless correlations refer to it and none asks to `generate`.
    package func raisesAlerts(detection index: Int) -> Bool {
        raisesAlerts(.detection(index)) && detections[index].metadata.level != .informational
    }

    /// The same for a correlation.
    package func raisesAlerts(correlation index: Int) -> Bool {
        raisesAlerts(.correlation(index)) && correlations[index].metadata.level != .informational
    }

    private func raisesAlerts(_ reference: CorrelationRule.Reference) -> Bool {
        let users = correlations.filter { $0.references.contains(reference) }
        return users.isEmpty || users.contains { $0.generate }
    }

    /// Builds a set of the documents of several files. Never throws: a rule that cannot be used is left out together with
    /// those that depend on it, and `errors` says why for each.
    ///
    /// - Parameters:
    ///   - documents: those of one file stand together, in its order: `action: global` and its like count on it.
    ///   - lists: what the placeholders of `expand` stand for; a rule with an unknown one cannot be used.
    package init(documents: [YAMLNode], lists: PlaceholderLists = .init()) {
        let resolved = DocumentActions(documents)
        self.init(resolved.documents, lists, errors: resolved.errors, isPart: false)
    }

    /// - Parameter isPart: the documents are some of a set that was read before, so a filter may name a rule that is not here.
    private init(_ documents: [YAMLNode], _ lists: PlaceholderLists, errors: [DocumentError], isPart: Bool) {
        self.lists = lists
        var catalogue = RuleCatalogue(lists: lists)
        catalogue.errors = errors
        for document in documents { catalogue.add(document) }
        let known = catalogue.detectionNames
        var detections: [DetectionRule] = []
        for (index, draft) in catalogue.drafts.enumerated() {
            guard case .detection(let rule) = draft else { continue }
            if !isPart, let error = rule.metadata.extensions.ratio?.unknown(among: known) {
                catalogue.errors.append(error)
                continue
            }
            catalogue.places[index] = .detection(detections.count)
            detections.append(rule)
        }
        let (filters, doubts) = catalogue.apply(to: &detections, isPart: isPart)
        self.detections = detections
        self.filters = filters
        correlations = catalogue.connect()
        self.errors = catalogue.errors
        warnings =
            documents.flatMap(RuleLint.warnings)
            + detections.flatMap { RuleLint.warnings($0.body) } + filters.flatMap { RuleLint.warnings($0.body) }
            + doubts
    }

    /// The detections that an id or name stands for.
    package func detections(named names: [String]) -> [Int] {
        detections.indices.filter { index in
            let metadata = detections[index].metadata
            return names.contains { $0 == metadata.id || $0 == metadata.name }
        }
    }

    private init(_ rules: RuleSet, errors: [DocumentError]) {
        detections = rules.detections
        correlations = rules.correlations
        filters = rules.filters
        self.errors = errors
        warnings = rules.warnings
        lists = rules.lists
    }

    /// A set without the detections for which `keep` is false; correlations that need one of them go as well.
    package func filtered(_ keep: (DetectionRule) -> Bool) -> RuleSet {
        var kept: Set<String> = []
        var stays: [CorrelationRule.Reference: Bool] = [:]
        for (index, rule) in detections.enumerated() where keep(rule) {
            stays[.detection(index)] = true
            kept.insert(rule.metadata.key)
        }
        for (index, rule) in correlations.enumerated() where rule.references.allSatisfy({ stays[$0] ?? false }) {
            stays[.correlation(index)] = true
            kept.insert(rule.metadata.key)
        }
        return RuleSet(keeping { kept.contains($0.key) }, errors: errors)
    }

    /// A set of some of the rules, narrowed by the same filters. Its `errors` are those of correlations that refer to a rule
    /// that was not kept.
    package func keeping(_ keep: (RuleMetadata) -> Bool) -> RuleSet {
        let kept = metadata.filter(keep)
        if kept.count == detections.count + correlations.count { return RuleSet(self, errors: []) }
        return RuleSet(
            kept.map(\.document) + filters.map(\.metadata.document), lists, errors: [], isPart: true)
    }
}
