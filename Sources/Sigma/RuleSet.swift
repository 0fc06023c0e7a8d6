// SPDX-License-Identifier: Apache-2.0

package import YAMLDocument

/// Rules that belong together, with their references resolved. Immutable.
package struct RuleSet: Sendable {
    package let detections: [DetectionRule]
    /// In an order in which every rule comes after those that it refers to.
    package let correlations: [CorrelationRule]
    /// What was wrong; the rules that it concerns are not in the set.
    package let errors: [DocumentError]
    /// What is doubtful but does not keep a rule from working: metadata that does not follow the specification, `all` over one
    /// value.
    package let warnings: [DocumentError]
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
    /// - Parameter lists: what the placeholders of `expand` stand for; a rule with an unknown one cannot be used.
    package init(documents: [YAMLNode], lists: PlaceholderLists = .init()) {
        self.lists = lists
        var catalogue = RuleCatalogue(lists: lists)
        var warnings: [DocumentError] = []
        for document in documents {
            catalogue.add(document)
            warnings += RuleLint.warnings(document)
        }
        let known = catalogue.detectionNames
        var detections: [DetectionRule] = []
        for (index, draft) in catalogue.drafts.enumerated() {
            guard case .detection(let rule) = draft else { continue }
            if let error = rule.metadata.extensions.ratio?.unknown(among: known) {
                catalogue.refuse(error)
                continue
            }
            catalogue.places[index] = .detection(detections.count)
            detections.append(rule)
        }
        self.detections = detections
        correlations = catalogue.connect()
        errors = catalogue.errors
        self.warnings = warnings
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
        self.errors = errors
        warnings = rules.warnings
        lists = rules.lists
    }

    /// A set without the detections for which `keep` is false; correlations that need one of them go as well.
    package func filtered(_ keep: (DetectionRule) -> Bool) -> RuleSet {
        var documents: [YAMLNode] = []
        var kept: [CorrelationRule.Reference: Bool] = [:]
        for (index, rule) in detections.enumerated() {
            let stays = keep(rule)
            kept[.detection(index)] = stays
            if stays { documents.append(rule.metadata.document) }
        }
        for (index, rule) in correlations.enumerated() {
            let whole = rule.references.allSatisfy { kept[$0] ?? false }
            kept[.correlation(index)] = whole
            if whole { documents.append(rule.metadata.document) }
        }
        if documents.count == detections.count + correlations.count { return self }
        return RuleSet(RuleSet(documents: documents, lists: lists), errors: errors)
    }
}
