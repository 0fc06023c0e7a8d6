// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The risk of each identity, and its open incident.
///
/// Risk is the sum over rules of what their alerts still weigh: each alert's points halve with every half-life; a rule adds at
/// most its `daily` points per day (UTC); of one rule's alerts the largest counts whole, the i-th largest by 1/i^1.5, so that
/// repeats add little. (Elastic's entity risk score compresses repeats by the same power; docs/design.md, section 5.)
///
/// One incident per identity: an alert within 24 hours of the one before joins it. Its id is made of the identity and the day
/// (UTC) of its first alert; no second one can begin on that day.
///
/// Bounds: an identity without alerts has no row. With them it keeps at most `maximumTerms`, about 100 bytes each.
final class RiskState: StoredState {
    /// What one alert added.
    struct Term: Codable, Equatable {
        /// The rule's key and what people call it.
        var rule: String
        var name: String
        var alert: String
        /// ms since the epoch, UTC.
        var time: Int64
        var points: Double
        /// ms.
        var halfLife: Int64
        var daily: Double

        /// What it weighs at a moment, before repeats are compressed.
        func weight(at moment: Int64) -> Double {
            points * kept(at: moment)
        }

        /// How much of it is left at a moment: 1 at first, half after the half-life.
        func kept(at moment: Int64) -> Double {
            exp2(-Double(max(0, moment - time)) / Double(halfLife))
        }
    }

    private struct Standing: Codable {
        var terms: [Term] = []
        /// The day of the incident's first alert, and the time of its last one, ms.
        var incidentDay: Int64 = .min
        var incidentLast: Int64 = .min
    }

    static let maximumTerms = 64
    /// A quiet time after which the next alert opens another incident, ms.
    static let quiet: Int64 = 24 * 3_600_000
    private static let day: Int64 = 86_400_000

    let stateID: UInt64
    let keySpace: KeySpace
    private var standings: CellMap<Standing>
    private var nextSweep: Int64 = .min
    var sweepDue: Int64 { nextSweep }

    init(keySpace: KeySpace) {
        self.keySpace = keySpace
        stateID = Detection.stateID(["risk"])
        standings = CellMap(keySpace: keySpace)
    }

    deinit {
        standings.deallocate { _ in }
    }

    var count: Int { standings.count }
    var bytes: Int {
        var bytes = standings.bytes
        standings.forEach { _, standing in bytes += 32 + standing.terms.capacity * MemoryLayout<Term>.stride }
        return bytes
    }

    /// Notes an alert about an identity. Returns its risk with the alert in it, and the incident that the alert belongs to. Terms of
    /// dismissed alerts stay, because people may change their mind, and weigh nothing meanwhile.
    func note(
        _ term: Term?, at time: Int64, key: Int32, identity: String, isDismissed: (String) -> Bool = { _ in false }
    ) -> (risk: Alert.Risk, incident: String) {
        let standing = standings.make(key, Standing())
        if standing.pointee.incidentLast == .min || time > standing.pointee.incidentLast + Self.quiet {
            standing.pointee.incidentDay = time / Self.day
        }
        standing.pointee.incidentLast = max(standing.pointee.incidentLast, time)
        if let term, !standing.pointee.terms.contains(where: { $0.alert == term.alert }) {
            standing.pointee.terms.append(term)
            if standing.pointee.terms.count > Self.maximumTerms {
                let weights = standing.pointee.terms.map { $0.weight(at: time) }
                let least = weights.indices.min { weights[$0] < weights[$1] }
                if let least { standing.pointee.terms.remove(at: least) }
            }
        }
        standings.touch(key)
        let all = standing.pointee.terms
        let terms = all.contains { isDismissed($0.alert) } ? all.filter { !isDismissed($0.alert) } : all
        return (
            Self.risk(terms, at: time),
            alertID(["incident", identity, String(standing.pointee.incidentDay)])
        )
    }

    /// The arithmetic, for terms of one identity at a moment.
    static func risk(_ terms: [Term], at moment: Int64) -> Alert.Risk {
        var rules: [String] = []
        for term in terms where !rules.contains(term.rule) { rules.append(term.rule) }
        // In order of time, mostly as they are.
        let order = terms.indices.sorted { (terms[$0].time, terms[$0].alert) < (terms[$1].time, terms[$1].alert) }
        var parts: [Alert.Risk.Term] = []
        for rule in rules {
            let own = order.filter { terms[$0].rule == rule }
            guard let last = own.last else { continue }
            // In order of time, so a day's terms stand together.
            var (day, spent) = (Int64.min, 0.0)
            var weights: [Double] = []
            for place in own {
                let start = terms[place].time / Self.day
                if start != day { (day, spent) = (start, 0) }
                let allowed = min(terms[place].points, max(0, terms[place].daily - spent))
                spent += allowed
                weights.append(allowed * terms[place].kept(at: moment))
            }
            weights.sort(by: >)
            let sum = weights.enumerated().reduce(0.0) { $0 + $1.element / pow(Double($1.offset + 1), 1.5) }
            parts.append(
                Alert.Risk.Term(
                    rule: terms[last].name, points: (sum * 10).rounded() / 10, alerts: own.count,
                    time: terms[last].time))
        }
        parts.sort { ($1.points, $0.rule) < ($0.points, $1.rule) }
        let score = parts.reduce(0.0) { $0 + $1.points }
        return Alert.Risk(score: (score * 10).rounded() / 10, terms: parts)
    }

    /// Forgets identities whose incident is over and whose alerts weigh nothing any more.
    func sweep(watermark: Int64) {
        guard watermark >= nextSweep else { return }
        nextSweep = watermark + 3_600_000
        standings.sweep { standing in
            standing.incidentLast + Self.quiet < watermark
                && standing.terms.allSatisfy { $0.weight(at: watermark) < 0.05 }
        }
    }

    // MARK: Storing

    func takeChanges(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]?) -> Void) {
        standings.takeChanges({ encode($0) }, body)
    }

    func discardChanges() {
        standings.discardChanges()
    }

    func forEach(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]) -> Void) {
        standings.forEach { key, standing in body(keySpace.bytes(of: key), encode(standing)) }
    }

    private func encode(_ standing: Standing) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(standing.incidentDay)
        writer.write(standing.incidentLast)
        writer.write(UInt16(standing.terms.count))
        for term in standing.terms {
            for text in [term.rule, term.name, term.alert] { writer.write(text: text) }
            writer.write(term.time)
            writer.write(term.points)
            writer.write(term.halfLife)
            writer.write(term.daily)
        }
        return writer.bytes
    }

    func restore(
        key: Int32, _ reader: inout ByteReader, _ texts: inout LongEventIDs
    ) throws(ByteReader.Damaged) -> [Int64] {
        var standing = Standing(terms: [], incidentDay: try reader.read(), incidentLast: try reader.read())
        for _ in 0..<(try reader.read(UInt16.self)) {
            standing.terms.append(
                Term(
                    rule: try reader.readText(), name: try reader.readText(), alert: try reader.readText(),
                    time: try reader.read(), points: try reader.readDouble(), halfLife: max(1, try reader.read()),
                    daily: try reader.readDouble()))
        }
        standings.make(key, Standing()).pointee = standing
        return []
    }
}
