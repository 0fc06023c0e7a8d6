// SPDX-License-Identifier: Apache-2.0

/// Four weeks of work behind the gateway with insiders on known days, and the weeks before them in which the detectors learn.
///
/// Days are those of Berlin. The same options give the same bytes, on every machine. People work on weekdays and rarely at weekends,
/// are on leave for a week, join, leave, fall silent; services run every day.
package struct FixtureMonth: Sendable {
    package struct Options: Sendable {
        package var seed: UInt64
        /// The last day, `YYYY-MM-DD`; the default is a Sunday, the end of week 2026-W47.
        package var lastDay: String
        /// Of the month, and of the history before it.
        package var days: Int
        package var history: Int
        /// How many do normal work, service accounts included (an eighth of them).
        package var identities: Int

        package init(
            seed: UInt64 = 1, lastDay: String = "2026-11-22", days: Int = 28, history: Int = 35, identities: Int = 200
        ) {
            self.seed = seed
            self.lastDay = lastDay
            self.days = days
            self.history = history
            self.identities = identities
        }
    }

    /// What somebody does that a security team should hear of.
    package struct Deed: Sendable, Equatable {
        package let identity: String
        /// An `InsiderSignal` or `leaver`.
        package let kind: String
        /// Names of rules of which each has to fire.
        package let expected: [String]
        /// The first and the last event, ms since the epoch.
        package let from: Int64
        package let to: Int64
    }

    /// An approval that a download is to be covered by.
    package struct ApprovalNeed: Sendable {
        package let identity: String
        package let checkpoint: String
        /// When the download begins, ms since the epoch.
        package let at: Int64
    }

    /// One day of it.
    package struct Day: Sendable {
        /// Ordered by time.
        package let events: [FixtureEvent]
        package let deeds: [Deed]
    }

    package let options: Options
    package let identitiesCSV: String
    package let calendarICS: String
    private let roster: FixtureRoster
    private let first: FixtureDate

    /// - Throws: `FixtureError` when an option is out of range.
    package init(_ options: Options = Options()) throws(FixtureError) {
        guard let last = FixtureDate(options.lastDay) else {
            throw FixtureError(
                "The fixture date '\(options.lastDay)' is no day from 2000 to 2059. Write it like 2026-11-22.")
        }
        guard (8...10_000).contains(options.identities), (1...366).contains(options.days),
            (0...366).contains(options.history)
        else { throw FixtureError("A month has 8 to 10000 identities, 1 to 366 days and at most 366 days of history.") }
        self.options = options
        first = last.adding(1 - options.days - options.history)
        var roster = FixtureRoster(seed: options.seed, normal: options.identities, date: last)
        // One leaves and is gone; another's account is used on.
        let leavers = roster.people.indices.filter { roster.people[$0].role == .analyst }
        for (index, end) in zip(leavers.suffix(2), [-16, -9]) {
            roster.people[index].endDate = last.adding(end).extended
        }
        self.roster = roster
        identitiesCSV = roster.csv
        calendarICS = DeploymentCalendar.text(around: last, daysBefore: options.days + options.history + 7)
    }

    /// Days, history first.
    package var dayCount: Int { options.days + options.history }

    /// Midnight of a day in Berlin, ms since the epoch; `dayCount` gives the end.
    package func midnight(_ day: Int) -> Int64 { first.adding(day).midnight }

    /// Uids of people, for who asks them something.
    package var people: [String] { roster.people.map(\.uid) }

    /// Deeds by their distance from the last day.
    private static let plan: [(day: Int, signal: InsiderSignal)] = [
        (6, .bulkRequests), (5, .checkpointDownload), (4, .chain), (3, .trainingData), (2, .offWindowChange),
        (12, .failThenSucceed), (10, .offWindowChange), (17, .bulkRequests), (20, .failThenSucceed),
        (25, .checkpointDownload), (40, .bulkRequests), (45, .failThenSucceed), (0, .failThenSucceed),
    ]

    /// Makes one day.
    ///
    /// - Parameter approve: gives the id of the approval that a download is covered by; made up without.
    package func day(_ day: Int, approve: ((ApprovalNeed) -> String)? = nil) -> Day {
        let date = first.adding(day)
        let fromEnd = dayCount - 1 - day
        let seed = options.seed &* 1_000_003 &+ UInt64(day + 1)
        var drafts: [FixtureDraft] = []
        var deeds: [Deed] = []
        var stream: UInt64 = 0
        func plan(_ who: FixtureIdentity) -> DayPlan {
            stream += 1
            return DayPlan(who, midnight: date.midnight, random: SeededRandom(seed: seed, stream: stream))
        }
        var operators = 0
        for (number, who) in roster.people.enumerated() {
            var plan = plan(who)
            if who.role == .platform { operators += 1 }
            guard let presence = Presence(self, number, who, day, date, &plan.random) else { continue }
            // Things that look like deeds and are none; a security team hears of them all the same.
            switch presence.mishap {
            case .mistyping?: plan.officeDay(mistypes: 6)
            case .hurry?:
                plan.officeDay()
                plan.download(
                    DayPlan.checkpoints[day % DayPlan.checkpoints.count], at: 15 * 3_600, parts: 3, apart: 10...20,
                    approval: nil)
            case .lateChange?:
                plan.officeDay()
                plan.deployment(in: 1_130..<1_180, changes: 2)
            case nil: plan.officeDay()
            }
            if who.role == .mlEngineer, plan.random.chance(20) {
                plan.approvedDownload(
                    approve.map { approve in
                        { approve(ApprovalNeed(identity: who.uid, checkpoint: $0, at: $1)) }
                    })
            }
            if who.role == .platform, operators <= 2 {
                let daytime = date.deploymentWindows.filter { $0.lowerBound >= 480 && $0.upperBound <= 1_080 }
                for window in daytime { plan.deployment(in: window, changes: 3) }
            }
            drafts += plan.drafts
            if let kind = presence.kind, let from = plan.drafts.map(\.time).min(),
                let to = plan.drafts.map(\.time).max()
            {
                deeds.append(
                    Deed(
                        identity: who.uid, kind: kind, expected: ["gw_leaver_use"], from: from, to: to))
            }
        }
        for who in roster.services {
            var plan = plan(who)
            plan.serviceDay(windows: date.deploymentWindows)
            drafts += plan.drafts
        }
        for (who, signal) in zip(roster.insiders, InsiderSignal.allCases) {
            var plan = plan(who)
            if Self.plan.contains(where: { $0.day == fromEnd && $0.signal == signal }) {
                let insider = plan.insiderDay(signal)
                deeds.append(
                    Deed(
                        identity: who.uid, kind: signal.rawValue, expected: insider.expected, from: insider.from,
                        to: insider.to))
            } else if !date.isWeekend {
                plan.officeDay()
            }
            drafts += plan.drafts
        }
        let order = drafts.indices.sorted { (drafts[$0].time, $0) < (drafts[$1].time, $1) }
        var ids = SeededRandom(seed: seed, stream: 1 << 41)
        let events = order.map { index in
            let draft = drafts[index]
            return FixtureEvent(
                timeMilliseconds: draft.time, identity: draft.who.uid, json: draft.json(uid: ids.uuid()))
        }
        return Day(events: events, deeds: deeds.sorted { $0.from < $1.from })
    }

    /// That somebody works on a day. Nil for who does not.
    private struct Presence {
        enum Mishap { case mistyping, hurry, lateChange }

        /// What is wrong with it.
        var kind: String?
        var mishap: Mishap?

        init?(
            _ month: FixtureMonth, _ number: Int, _ who: FixtureIdentity, _ day: Int, _ date: FixtureDate,
            _ random: inout SeededRandom
        ) {
            var life = SeededRandom(seed: month.options.seed, stream: (1 << 42) + UInt64(number))
            let total = month.dayCount
            // A week's leave, some time; one in twelve joins later, one in twelve falls silent.
            let leave = life.pick(0...max(0, total - 7))
            let joins = number % 12 == 7 ? life.pick(total / 3...total - 3) : 0
            let silent = number % 12 == 3 ? life.pick(1...max(1, total / 2)) : Int.max
            if let end = FixtureDate(who.endDate), date.days > end.days {
                // The second leaver's account is used on two days after the end.
                guard end.days == month.first.adding(total - 1).days - 9, [3, 2].contains(total - 1 - day) else {
                    return nil
                }
                // The days after it are of the same alert.
                kind = total - 1 - day == 3 ? "leaver" : nil
                return
            }
            guard day >= joins, day < silent, !(leave..<leave + 7).contains(day) else { return nil }
            guard random.chance(date.isWeekend ? 3 : 95) else { return nil }
            guard !date.isWeekend else { return }
            switch who.role {
            case .mlEngineer where (day + number) % 21 == 4: mishap = .hurry
            // Weekdays without a deployment window in the evening.
            case .platform where (day + number) % 13 == 5 && date.deploymentWindows.isEmpty: mishap = .lateChange
            case .inference, .analyst:
                if (day * 31 + number) % 150 == 1 { mishap = .mistyping }
            default: break
            }
        }
    }
}

extension FixtureDate {
    var isWeekend: Bool { weekday == 0 || weekday == 6 }
}
