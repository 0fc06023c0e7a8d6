// SPDX-License-Identifier: Apache-2.0

package import Signing

/// What a person is about to send, judged as every gateway will: what has no effect is not sent.
extension OrderBook {
    /// The record of an order that will be in force.
    ///
    /// - Parameter onBehalf: the key is a hub's, who signs in the name of the issuer.
    /// - Throws: ``OrderRefusal``, ``OrderFault``, or `SignatureError`.
    package func propose(
        _ order: Order, by key: SigningKey, onBehalf: Bool = false, now: Int64
    ) throws -> SignedRecord {
        let record = try order.signed(by: key)
        try check(key, onBehalf)
        var copy = self
        switch copy.apply(record.value, key: record.key, now: now) {
        case .applied: return record
        case .refused(let refusal): throw refusal
        case .observed, .lifted, .pendingLift, .early, .duplicate: throw OrderRefusal.withoutEffect(id: order.id)
        }
    }

    /// The record of a lift that counts, and how many persons lift the order with it.
    ///
    /// - Parameter onBehalf: the key is a hub's, who signs in the name of `by`.
    /// - Throws: ``OrderRefusal``, ``OrderFault``, or `SignatureError`.
    package func propose(
        _ lift: Lift, by key: SigningKey, onBehalf: Bool = false, now: Int64
    ) throws -> (record: SignedRecord, have: Int, need: Int) {
        guard let (status, _, order) = status(lift.orderID, now: now), status == .active else {
            throw OrderRefusal.notInForce(id: lift.orderID)
        }
        let record = try lift.signed(by: key, onBehalf: onBehalf)
        try check(key, onBehalf)
        var copy = self
        switch copy.apply(record.value, key: record.key, now: now) {
        case .lifted: return (record, need(order), need(order))
        case .pendingLift(_, let have, let need): return (record, have, need)
        case .refused(let refusal): throw refusal
        case .duplicate: throw OrderRefusal.liftedBefore(by: lift.by)
        case .applied, .observed, .early: throw OrderRefusal.withoutEffect(id: lift.orderID)
        }
    }

    /// A hub's key signs for persons, and nobody else's does.
    private func check(_ key: SigningKey, _ onBehalf: Bool) throws(OrderRefusal) {
        guard let known = keys[key.name] else { throw .signature(.unknownKey(key.name)) }
        guard (known.role == .hub) == onBehalf else { throw .notAllowed(keyName: key.name, to: "speak for persons") }
    }
}
