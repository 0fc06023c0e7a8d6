// SPDX-License-Identifier: Apache-2.0

package import GRDB

/// The databases that a report is made of.
package struct ReportSource: Sendable {
    private let hub: any DatabaseReader
    private let activity: (any DatabaseReader)?

    /// - Parameters:
    ///   - hub: alerts, incidents, evidence, deliveries.
    ///   - activity: who accessed what; nil where that is not kept: what it would say is then not recorded.
    package init(hub: any DatabaseReader, activity: (any DatabaseReader)?) {
        self.hub = hub
        self.activity = activity
    }

    /// The report on a week, from one moment of each database.
    ///
    /// - Throws: SQLite's error.
    package func report(
        on period: ReportPeriod, settings: ReportSettings, edition: WeeklyReport.Edition = .pseudonymous
    ) throws -> WeeklyReport {
        try hub.read { hub in
            guard let activity else {
                return try ReportBuilder(period, settings, edition, hub: hub, activity: nil).report()
            }
            return try activity.read {
                try ReportBuilder(period, settings, edition, hub: hub, activity: $0).report()
            }
        }
    }
}

extension ReportSource {
    /// The identity whose code it is, among all that the data know; nil where it is nobody's.
    func identity(ofCode code: String, settings: ReportSettings) throws -> String? {
        func find(_ names: some Cursor<String>) throws -> String? {
            while let name = try names.next() {
                if settings.pseudonyms.code(name) == code { return name }
            }
            return nil
        }
        if let person = settings.people.values.first(where: { settings.pseudonyms.code($0.uid) == code }) {
            return person.uid
        }
        let known = try hub.read { db in try find(String.fetchCursor(db, sql: ReportBuilder.names)) }
        return try known
            ?? activity?.read { db in
                try find(String.fetchCursor(db, sql: "SELECT identity FROM identities ORDER BY identity"))
            }
    }
}

/// Makes one report inside the transactions of its caller.
struct ReportBuilder {
    let period: ReportPeriod
    let settings: ReportSettings
    let edition: WeeklyReport.Edition
    let naming: Naming
    let hub: Database
    let activity: Database?
    let rules: RuleIndex

    init(
        _ period: ReportPeriod, _ settings: ReportSettings, _ edition: WeeklyReport.Edition, hub: Database,
        activity: Database?, naming: Naming? = nil
    ) throws {
        self.period = period
        self.settings = settings
        self.edition = edition
        self.hub = hub
        self.activity = activity
        rules = RuleIndex(settings.rules)
        if let naming {
            self.naming = naming
        } else {
            self.naming = Naming(settings.pseudonyms, isNamed: edition == .named)
            try learnNames()
        }
    }

    func report() throws -> WeeklyReport {
        var report = try sections()
        // What last week's report said is what it would say today of last week.
        let before = try ReportBuilder(
            period.earlier(1), settings, edition, hub: hub, activity: activity, naming: naming
        ).sections()
        Recommending.fill(&report, before: before)
        Summarizing.fill(&report, period: period)
        return report
    }

    /// All but recommendations and summary, which are made of the others.
    private func sections() throws -> WeeklyReport {
        WeeklyReport(
            edition: edition, header: try header(), summary: try summary(), risk: try risk(), signals: try signals(),
            assets: try assets(), incidents: try incidents(), enforcement: try enforcement(), access: try access(),
            changes: try changes(), detection: try detection(), recommendations: [], carriedOver: [],
            appendix: try appendix())
    }

    // MARK: What sections share

    func who(_ identity: String) -> WeeklyReport.Who {
        WeeklyReport.Who(name: naming.who(identity), code: naming.code(identity))
    }

    func person(_ identity: String) -> ReportPerson? { settings.people[identity.lowercased()] }

    /// Somebody who acts: a name of the edition. Machines' names, which are no identity, are texts.
    func actor(_ name: String) -> String { naming.isNamed ? name : naming.text(name) }

    /// Alerts that reached people: those of rules being tried out did not.
    static let delivered = "(rule_status IS NULL OR rule_status <> 'experimental')"

    static func rounded(_ value: Double, _ factor: Double = 10) -> Double {
        // Adding 0 makes a 0 of -0.
        (value * factor).rounded() / factor + 0
    }

    /// Everybody whom the hub's database names.
    static let names = """
        SELECT identity FROM alerts WHERE identity IS NOT NULL
        UNION SELECT identity FROM incidents WHERE identity IS NOT NULL
        UNION SELECT assignee FROM incidents WHERE assignee IS NOT NULL
        UNION SELECT who FROM incident_entries WHERE who IS NOT NULL AND kind <> 'notification'
        UNION SELECT identity_key FROM incident_controls WHERE identity_key IS NOT NULL
        UNION SELECT who FROM incident_controls
        UNION SELECT json_extract(value, '$.by') FROM incident_controls, json_each(words)
            WHERE json_extract(value, '$.by') IS NOT NULL
        UNION SELECT actor FROM evidence
        ORDER BY 1
        """

    /// Every name that stands anywhere in the data, so that texts can be rid of it.
    private func learnNames() throws {
        guard edition == .pseudonymous else { return }
        for person in settings.people.values.sorted(by: { $0.uid < $1.uid }) {
            naming.know(person.uid, of: person.uid)
            for alias in person.aliases { naming.know(alias, of: person.uid) }
        }
        if let activity {
            let rows = try Row.fetchCursor(
                activity, sql: "SELECT identity, name, email FROM identities WHERE identity <> '' ORDER BY identity")
            while let row = try rows.next() {
                let identity: String = row["identity"]
                naming.know(identity, of: identity)
                if let name = row["name"] as String? { naming.know(name, of: identity) }
                if let email = row["email"] as String? { naming.know(email, of: identity) }
            }
        }
        let names = try String.fetchCursor(hub, sql: Self.names)
        // The name of a detector's key is nobody's.
        let machines = Set(
            try String.fetchAll(
                hub,
                sql: """
                    SELECT DISTINCT who FROM incident_controls WHERE json_extract(record, '$.issuer.kind') = 'automation'
                    """))
        while let name = try names.next() {
            if !machines.contains(name) { naming.know(name, of: name) }
        }
        naming.seal()
    }
}

/// Rules by what findings call them.
struct RuleIndex {
    private let byID: [String: ReportRule]
    private let byName: [String: ReportRule]
    let all: [ReportRule]

    init(_ rules: [ReportRule]) {
        all = rules
        byID = Dictionary(rules.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        byName = Dictionary(rules.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    subscript(_ key: String) -> ReportRule? { byID[key] ?? byName[key] }

    func name(_ key: String) -> String { self[key]?.name ?? key }
    func family(_ key: String) -> SignalFamily { SignalFamily(folder: self[key]?.folder) }
}
