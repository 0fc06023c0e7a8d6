// SPDX-License-Identifier: Apache-2.0

package import Signing

/// The automatic orders that were allowed, by the time of their issue. Persisted by whoever issues or applies them.
package struct OrderLedger: Codable, Sendable, Equatable {
    /// One hour, ms.
    static let hour: Int64 = 3_600_000
    /// The most orders that are remembered; the oldest are forgotten first.
    package static let maximumEntries = 200_000

    /// One order.
    package struct Entry: Codable, Sendable, Equatable {
        /// The order's id.
        package let id: String
        /// The identity that it touches, or the session or token where that is not known; folded.
        package let subject: String
        /// ms since the epoch, UTC.
        package let issuedAt: Int64

        /// An entry as it was persisted.
        package init(id: String, subject: String, issuedAt: Int64) {
            self.id = id
            self.subject = subject
            self.issuedAt = issuedAt
        }

        /// The entry of an order.
        package init(order: Order, aliases: IdentityAliases) {
            id = order.id
            subject =
                order.subject.owner.map { "identity:\(aliases.canonical($0))" }
                ?? "\(order.subject.type.rawValue):\(order.subject.value)"
            issuedAt = order.issuedAt
        }

        private enum CodingKeys: String, CodingKey {
            case id, subject
            case issuedAt = "issued_at"
        }
    }

    /// Ordered by the time of issue.
    package private(set) var entries: [Entry] = []
    private var pagedHours: [Int64] = []
    private var ids: Set<String> = []

    private enum CodingKeys: String, CodingKey {
        case entries
        case pagedHours = "paged_hours"
    }

    /// Empty books.
    package init() {}

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        for entry in try container.decode([Entry].self, forKey: .entries) where !ids.contains(entry.id) { add(entry) }
        pagedHours = try container.decode([Int64].self, forKey: .pagedHours)
    }

    func contains(_ id: String) -> Bool { ids.contains(id) }

    /// Which budget would be overrun in some hour that holds an entry, were it added.
    enum Overrun { case orders, identities }

    /// Looks at every hour (t − 1 h, t] that would hold the entry: a late one may overrun an hour that ended after it.
    func overrun(adding entry: Entry, orders: Int, identities: Int) -> Overrun? {
        // Hours that hold the entry end at it or at one after it.
        let first = position(after: entry.issuedAt - Self.hour)
        let next = position(after: entry.issuedAt)
        let end = position(after: entry.issuedAt + Self.hour - 1)
        if next - first + 1 > orders { return .orders }
        var start = first
        for last in next..<end {
            while entries[start].issuedAt <= entries[last].issuedAt - Self.hour { start += 1 }
            if last - start + 2 > orders { return .orders }
        }
        // As many identities as orders at most: mostly nothing is left to count.
        guard end - first + 1 > identities else { return nil }
        var counts: [String: Int] = [entry.subject: 1]
        for other in entries[first..<next] { counts[other.subject, default: 0] += 1 }
        if counts.count > identities { return .identities }
        start = first
        for last in next..<end {
            while entries[start].issuedAt <= entries[last].issuedAt - Self.hour {
                let count = counts[entries[start].subject, default: 1] - 1
                counts[entries[start].subject] = count > 0 ? count : nil
                start += 1
            }
            counts[entries[last].subject, default: 0] += 1
            if counts.count > identities { return .identities }
        }
        return nil
    }

    mutating func add(_ entry: Entry) {
        entries.insert(entry, at: position(after: entry.issuedAt))
        ids.insert(entry.id)
        if entries.count > Self.maximumEntries { ids.remove(entries.removeFirst().id) }
    }

    /// Whether people are to be told that the hour is spent: once for each hour of the clock (UTC).
    mutating func page(hourOf time: Int64) -> Bool {
        let hour = Self.clockHour(time)
        if pagedHours.contains(hour) { return false }
        pagedHours.append(hour)
        if pagedHours.count > 1000 { pagedHours.removeFirst() }
        return true
    }

    /// The number of the hour of the clock in which a time lies.
    package static func clockHour(_ time: Int64) -> Int64 { time / hour }

    mutating func forget(before time: Int64) {
        let count = position(after: time - 1)
        for entry in entries[..<count] { ids.remove(entry.id) }
        entries.removeFirst(count)
        pagedHours.removeAll { $0 < Self.clockHour(time) }
    }

    /// The index of the first entry that is later than a time.
    private func position(after time: Int64) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].issuedAt <= time { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
