// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// The fields of an event that are counted, and the decoder that finds them. For one thread.
final class EventFields {
    let decoder: EventDecoder
    let identity: SlotID
    /// The directory's word; an event may have its own.
    let kind: SlotID
    let userTypes: [SlotID]
    let names: [SlotID]
    let mails: [SlotID]
    let groups: [SlotID]
    /// The lists that these stand in; a list may be empty.
    let groupLists: [SlotID]
    let sessions: [SlotID]
    let connections: [SlotID]
    let classUID: SlotID
    let operation: SlotID
    let status: SlotID
    let action: SlotID
    let disposition: SlotID
    let items: SlotID
    let bytesIn: SlotID
    let bytesOut: SlotID
    let resourceTypes: SlotID
    let resourceNames: SlotID
    let address: SlotID
    let userAgent: SlotID
    let approval: SlotID
    let change: SlotID

    /// Nil when there is no memory.
    init?(_ settings: ActivitySettings) {
        var plan = FieldPlan(mapping: settings.mapping, directory: settings.directory)
        // Authentication events have the person in user.* and the service in service.*.
        func either(_ fields: String...) -> [SlotID] { fields.map { plan.slot($0) } }
        identity = plan.slot("identity")
        kind = plan.slot("identity.kind")
        userTypes = either("actor.user.type_id", "user.type_id")
        names = either("actor.user.name", "user.name")
        mails = either("actor.user.email_addr", "user.email_addr")
        groupLists = either("actor.user.groups", "user.groups")
        groups = either("actor.user.groups.name", "user.groups.name")
        sessions = either("actor.session.uid", "session.uid")
        connections = either("api.service.name", "service.name")
        classUID = plan.slot("class_uid")
        operation = plan.slot("api.operation")
        status = plan.slot("status_id")
        action = plan.slot("action_id")
        disposition = plan.slot("disposition_id")
        items = plan.slot("unmapped.items")
        bytesIn = plan.slot("http_request.length")
        bytesOut = plan.slot("http_response.length")
        resourceTypes = plan.slot("resources.type")
        resourceNames = plan.slot("resources.name")
        address = plan.slot("src_endpoint.ip")
        userAgent = plan.slot("http_request.user_agent")
        approval = plan.slot("unmapped.approval_id")
        change = plan.slot("unmapped.change_id")
        guard let decoder = plan.makeDecoder(limits: .init(maximumBytes: settings.maximumEventBytes)) else {
            return nil
        }
        self.decoder = decoder
    }
}

extension EventView {
    /// The first of the fields with a text that is not empty.
    func first(_ fields: [SlotID]) -> Slot {
        for field in fields {
            let value = firstValue(self[field])
            if value.hasText { return value }
        }
        return .missing
    }

    /// A small whole number, such as an OCSF id.
    func code(_ field: SlotID) -> Int? {
        firstValue(self[field]).number.flatMap { Int(exactly: $0) }
    }

    /// An amount: a whole number from 0 to the most that one event counts for; 0 for what is none.
    func amount(_ field: SlotID) -> Int64 {
        guard let value = firstValue(self[field]).number, value > 0 else { return 0 }
        return value < Double(ActivityLimits.amount) ? Int64(value) : ActivityLimits.amount
    }

    /// A text of a field, cleaned and cut; nil where there is none.
    func text(_ field: SlotID, _ limit: Int) -> String? {
        let value = firstValue(self[field])
        return value.hasText ? value.withText { CleanText.name($0, limit) } : nil
    }
}

extension Slot {
    /// Whether it holds a scalar whose text is not empty.
    var hasText: Bool {
        switch kind {
        case .string: !bytes.isEmpty
        case .int, .double, .bool: true
        default: false
        }
    }
}
