// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Calendar
import Sigma

/// What becomes of the moments at which a correlation's condition holds.
extension Engine {
    /// Hands a firing on: to the correlations over its rule, and to the alerts.
    func fired(_ index: Int, _ key: Int32, _ firing: Firing, _ view: EventView?) {
        let state = correlations[index]
        let plan = state.plan
        if let calendar = plan.calendar, calendar.contains(firing.time) { return }
        plan.baseline?.noteAlert(key: key, at: firing.time)
        if !plan.parents.isEmpty {
            let values = GroupKey.values(plan.keySpace.bytes(of: key))
            for parent in plan.parents { feed(parent, values, of: plan.keySpace.bytes(of: key), firing, view) }
        }
        guard plan.raisesAlerts else { return }
        guard let episodes = plan.episodes else {
            emit(alert(plan, key, firing, view, anchor: nil))
            return
        }
        switch episodes.fire(key: key, at: firing.time, watermark: watermark) {
        case .known: return
        case .announce(let anchor): emit(alert(plan, key, firing, view, anchor: anchor))
        case .wait:
            draft(
                alert(plan, key, firing, view, anchor: nil), episodes, key,
                Timer(due: firing.time, subject: .correlationEpisode, index: index, key: key))
        }
    }

    private func feed(
        _ parent: CorrelationPlan.Parent, _ values: [UnsafeRawBufferPointer], of group: UnsafeRawBufferPointer,
        _ firing: Firing, _ view: EventView?
    ) {
        let state = correlations[parent.correlation]
        let key = GroupKey()
        for index in parent.keyValues where !key.add(values[index]) { return }
        // With aliases one event may fire in two groups; for a count these are two.
        var value = state.plan.kind == .sum ? Self.summand(1) : stableHash(group)
        if state.plan.kind == .distinct {
            value = parent.values.reduce(0) { stableHash(values[$1], seed: $0) }
        } else if let index = parent.values.first {
            guard let number = ASCII.number(values[index]) else { return }
            value = Self.summand(number)
        }
        let id = key.withBytes { state.plan.keySpace.intern($0) }
        let entry = WindowEntry(time: firing.time, source: parent.source, id: firing.id, value: value)
        let isNew = state.insert(entry, key: id, watermark: watermark) { fired(parent.correlation, id, $0, view) }
        guard isNew else { return }
        state.plan.baseline?.note(key: id, at: firing.time, amount: entry.number)
        if state.plan.isDeferred { wait(state, entry, parent.correlation, id) }
    }
}
