// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Sigma

/// Which windows of one key space share the events that they look back on, and what of an event each needs.
struct LogPlan {
    /// Correlations over the same detection rules that look at the same value.
    struct Channel {
        /// Names it on disk: changes when it means other events or another value.
        let id: UInt32
        /// Where the value stands in an entry; -1 where nothing but the event is counted.
        let lane: Int
        let windows: [Window]
        /// Events from before the watermark less this are no longer looked at, ms.
        let horizon: Int64
        /// How much of the nearest limit an event takes by itself, and one of a summed value, in `EventLog.whole`ths.
        let perEvent: Float
        let perUnit: Float
    }

    /// One correlation's windows.
    struct Window {
        let correlation: Int
        let state: CountState
        let limit: Double
        /// What is added up: 1 or the value of each event; or how many different values there are.
        let kind: Kind
    }

    enum Kind { case ones, values, distinct }

    /// At most so many; bits of a word.
    static let maximumChannels = 30
    /// At most so many windows in all channels, for the same reason.
    static let maximumWindows = 32
    /// A timespan that is longer with the lateness does not share: times of one key lie within 49 days of each other.
    static let maximumTimespan: Int64 = 40 * 86_400_000

    let keySpace: KeySpace
    private(set) var channels: [Channel] = []
    /// By `Channel.id`, the windows for which there is no room. With other rules there may have been: what stands of them in a
    /// stored row is theirs.
    private(set) var others: [UInt32: [Window]] = [:]

    /// Where the windows of a correlation take their events from.
    struct Place {
        let log: Int
        let channel: Int
    }

    /// The logs of an engine, and where each correlation's events go; nil for those that keep their own from the start.
    ///
    /// A log pays where a window is mostly far from its limit. Windows that late events can undo, that count what other
    /// correlations found, or that are at their limit with one event, keep their own.
    static func make(
        _ correlations: [CorrelationState], _ detections: [DetectionPlan], lateness: Int64
    ) -> ([LogPlan], [Place?]) {
        struct Draft {
            let space: KeySpace
            let name: [String]
            let lane: String?
            let isHash: Bool
            var windows: [Window]
        }
        var drafts: [Draft] = []
        for (index, correlation) in correlations.enumerated() {
            guard let state = correlation as? CountState, let kind = kind(of: state.plan),
                state.plan.timespan <= maximumTimespan - lateness, state.least >= 2,
                state.plan.rule.references.allSatisfy({ if case .detection = $0 { true } else { false } })
            else { continue }
            let lane = kind == .ones ? nil : state.plan.rule.fields.first
            let name =
                rules(state.plan.rule, detections) + ["counts", lane ?? "", kind == .distinct ? "different" : ""]
            let window = Window(correlation: index, state: state, limit: state.least, kind: kind)
            if let known = drafts.firstIndex(where: { $0.space === state.keySpace && $0.name == name }) {
                drafts[known].windows.append(window)
            } else {
                drafts.append(
                    Draft(
                        space: state.keySpace, name: name, lane: lane, isHash: kind == .distinct, windows: [window]))
            }
        }
        var logs: [LogPlan] = []
        var lanes: [[[String]]] = []
        var places: [Place?] = correlations.map { _ in nil }
        for draft in drafts {
            var log = logs.firstIndex { $0.keySpace === draft.space }
            if log == nil {
                log = logs.count
                logs.append(LogPlan(keySpace: draft.space))
                lanes.append([[], []])
            }
            guard let log else { continue }
            let id = UInt32(truncatingIfNeeded: stateID(["channel"] + draft.space.fields + draft.name))
            guard !logs[log].channels.contains(where: { $0.id == id }) else { continue }
            guard logs[log].channels.count < maximumChannels,
                logs[log].channels.reduce(draft.windows.count, { $0 + $1.windows.count }) <= maximumWindows,
                let lane = lane(draft.lane, isHash: draft.isHash, &lanes[log])
            else {
                logs[log].others[id] = draft.windows
                continue
            }
            for window in draft.windows {
                places[window.correlation] = Place(log: log, channel: logs[log].channels.count)
            }
            logs[log].channels.append(Channel(id, lane, draft.windows))
        }
        return (logs, places)
    }

    /// The lane for a field, also a new one; nil when all are taken.
    private static func lane(_ field: String?, isHash: Bool, _ lanes: inout [[String]]) -> Int? {
        guard let field else { return -1 }
        let kind = isHash ? 1 : 0
        if let known = lanes[kind].firstIndex(of: field) { return kind * LogEntries.numberLanes + known }
        guard lanes[kind].count < LogEntries.numberLanes else { return nil }
        lanes[kind].append(field)
        return kind * LogEntries.numberLanes + lanes[kind].count - 1
    }

    /// The detection rules whose matches a correlation counts, with what they are grouped by, in an order of their own.
    private static func rules(_ rule: CorrelationRule, _ detections: [DetectionPlan]) -> [String] {
        var names: [[String]] = []
        for (source, reference) in rule.references.enumerated() {
            guard case .detection(let index) = reference, let fields = rule.groupFields[source] else { continue }
            names.append(["rule", detections[index].rule.metadata.key, "by"] + fields)
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) }.flatMap { $0 }
    }

    private static func kind(of plan: CorrelationPlan) -> Kind? {
        if plan.isDeferred || plan.wait > 0 { return nil }
        switch plan.kind {
        case .count: return .ones
        case .sum: return plan.rule.kind == .valueSum ? (plan.rule.fields.isEmpty ? nil : .values) : .ones
        case .distinct: return plan.rule.fields.count == 1 && plan.baseline == nil ? .distinct : nil
        case .mean, .order: return nil
        }
    }
}

extension LogPlan.Channel {
    fileprivate init(_ id: UInt32, _ lane: Int, _ windows: [LogPlan.Window]) {
        func most(_ kinds: [LogPlan.Kind]) -> Float {
            Float(windows.filter { kinds.contains($0.kind) }.map { EventLog.whole / $0.limit }.max() ?? 0)
        }
        self.init(
            id: id, lane: lane, windows: windows,
            // A sum also looks at the part of time in which its window begins.
            horizon: windows.map { $0.state.plan.timespan + $0.state.plan.cell + 1 }.max() ?? 0,
            perEvent: most([.ones, .distinct]), perUnit: most([.values]))
    }
}
