// SPDX-License-Identifier: Apache-2.0

/// What an identity does for a living; also the name of its first group.
enum FixtureRole: String {
    case inference
    case analyst
    case mlEngineer = "ml-engineer"
    case researcher
    case dataEngineer = "data-engineer"
    case sre
    case platform
}

/// What a service account runs.
enum FixtureService: String, CaseIterable {
    case embed, rag, index, eval, deploy, report

    var role: FixtureRole {
        switch self {
        case .embed, .rag: .inference
        case .index: .dataEngineer
        case .eval: .mlEngineer
        case .deploy: .platform
        case .report: .analyst
        }
    }
}

/// One line of the identity directory, and where its requests come from.
struct FixtureIdentity {
    let uid: String
    let role: FixtureRole
    let department: String
    /// Nil for people.
    let service: FixtureService?
    let aliases: [String]
    let manager: String
    /// ISO date, empty when there is none.
    var endDate: String
    let address: String
    let userAgent: String

    var mail: String { aliases.first ?? "" }
    var kind: String { service == nil ? "human" : "service" }
    var peerGroup: String { service.map { "svc-\($0.rawValue)" } ?? "\(role.rawValue)-\(department)" }
}

/// Everyone of the day, in the order of the directory.
struct FixtureRoster {
    var people: [FixtureIdentity] = []
    private(set) var services: [FixtureIdentity] = []
    private(set) var insiders: [FixtureIdentity] = []

    private static let roles: [FixtureRole] = [
        .inference, .analyst, .mlEngineer, .inference, .dataEngineer, .researcher, .inference, .sre, .analyst,
        .inference,
        .platform, .mlEngineer, .inference, .researcher, .analyst, .dataEngineer,
    ]
    private static let departments: [FixtureRole: [String]] = [
        .inference: ["support", "sales", "marketing", "legal"], .analyst: ["finance", "product"], .mlEngineer: ["ml"],
        .researcher: ["research"], .dataEngineer: ["data"], .sre: ["operations"], .platform: ["platform"],
    ]
    private static let programs: [FixtureRole: [String]] = [
        .inference: ["assistant-web/4.12.0", "assistant-desktop/2.9.1"],
        .analyst: ["notebook/7.2.1", "bi-connector/1.18.0"],
        .mlEngineer: ["model-cli/0.31.2", "python-httpx/0.28.1"],
        .researcher: ["python-httpx/0.28.1", "notebook/7.2.1"],
        .dataEngineer: ["pipeline-sdk/5.4.0", "python-requests/2.32.3"], .sre: ["gateway-cli/1.6.0", "curl/8.9.1"],
        .platform: ["gateway-cli/1.6.0", "terraform-provider-gateway/0.9.3"],
    ]
    private static let rotation: [FixtureService] = [.embed, .rag, .index, .embed, .rag, .eval, .deploy, .report]

    init(seed: UInt64, normal: Int, date: FixtureDate) {
        let serviceCount = normal / 8
        var random = SeededRandom(seed: seed, stream: 1 << 40)
        var managers: [String: String] = [:]
        func person(_ number: Int, _ role: FixtureRole, address: String) -> FixtureIdentity {
            let digits = String(number)
            let uid = "u-" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
            let departments = FixtureRoster.departments[role] ?? ["general"]
            let department = departments[number % departments.count]
            let manager = managers[department] ?? ""
            if manager.isEmpty { managers[department] = uid }
            // A few contracts end later this year or next: a date alone is no signal.
            let endDate = number % 23 == 0 ? date.adding(random.pick(20...200)).extended : ""
            return FixtureIdentity(
                uid: uid, role: role, department: department, service: nil,
                aliases: ["\(uid)@example.com", "reg-\(uid.dropFirst(2))"],
                manager: manager, endDate: endDate, address: address,
                userAgent: random.pick(FixtureRoster.programs[role] ?? ["curl/8.9.1"]))
        }
        func office(_ number: Int) -> String { "10.24.\(number / 200).\(number % 200 + 20)" }
        for number in 1...max(1, normal - serviceCount) {
            people.append(
                person(number, FixtureRoster.roles[(number - 1) % FixtureRoster.roles.count], address: office(number)))
        }
        var counts: [FixtureService: Int] = [:]
        for number in 0..<serviceCount {
            let service = FixtureRoster.rotation[number % FixtureRoster.rotation.count]
            let count = (counts[service] ?? 0) + 1
            counts[service] = count
            let uid = "svc-\(service.rawValue)-" + (count < 10 ? "0" : "") + "\(count)"
            services.append(
                FixtureIdentity(
                    uid: uid, role: service.role, department: "platform", service: service,
                    aliases: ["\(uid)@svc.example.com"],
                    manager: managers["platform"] ?? "", endDate: "",
                    address: "10.80.\(number / 200).\(number % 200 + 10)",
                    userAgent: "\(service.rawValue)-worker/2.\(number % 7).0"))
        }
        for (offset, signal) in InsiderSignal.allCases.enumerated() {
            let number = people.count + 1 + offset
            insiders.append(person(number, signal.role, address: office(number)))
        }
    }

    /// `uid,aliases,kind,department,role,peer_group,manager,end_date`; aliases separated by semicolons.
    var csv: String {
        var lines = ["uid,aliases,kind,department,role,peer_group,manager,end_date"]
        for identity in people + insiders + services {
            lines.append(
                [
                    identity.uid, identity.aliases.joined(separator: ";"), identity.kind, identity.department,
                    identity.role.rawValue, identity.peerGroup, identity.manager, identity.endDate,
                ].joined(separator: ","))
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
