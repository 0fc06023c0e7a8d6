// SPDX-License-Identifier: Apache-2.0

import Signing

/// Entering, lifting and replacing.
extension OrderBook {
    mutating func enter(_ held: HeldOrder) -> OrderOutcome {
        let order = held.order
        let early = lifts[order.id] ?? []
        if !early.isEmpty {
            earlyLifts -= early.count
            // What may not lift this order was only waiting to be told so.
            let valid = early.filter { refusal(of: $0, for: order) == nil }
            lifts[order.id] = valid.isEmpty ? nil : valid
        }
        known[order.id] = Known(held: held)
        expires(at: order.expiresAt)
        list(held)

        for id in order.supersedes {
            if let other = known[id]?.held {
                if known[id]?.end == nil, mayReplace(held, other) { end(other, .superseded) }
            } else {
                replacements[id, default: []].append(held)
            }
        }
        if let waiting = replacements.removeValue(forKey: order.id), waiting.contains(where: { mayReplace($0, held) }) {
            end(held, .superseded)
            return .refused(.superseded(id: order.id))
        }
        if persons(lifting: order) >= need(order) {
            end(held, .lifted)
            return .lifted(order)
        }
        return held.isObserved ? .observed(order) : .applied(order)
    }

    /// A replacement must not be a lift by another name: not weaker, not from automation over a person's word, and not
    /// observed over enforced.
    private func mayReplace(_ new: HeldOrder, _ old: HeldOrder) -> Bool {
        new.order.covers(old.order) && (!new.isObserved || old.isObserved)
            && (new.order.issuer.kind == .person || old.order.issuer.kind == .automation)
    }

    private mutating func list(_ held: HeldOrder) {
        if held.isObserved { observed.insert(held, aliases) } else { enforced.insert(held, aliases) }
    }

    mutating func unlist(_ held: HeldOrder) {
        if held.isObserved { observed.remove(held, aliases) } else { enforced.remove(held, aliases) }
    }

    private mutating func end(_ held: HeldOrder, _ how: End) {
        unlist(held)
        known[held.order.id]?.end = how
    }

    // MARK: Lifts

    mutating func takeLift(
        _ value: [UInt8], id: String, signer: String, now: Int64
    ) throws(OrderRefusal) -> OrderOutcome {
        let (lift, key) = try Self.verified(value, as: Lift.self, type: .lift, keys: keys)
        do { try lift.validate() } catch { throw .malformed(error.description) }
        let known = Signatory(of: key, named: lift.by)
        let name = known?.recordName ?? key.name
        guard lift.orderID == id, name == signer else {
            throw .keyMismatch(
                key: RecordKey.lift(order: id, signer: signer).text,
                expected: RecordKey.lift(order: lift.orderID, signer: name).text)
        }
        guard key.may.contains(.lift) else { throw .notAllowed(keyName: key.name, to: "lift orders") }
        guard let signatory = known else { throw .wrongIssuer(keyName: key.name, claimed: lift.by) }
        guard signatory.person != nil || options.automationLifts else {
            throw .notAllowed(keyName: key.name, to: "lift orders; automation's lifts are turned off")
        }
        guard lift.at <= now + Order.maximumSkew else { throw .fromTheFuture(milliseconds: lift.at - now) }
        let given = GivenLift(lift: lift, signatory: signatory)

        guard let entry = self.known[id] else {
            guard now < remembered(lift) else { throw .expired }
            if isKnown(given) { return .duplicate(id: id) }
            guard earlyLifts < Self.maximumEarlyLifts else { throw .tooManyOrders(limit: Self.maximumEarlyLifts) }
            lifts[id, default: []].append(given)
            earlyLifts += 1
            expires(at: remembered(lift))
            return .early(orderID: id)
        }
        let order = entry.held.order
        guard now < order.expiresAt else { throw .expired }
        if let refusal = refusal(of: given, for: order) { throw refusal }
        if isKnown(given) || entry.end != nil { return .duplicate(id: id) }
        lifts[id, default: []].append(given)
        let have = persons(lifting: order)
        guard have >= need(order) else { return .pendingLift(order, have: have, need: need(order)) }
        end(entry.held, .lifted)
        return .lifted(order)
    }

    private func isKnown(_ given: GivenLift) -> Bool {
        lifts[given.lift.orderID]?.contains { $0.signatory.recordName == given.signatory.recordName } ?? false
    }

    /// Why somebody may not lift an order; nil when they may.
    private func refusal(of given: GivenLift, for order: Order) -> OrderRefusal? {
        if given.lift.at < order.issuedAt - Order.maximumSkew { return .liftBeforeOrder }
        if let person = given.signatory.person {
            if let owner = order.subject.owner, aliases.areSame(owner, person) { return .ownOrder(person: person) }
        } else if order.issuer.kind != .automation || order.severity == .critical {
            return .personsOrder(id: order.id)
        }
        return nil
    }

    /// How many different persons lift an order; all that it takes when automation may.
    private func persons(lifting order: Order) -> Int {
        var persons: Set<FoldedName> = []
        for given in lifts[order.id] ?? [] {
            guard let person = given.signatory.person else { return need(order) }
            persons.insert(aliases.canonical(person))
        }
        return persons.count
    }

    func need(_ order: Order) -> Int { order.severity == .critical ? 2 : 1 }
}
