// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// What one event adds to the sums in memory.
extension ActivityWriter {
    private func hash(_ slot: Slot, _ seed: UInt64) -> UInt64 {
        slot.withText { stableHash($0, seed: seed) } ?? seed
    }

    func tally(_ view: EventView, _ partition: Int32, timestamp: Int64?, hasOwnUID: Bool) {
        if hasOwnUID {
            // The same in every process: these are stored.
            let hash = view.uid.withText { stableHash($0) } ?? 0
            guard recent.insert(hash) else {
                counts.repeated += 1
                return
            }
            rollup.events.append(hash)
        }
        counts.events += 1
        let time = view.time
        let hour = Rollup.hour(time)
        let isLate = timestamp.map { $0 - time > ActivitySettings.lateness } ?? false
        rollup.coverage[.init(hour: hour, partition: partition), default: .init()].add(isLate: isLate)

        let identity = identity(view)
        let connection = connection(view)
        let operation = operation(view)
        let decision = Decision(
            action: view.code(fields.action), disposition: view.code(fields.disposition),
            status: view.code(fields.status))
        let items = view.amount(fields.items)
        let bytesIn = view.amount(fields.bytesIn)
        let bytesOut = view.amount(fields.bytesOut)
        rollup.hours[
            .init(
                identity: identity, hour: hour, connection: connection, operation: operation,
                decision: decision.rawValue), default: .init()
        ].add(items: items, bytesIn: bytesIn, bytesOut: bytesOut)
        rollup.totals[
            .init(hour: hour, connection: connection, operation: operation, decision: decision.rawValue),
            default: .init()
        ].add(items: items, bytesIn: bytesIn, bytesOut: bytesOut)

        let isRefused = decision == .denied || decision == .approval
        session(view, identity, time, isRefused: isRefused, items: items, bytesOut: bytesOut)
        let isUnapproved =
            decision == .allowed && OperationTable.needsApproval[Int(operation)]
            && !view.firstValue(view[fields.approval]).hasText
        var first: Int32?
        reached(view, connection) { resource in
            if first == nil { first = resource }
            var sums =
                rollup.reach[.init(identity: identity, resource: resource, day: Rollup.day(time))]
                ?? .init(firstAt: time, lastAt: time)
            sums.firstAt = min(sums.firstAt, time)
            sums.lastAt = max(sums.lastAt, time)
            sums.events += 1
            sums.items += items
            sums.bytesOut += bytesOut
            if isRefused { sums.denied += 1 }
            if isUnapproved { sums.unapproved += 1 }
            rollup.reach[.init(identity: identity, resource: resource, day: Rollup.day(time))] = sums
        }
        if OperationTable.isChange[Int(operation)] {
            rollup.changes.append(
                .init(
                    event: view.uid.withText { CleanText.name($0, ActivityLimits.idBytes) } ?? "", at: time,
                    identity: identity, operation: operation, resource: first,
                    change: view.text(fields.change, ActivityLimits.idBytes),
                    approval: view.text(fields.approval, ActivityLimits.idBytes), decision: decision.rawValue))
        }
    }

    private func operation(_ view: EventView) -> UInt8 {
        let value = view.firstValue(view[fields.operation])
        guard value.hasText else {
            return view.code(fields.classUID) == 3002 ? OperationTable.logon : OperationTable.other
        }
        return operations[hash(value, seed)] ?? OperationTable.other
    }

    private func identity(_ view: EventView) -> Int32 {
        let value = view.firstValue(view[fields.identity])
        // As it is but for its length: alerts name it the same way.
        let number = identities.number(value.hasText ? hash(value, seed) : 0) {
            Identity(name: value.hasText ? value.withText { CleanText.cut($0, ActivityLimits.nameBytes) } ?? "" : "")
        }
        if identities[number].firstAt == .max { touched.append(number) }
        identities[number].firstAt = min(identities[number].firstAt, view.time)
        identities[number].lastAt = max(identities[number].lastAt, view.time)
        guard value.hasText else { return number }

        let (kind, type, name, mail) = (
            view.firstValue(view[fields.kind]), view.first(fields.userTypes), view.first(fields.names),
            view.first(fields.mails)
        )
        var profile = hash(kind, seed)
        profile = mix(profile ^ hash(type, seed), 0xA076_1D64_78BD_642F)
        profile = mix(profile ^ hash(name, seed), 0xE703_7ED1_A0B4_28DB)
        profile = mix(profile ^ hash(mail, seed), 0x8EBC_6AF0_9C88_C6E3)
        let groups = fields.groups.map { view[$0] }.first { $0.kind != .missing } ?? .missing
        _ = view.anyValue(groups) { group in
            profile = mix(profile ^ hash(group, seed), 0xA076_1D64_78BD_642F)
            return false
        }
        let hasGroups = fields.groupLists.contains { view[$0].hasValue }
        if hasGroups { profile = mix(profile, 0xE703_7ED1_A0B4_28DB) }
        if profile != identities[number].profileHash {
            identities[number].profileHash = profile
            note(
                number, view, kind: kind, type: type, name: name, mail: mail,
                groups: hasGroups || groups.kind != .missing ? groups : nil)
        }
        return number
    }

