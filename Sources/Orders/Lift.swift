// SPDX-License-Identifier: Apache-2.0

package import Signing

/// The end of an order before its expiry, the payload of a record of type `gatewatch-lift+json`; its Kafka key is
/// `ORDERID/lift/KEYNAME`, of a hub's `ORDERID/lift/KEYNAME/DIGEST` (see `Signatory`), so that each person's lift of a critical order
/// stays in a compacted topic.
package struct Lift: Codable, Sendable, Equatable {
    /// The order that it ends.
    package let orderID: String
    /// The person's identity, or the name of automation's key.
    package let by: String
    /// One sentence for people.
    package let reason: String
    /// ms since the epoch, UTC.
    package let at: Int64

    package enum CodingKeys: String, CodingKey {
        case orderID = "order_id"
        case by, reason, at
    }

    /// Checked when it is signed.
    package init(orderID: String, by: String, reason: String, at: Int64) {
        self.orderID = orderID
        self.by = by
        self.reason = reason
        self.at = at
    }

    /// The record of the lift, signed. Throws ``OrderFault`` or ``SignatureError``.
    ///
    /// - Parameter onBehalf: the key is a hub's, who signs in the name of `by`.
    package func signed(by key: SigningKey, onBehalf: Bool = false) throws -> SignedRecord {
        try validate()
        let signer = Signatory.recordName(key: key.name, person: onBehalf ? by : nil)
        return SignedRecord(
            key: RecordKey.lift(order: orderID, signer: signer).text,
            value: try key.sign(try RecordJSON.encode(self), type: .lift))
    }

    /// Checks what holds for every lift, whoever signed it.
    package func validate() throws(OrderFault) {
        guard StableID.isUUID(orderID) else { throw .init("order_id is no UUID in lower case") }
        try Order.check(by, "by", Order.maximumName)
        try Order.check(reason, "reason", Order.maximumReason)
        guard (0...RecordJSON.latestTime).contains(at) else { throw .init("at is not a time in ms since the epoch") }
    }
}

/// The Kafka key of a record on the topic of orders.
enum RecordKey: Equatable {
    case order(String)
    /// `signer` as in `Signatory.recordName`.
    case lift(order: String, signer: String)

    init?(_ text: String) {
        guard text.utf8.count <= 160 else { return nil }
        let parts = text.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        guard let id = parts.first.map(String.init), StableID.isUUID(id) else { return nil }
        if parts.count == 1 {
            self = .order(id)
        } else if parts.count == 3, parts[1] == "lift", !parts[2].isEmpty {
            self = .lift(order: id, signer: String(parts[2]))
        } else {
            return nil
        }
    }

    var text: String {
        switch self {
        case .order(let id): id
        case .lift(let order, let signer): "\(order)/lift/\(signer)"
        }
    }
}
