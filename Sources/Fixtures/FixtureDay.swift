// SPDX-License-Identifier: Apache-2.0

/// One audit event of the fixture day.
package struct FixtureEvent: Sendable, Equatable {
    /// `time` of the event, milliseconds since the epoch.
    package let timeMilliseconds: Int64
    /// Whose it is, aliases resolved; the Kafka key.
    package let identity: String
    /// OCSF 1.x JSON, UTF-8, without a line break.
    package let json: [UInt8]
}

/// A day of normal work of many identities, and six insiders: one per signal and one for the chain.
///
/// The day is one of Berlin, from midnight to midnight. The same seed, date and number of identities give the same bytes, on
/// every machine. Normal work comes near the thresholds and does not cross them; the insiders do.
package struct FixtureDay: Sendable {
    /// Ordered by time.
    package let events: [FixtureEvent]
    /// In the order of `InsiderSignal.allCases`.
    package let insiders: [Insider]
    /// The identity directory: `uid,aliases,kind,department,role,peer_group,manager,end_date`, aliases separated by `;`.
    package let identitiesCSV: String
    /// The deployment calendar, RFC 5545.
    package let calendarICS: String

    /// - Parameters:
    ///   - seed: chooses the day's details.
    ///   - date: the day in Berlin, `YYYY-MM-DD`, 2000 to 2059; the default is a Wednesday.
    ///   - normalIdentities: how many do normal work, service accounts included (an eighth of them); 1 to 100,000.
    /// - Throws: `FixtureError` when a parameter is out of range.
    package init(
        seed: UInt64 = 1, date: String = "2026-11-18", normalIdentities: Int = 200
    ) throws(FixtureError) {
        guard let day = FixtureDate(date) else {
            throw FixtureError("The fixture date '\(date)' is no day from 2000 to 2059. Write it like 2026-11-18.")
        }
        guard (1...100_000).contains(normalIdentities) else {
            throw FixtureError("\(normalIdentities) identities cannot be made. Ask for 1 to 100000.")
        }
        let roster = FixtureRoster(seed: seed, normal: normalIdentities, date: day)
        let midnight = day.midnight
        var drafts: [FixtureDraft] = []
        var stream: UInt64 = 0
        func plan(_ who: FixtureIdentity) -> DayPlan {
            stream += 1
            return DayPlan(who, midnight: midnight, random: SeededRandom(seed: seed, stream: stream))
        }
        var clumsy = true
        var engineers = 0
        var operators = 0
        for who in roster.people {
            var plan = plan(who)
            // One person needs four attempts too many: just below what a detector may take for guessing.
            let mistypes = who.role == .analyst && clumsy ? 4 : nil
            if mistypes != nil { clumsy = false }
            plan.officeDay(mistypes: mistypes)
            if who.role == .mlEngineer {
                engineers += 1
                if engineers % 2 == 1 { plan.approvedDownload() }
            }
            if who.role == .platform {
                operators += 1
                let daytime = day.deploymentWindows.filter { $0.lowerBound >= 480 && $0.upperBound <= 1_080 }
                if operators <= 2 { for window in daytime { plan.deployment(in: window, changes: 3) } }
            }
            drafts += plan.drafts
        }
        for who in roster.services {
            var plan = plan(who)
            plan.serviceDay(windows: day.deploymentWindows)
            drafts += plan.drafts
        }
        var insiders: [Insider] = []
        for (who, signal) in zip(roster.insiders, InsiderSignal.allCases) {
            var plan = plan(who)
            insiders.append(plan.insiderDay(signal))
            drafts += plan.drafts
        }
        // Swift's sort is stable in practice but does not promise it; the index decides.
        let order = drafts.indices.sorted { (drafts[$0].time, $0) < (drafts[$1].time, $1) }
        var ids = SeededRandom(seed: seed, stream: 1 << 41)
        events = order.map { index in
            let draft = drafts[index]
            return FixtureEvent(
                timeMilliseconds: draft.time, identity: draft.who.uid, json: draft.json(uid: ids.uuid()))
        }
        self.insiders = insiders
        identitiesCSV = roster.csv
        calendarICS = DeploymentCalendar.text(around: day)
    }
}
