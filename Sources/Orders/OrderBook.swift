// SPDX-License-Identifier: Apache-2.0

package import Signing

/// The orders that a gateway holds: fed with the records of the topic of orders, asked before every request.
///
/// A value: keep it behind one lock, and ask it there (a look-up allocates nothing for a caller without orders; a copy
/// would make the next record copy the tables). Records may come in any order and any number of times: an order's lift
/// may come before the order. Nothing here reads a clock: `now` is ms since the epoch, UTC.
///
/// To survive a restart, keep the record of every outcome whose `persists` is true under its key (a later record of the
/// same key replaces it only when it persists itself), drop the keys that ``expire(now:)`` returns, and feed what is kept
/// to ``restore(_:key:now:)``, in any order. Records are verified again there. A key that is taken out of the trusted ones therefore takes
/// its orders along at the next restart, and its lifts: keep it until they have expired.
package struct OrderBook: Sendable {
    /// What a person configures.
    package struct Options: Sendable, Equatable {
        /// Orders that are held, lifted ones until their expiry included; past it automatic ones are refused. Orders of
        /// persons still enter.
        package var maximumOrders: Int
        /// Automatic orders on one subject; past it further automatic ones are refused.
        package var maximumOrdersPerSubject: Int
        /// Whether automation may lift high (not critical) orders that automation issued, with a key that may lift.
        package var automationLifts: Bool

        /// Defaults for one gateway.
        package init(
            maximumOrders: Int = 100_000, maximumOrdersPerSubject: Int = 256, automationLifts: Bool = false
        ) {
            self.maximumOrders = maximumOrders
            self.maximumOrdersPerSubject = maximumOrdersPerSubject
            self.automationLifts = automationLifts
        }
    }

    /// The most lifts that wait for their orders.
    package static let maximumEarlyLifts = 100_000

    enum End: Sendable, Equatable { case lifted, superseded }

    /// An order that was seen, until it expires.
    struct Known: Sendable {
        let held: HeldOrder
        var end: End?
    }

    struct GivenLift: Sendable {
        let lift: Lift
        let signatory: Signatory
    }

    /// Whose records are believed.
    package let keys: TrustedKeys
    /// Which names are one person's.
    package let aliases: IdentityAliases
    /// Bounds, and what automation may lift.
    package let options: Options
    /// The gateway's own limits for automation.
    package var safety: OrderSafety
    /// Of how many identities the share of the budget is taken.
    package var knownIdentities: Int

    var known: [String: Known] = [:]
    var enforced = OrderIndex()
    var observed = OrderIndex()
    /// By order, for orders that are known and for those to come.
    var lifts: [String: [GivenLift]] = [:]
    /// How many lifts of `lifts` wait for their orders.
    var earlyLifts = 0
    /// By the id of the replaced order, for those that have not come yet.
    var replacements: [String: [HeldOrder]] = [:]
    private var nextExpiry = Int64.max

    /// An empty book.
    package init(
        keys: TrustedKeys, aliases: IdentityAliases = IdentityAliases(), safety: OrderSafety,
        knownIdentities: Int = 0, options: Options = Options()
    ) {
        self.keys = keys
        self.aliases = aliases
        self.safety = safety
        self.knownIdentities = knownIdentities
        self.options = options
    }

    // MARK: Records

    /// Takes a record of the topic. `value` is nil for a tombstone.
    package mutating func apply(_ value: [UInt8]?, key: String, now: Int64) -> OrderOutcome {
        take(value, key: key, now: now, isRestoring: false)
    }

    /// Takes a record that this gateway took in an earlier life: verified again, but not held against the budget, which it
    /// passed then.
    package mutating func restore(_ value: [UInt8], key: String, now: Int64) -> OrderOutcome {
        take(value, key: key, now: now, isRestoring: true)
    }

    private mutating func take(_ value: [UInt8]?, key: String, now: Int64, isRestoring: Bool) -> OrderOutcome {
        guard let name = RecordKey(key) else { return .refused(.badKey(key)) }
        guard let value else { return .refused(.tombstone(key: key)) }
        do {
            switch name {
            case .order(let id): return try takeOrder(value, id: id, now: now, isRestoring: isRestoring)
            case .lift(let id, let signer): return try takeLift(value, id: id, signer: signer, now: now)
            }
        } catch {
            return .refused(error)
        }
    }

    private mutating func takeOrder(
        _ value: [UInt8], id: String, now: Int64, isRestoring: Bool
    ) throws(OrderRefusal) -> OrderOutcome {
        let (order, key) = try Self.verified(value, as: Order.self, type: .order, keys: keys)
        do { try order.validate() } catch { throw .malformed(error.description) }
        guard order.id == id else { throw .keyMismatch(key: id, expected: order.id) }
        try Self.checkIssuer(order.issuer, key)
        guard order.issuedAt <= now + Order.maximumSkew else {
            throw .fromTheFuture(milliseconds: order.issuedAt - now)
        }
        guard now < order.expiresAt else { throw .expired }
        switch known[id]?.end {
        case .lifted: throw .alreadyLifted(id: id)
        case .superseded: throw .superseded(id: id)
        case nil: if known[id] != nil { return .duplicate(id: id) }
        }

        let isAutomatic = order.issuer.kind == .automation
        if isAutomatic { try checkRoom(for: order, now: now) }
        var isObserved = false
        if isRestoring, isAutomatic, safety.settings.mode == .enforce,
            !(order.subject.owner.map { safety.isProtected($0, aliases: aliases) } ?? false)
        {
            safety.restore(order, aliases: aliases)
        } else {
            switch safety.check(order, knownIdentities: knownIdentities, aliases: aliases) {
            case .allow: break
            case .observe: isObserved = true
            case .refuse(let reason, let pages): throw .unsafe(reason, pages: pages)
            }
        }
        return enter(HeldOrder(order: order, isObserved: isObserved))
    }

    private static func checkIssuer(_ issuer: Order.Issuer, _ key: TrustedKey) throws(OrderRefusal) {
        guard key.may.contains(.issue) else { throw .notAllowed(keyName: key.name, to: "issue orders") }
        guard let signatory = Signatory(of: key, named: issuer.name),
            issuer.kind == (signatory.person == nil ? .automation : .person)
        else { throw .wrongIssuer(keyName: key.name, claimed: issuer.name) }
    }

    private mutating func checkRoom(for order: Order, now: Int64) throws(OrderRefusal) {
        if known.count >= options.maximumOrders { _ = sweep(now: now) }
        guard known.count < options.maximumOrders else { throw .tooManyOrders(limit: options.maximumOrders) }
        guard enforced.count(of: order.subject, aliases) < options.maximumOrdersPerSubject,
            observed.count(of: order.subject, aliases) < options.maximumOrdersPerSubject
        else { throw .tooManyOrders(limit: options.maximumOrdersPerSubject) }
    }

    /// The value in a record that a trusted key signed.
    static func verified<Value: Decodable>(
        _ value: [UInt8], as type: Value.Type, type record: RecordType, keys: TrustedKeys
    ) throws(OrderRefusal) -> (Value, TrustedKey) {
        let verified: VerifiedRecord
        do { verified = try keys.verify(value, type: record) } catch { throw .signature(error) }
        do {
            return (try RecordJSON.decode(type, from: verified.payload), verified.key)
        } catch {
            throw .malformed(error.description)
        }
    }

    // MARK: Time

    /// Forgets what is past its time. Returns the keys of records that need not be kept any more.
    package mutating func expire(now: Int64) -> [String] {
        safety.expire(now: now)
        // Asked often; mostly nothing has changed.
        guard now >= nextExpiry else { return [] }
        return sweep(now: now)
    }

    func remembered(_ lift: Lift) -> Int64 { lift.at + Order.maximumSkew + Order.maximumTTL }

    mutating func expires(at time: Int64) { nextExpiry = min(nextExpiry, time) }

    private mutating func sweep(now: Int64) -> [String] {
        var dropped: [String] = []
        nextExpiry = .max
        func drop(liftsOf id: String, _ gone: [GivenLift]) {
            dropped += gone.map { RecordKey.lift(order: id, signer: $0.signatory.recordName).text }
        }
        for (id, entry) in known {
            guard now >= entry.held.order.expiresAt else {
                expires(at: entry.held.order.expiresAt)
                continue
            }
            if entry.end == nil { unlist(entry.held) }
            known[id] = nil
            dropped.append(id)
            drop(liftsOf: id, lifts.removeValue(forKey: id) ?? [])
        }
        for (id, given) in lifts where known[id] == nil {
            let gone = given.filter { now >= remembered($0.lift) }
            let stays = given.filter { now < remembered($0.lift) }
            for lift in stays { expires(at: remembered(lift.lift)) }
            guard !gone.isEmpty else { continue }
            earlyLifts -= gone.count
            lifts[id] = stays.isEmpty ? nil : stays
            drop(liftsOf: id, gone)
        }
        for (id, held) in replacements {
            let stays = held.filter { now < $0.order.expiresAt }
            replacements[id] = stays.isEmpty ? nil : stays
        }
        return dropped
    }
}
