// SPDX-License-Identifier: Apache-2.0

/// What a report needs beside the databases; the executable reads it from the configuration.
package struct ReportSettings: Sendable {
    /// Whose report it is; nil to leave it out.
    package var tenant: String?
    /// Of Gatewatch.
    package var version: String
    /// The rules in force, without which signals cannot be sorted and silent rules not found.
    package var rules: [ReportRule]
    /// Identities by the directory, under their uid in lower case.
    package var people: [String: ReportPerson]
    /// Identities that automation never touches, exactly or with `*` and `?`: break-glass accounts and the like.
    package var protected: [String]
    /// Under which identities become codes.
    package var pseudonyms: PseudonymKey

    package init(
        pseudonyms: PseudonymKey, version: String, tenant: String? = nil, rules: [ReportRule] = [],
        people: [ReportPerson] = [], protected: [String] = []
    ) {
        self.protected = protected
        self.pseudonyms = pseudonyms
        self.version = version
        self.tenant = tenant
        self.rules = rules.sorted { ($0.name, $0.id) < ($1.name, $1.id) }
        self.people = Dictionary(people.map { ($0.uid.lowercased(), $0) }, uniquingKeysWith: { first, _ in first })
    }
}

/// A rule as a report needs to know it.
package struct ReportRule: Sendable, Equatable {
    /// As it stands in findings (`finding_info.analytic.uid`).
    package var id: String
    package var name: String
    package var title: String
    /// Sigma's `level`.
    package var level: String
    /// Sigma's `status`.
    package var status: String
    /// The folder of its file: `bulk_requests`.
    package var folder: String
    /// Of its text, SHA-256 in hexadecimal.
    package var digest: String
    /// How fast its points fade, ms; nil for the default.
    package var halfLife: Int64?
    /// Its limit in words, for the appendix; nil for none.
    package var limit: String?

    package init(
        id: String, name: String, title: String, level: String, status: String, folder: String, digest: String,
        halfLife: Int64? = nil, limit: String? = nil
    ) {
        self.id = id
        self.name = name
        self.title = title
        self.level = level
        self.status = status
        self.folder = folder
        self.digest = digest
        self.halfLife = halfLife
        self.limit = limit
    }
}

/// What the identity directory says of somebody.
package struct ReportPerson: Sendable, Equatable {
    package var uid: String
    package var aliases: [String]
    package var role: String?
    package var peerGroup: String?
    /// An ISO date, the last day, UTC.
    package var endDate: String?

    package init(
        uid: String, aliases: [String] = [], role: String? = nil, peerGroup: String? = nil, endDate: String? = nil
    ) {
        self.uid = uid
        self.aliases = aliases
        self.role = role
        self.peerGroup = peerGroup
        self.endDate = endDate
    }
}

/// The numbers that decide what a report calls remarkable; they stand in its appendix.
enum ReportLimits {
    /// Identities in the table of risk, and in those of risers and fallers.
    static let topIdentities = 20
    static let movers = 5
    /// Weeks of a sparkline and of the bands.
    static let weeks = 8
    /// Days of the charts of bytes and vectors, and days that their baselines learn from.
    static let chartDays: Int64 = 28
    static let learningDays: Int64 = 182
    /// Points of risk from which on an identity counts.
    static let leastScore = 1.0
    /// What a rule's points weigh half after, where the rule says nothing else, ms.
    static let halfLife: Int64 = 7 * 86_400_000
    /// Rows of a table.
    static let rows = 50
    static let incidents = 40
    static let timeline = 12
    /// Quiet days after which an identity is dormant, and a kind of asset unused.
    static let dormantDays: Int64 = 60
    /// A session longer than this is long-lived, ms.
    static let longSession: Int64 = 24 * 3_600_000
    /// A rule with so many alerts a week is noisy; as is one with more than this share of false ones among at least so many judged.
    static let noisyAlerts = 50
    static let falseShare = 0.15
    static let judged = 5
    /// Below this share of hours with events the report says so first.
    static let coverage = 0.99
    /// Score from which on an identity without an order asks for a decision.
    static let highScore = 70.0
}

/// The kinds of signals that a report adds up: the folders of the shipped detectors.
enum SignalFamily: String, CaseIterable, Sendable {
    case bulk = "bulk_requests"
    case weights = "checkpoints"
    case trainingData = "training_data"
    case configuration = "configuration"
    case logon = "credentials"
    case chain = "chain"
    case other

    /// The five signals and what combines them; the rest is "other".
    init(folder: String?) { self = folder.flatMap(SignalFamily.init(rawValue:)) ?? .other }

    var title: String {
        switch self {
        case .bulk: "Bulk requests"
        case .weights: "Model weights"
        case .trainingData: "Training data"
        case .configuration: "Configuration outside of windows"
        case .logon: "Suspicious logons"
        case .chain: "Several signals together"
        case .other: "Other rules"
        }
    }
}
