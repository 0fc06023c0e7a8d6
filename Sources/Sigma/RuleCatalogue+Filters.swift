// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

extension RuleCatalogue {
    /// Gives each detection the filters that are meant for it. A filter that names an unknown rule is left out as a whole,
    /// with an error.
    ///
    /// - Parameter isPart: the load is a part of a larger one; a filter may then name rules that are not here.
    /// - Returns: the filters that can be used, and what is doubtful about them.
    mutating func apply(
        to detections: inout [DetectionRule], isPart: Bool
    ) -> (filters: [FilterRule], doubts: [DocumentError]) {
        var usable: [FilterRule] = []
        var doubts: [DocumentError] = []
        for filter in filters {
            do throws(DocumentError) {
                let targets = try targets(filter, detections, isPart: isPart, &doubts)
                for index in targets { detections[index].add(filter.rule) }
                if targets.isEmpty, !isPart {
                    doubts.append(filter.node.error("fits no rule, so it changes nothing."))
                }
                usable.append(filter.rule)
            } catch {
                errors.append(error)
            }
        }
        return (usable, doubts)
    }

    private func targets(
        _ filter: DraftFilter, _ detections: [DetectionRule], isPart: Bool, _ doubts: inout [DocumentError]
    ) throws(DocumentError) -> [Int] {
        guard let references = filter.references else {
            return detections.indices.filter { filter.covers(detections[$0].logsource) }
        }
        var targets: Set<Int> = []
        for (name, node) in references {
            if isPart, names[name] == nil { continue }
            let target = try target(name, node)
            guard case .detection(let index) = places[target] else {
                throw node.error(
                    "'\(name)' is a correlation. Filters narrow detection rules; name those that it counts.")
            }
            if filter.covers(detections[index].logsource) {
                targets.insert(index)
            } else {
                doubts.append(node.error("'\(name)' has another log source than the filter, which does not narrow it."))
            }
        }
        return targets.sorted()
    }
}