    /// Something about the identity is not as it was in its event before.
    private func note(
        _ number: Int32, _ view: EventView, kind: Slot, type: Slot, name: Slot, mail: Slot, groups: Slot?
    ) {
        func text(_ slot: Slot) -> String? { slot.hasText ? slot.withText { CleanText.name($0) } : nil }
        var profile = identities[number].profile ?? Profile()
        profile.name.note(text(name), view.time)
        profile.email.note(text(mail), view.time)
        switch (text(kind), type.number) {
        // OCSF user.type_id: 1 User, 2 Admin, 4 Service.
        case ("service"?, _), (nil, 4?): profile.kind.note("service", view.time)
        case ("human"?, _), (nil, 1?), (nil, 2?): profile.kind.note("human", view.time)
        default: break
        }
        if let groups {
            var names: [String] = []
            _ = view.anyValue(groups) { group in
                if group.hasText, let name = group.withText({ CleanText.name($0, 128) }) { names.append(name) }
                return names.count >= 256
            }
            profile.groups.note(Profile.json(names), view.time)
        }
        identities[number].profile = profile
    }

    private func connection(_ view: EventView) -> Int32 {
        let value = view.first(fields.connections)
        return connections.number(value.hasText ? hash(value, seed) : 0) {
            Connection(name: value.hasText ? value.withText { CleanText.name($0) } ?? "" : "")
        }
    }

    /// Calls `body` with each resource of the event.
    private func reached(_ view: EventView, _ connection: Int32, _ body: (Int32) -> Void) {
        let types = view[fields.resourceTypes]
        let names = view[fields.resourceNames]
        guard names.kind != .missing else { return }
        // A resource's type is the one in its place; where places do not fit (one lacks its type), the first.
        let isInPlace = count(names, view) == count(types, view)
        var place = 0
        _ = view.anyValue(names) { name in
            defer { place += 1 }
            guard name.hasText else { return false }
            let type = isInPlace ? value(place, of: types, view) : view.firstValue(types)
            let key = mix(hash(name, seed) ^ UInt64(UInt32(bitPattern: connection)), hash(type, ~seed) | 1)
            body(
                resources.number(key) {
                    Resource(
                        connection: connection, type: type.withText { CleanText.name($0, 128) } ?? "",
                        name: name.withText { CleanText.name($0) } ?? "")
                })
            return place + 1 >= settings.limits.resourcesOfEvent
        }
    }

    private func count(_ slot: Slot, _ view: EventView) -> Int {
        var count = 0
        _ = view.anyValue(slot) { _ in
            count += 1
            return false
        }
        return count
    }

    private func value(_ place: Int, of slot: Slot, _ view: EventView) -> Slot {
        var left = place
        var found = Slot.missing
        _ = view.anyValue(slot) { value in
            if left == 0 { found = value }
            left -= 1
            return left < 0
        }
        return found
    }

    private func session(
        _ view: EventView, _ identity: Int32, _ time: Int64, isRefused: Bool, items: Int64, bytesOut: Int64
    ) {
        let value = view.first(fields.sessions)
        guard value.hasText else { return }
        let key = Rollup.SessionKey(identity: identity, hash: hash(value, seed))
        var sums =
            rollup.sessions[key]
            ?? Rollup.SessionSums(
                session: value.withText { CleanText.name($0, ActivityLimits.idBytes) } ?? "", startedAt: .max,
                lastAt: .min)
        if time < sums.startedAt {
            sums.startedAt = time
            sums.address = view.text(fields.address, 64)
            sums.userAgent = view.text(fields.userAgent, ActivityLimits.nameBytes)
        }
        sums.lastAt = max(sums.lastAt, time)
        sums.events += 1
        if isRefused { sums.denied += 1 }
        sums.items += items
        sums.bytesOut += bytesOut
        rollup.sessions[key] = sums
    }
}
