// SPDX-License-Identifier: Apache-2.0

package import Signing

/// Why a record of the topic of orders has no effect.
package enum OrderRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    /// A record without a value. It lifts nothing: whoever may write to the topic can send one.
    case tombstone(key: String)
    case badKey(String)
    case signature(SignatureError)
    case malformed(String)
    /// The record stands under the key of another.
    case keyMismatch(key: String, expected: String)
    case notAllowed(keyName: String, to: String)
    case wrongIssuer(keyName: String, claimed: String)
    case fromTheFuture(milliseconds: Int64)
    case expired
    /// `pages`: the gateway's own budget is spent, and people must be told now.
    case unsafe(OrderSafety.Reason, pages: Bool)
    case tooManyOrders(limit: Int)
    /// Replayed after it was lifted or replaced.
    case alreadyLifted(id: String)
    case superseded(id: String)
    case ownOrder(person: String)
    case personsOrder(id: String)
    case liftBeforeOrder
    /// Of what is only proposed: there is no such order, it is over, or it is only observed.
    case notInForce(id: String)
    case liftedBefore(by: String)
    case withoutEffect(id: String)

    /// One word for a metric or an audit event.
    package var code: String {
        switch self {
        case .tombstone: "tombstone"
        case .badKey: "bad_key"
        case .signature(let error): error.code
        case .malformed: "malformed"
        case .keyMismatch: "key_mismatch"
        case .notAllowed: "not_allowed"
        case .wrongIssuer: "wrong_issuer"
        case .fromTheFuture: "future"
        case .expired: "expired"
        case .unsafe(let reason, _): reason.code
        case .tooManyOrders: "too_many"
        case .alreadyLifted: "already_lifted"
        case .superseded: "superseded"
        case .ownOrder: "own_order"
        case .personsOrder: "persons_order"
        case .liftBeforeOrder: "lift_before_order"
        case .notInForce: "not_in_force"
        case .liftedBefore: "lifted_before"
        case .withoutEffect: "without_effect"
        }
    }

    package var description: String {
        switch self {
        case .tombstone(let key):
            "the record under '\(key.prefix(200))' was deleted; what was in force stays in force: use `gatewatch orders lift`"
        case .badKey(let key):
            "the key '\(key.prefix(200))' is neither an order's id nor ID/lift/NAME: find out who writes to the topic"
        case .signature(let error): error.description
        case .malformed(let what): "the record is signed, but no order: \(what)"
        case .keyMismatch(let key, let expected):
            "the record stands under the key '\(key.prefix(200))' instead of '\(expected)': was it copied?"
        case .notAllowed(let name, let what):
            "the key '\(name)' may not \(what): add the permission to the trusted keys, or use another key"
        case .wrongIssuer(let name, let claimed):
            "the record is signed with the key '\(name)' but says that it is by '\(claimed)'"
        case .fromTheFuture(let milliseconds):
            "the record is \(milliseconds / 1000) s ahead of this clock: compare the clocks of both machines"
        case .expired: "the record is past its time"
        case .unsafe(let reason, _): reason.description
        case .tooManyOrders(let limit):
            "\(limit) orders are held already; automatic ones are refused until some expire. Lift what is not needed"
        case .alreadyLifted(let id): "the order \(id) was lifted and stays so"
        case .superseded(let id): "the order \(id) was replaced by another one"
        case .ownOrder(let person): "nobody lifts an order on themselves: '\(person)' is its subject. Ask somebody else"
        case .personsOrder(let id): "the order \(id) is not automation's to lift: a person must"
        case .notInForce(let id): "no order \(id.prefix(80)) is in force; see the list of orders"
        case .liftedBefore(let person): "'\(person)' has lifted it already; another person must"
        case .withoutEffect(let id): "the order \(id) would have no effect; look at it again"
        case .liftBeforeOrder: "the lift is older than the order: look at the order, then lift it"
        }
    }
}

/// What a record did to the book.
package enum OrderOutcome: Sendable, Equatable {
    /// The order is in force: look at running streams now.
    case applied(Order)
    /// The order is held and only reported, because automation is in observe mode.
    case observed(Order)
    /// The order is not in force any more, or never was, because its lift came first.
    case lifted(Order)
    /// A lift counts, and it takes more persons.
    case pendingLift(Order, have: Int, need: Int)
    /// A lift waits for its order, which has not come yet.
    case early(orderID: String)
    /// It is known already; nothing changed.
    case duplicate(id: String)
    case refused(OrderRefusal)

    /// Whether the record must be kept, so that the book is the same after a restart. One that is only observed need not
    /// be: it comes again from the topic, and would otherwise be in force without having passed the budget once the mode
    /// is changed.
    package var persists: Bool {
        switch self {
        case .applied, .lifted, .pendingLift, .early: true
        case .observed, .duplicate, .refused: false
        }
    }
}
