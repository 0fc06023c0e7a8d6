// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import AuditEvent
import Foundation
import LocalServices

/// Everyone in the demo.
struct DemoCast: Sendable {
    let directory: IdentityDirectory
    let gateway: String
    let issuer: LocalIssuer
    let issuerPort: Int
    let client: HTTPClient

    func person(_ uid: String) -> DemoPerson? {
        directory.entries.first { $0.uid == uid }.map { entry in
            let role = entry.attributes["role"] ?? ""
            return DemoPerson(
                uid: uid, email: entry.aliases.first ?? uid, groups: [role], role: role, gateway: gateway,
                issuer: issuer,
                issuerPort: issuerPort, client: client)
        }
    }

    /// Everybody else's day, in short: no request of it may be refused.
    func normalWork(_ uids: [String]) async -> (requests: Int, refusals: Int, faults: [String]) {
        var total = (requests: 0, refusals: 0, faults: [String]())
        await withTaskGroup(of: (requests: Int, faults: [String]).self) { tasks in
            var waiting = uids.makeIterator()
            func next() {
                guard let uid = waiting.next(), let person = person(uid) else { return }
                tasks.addTask { await Self.work(person) }
            }
            // A few at a time: they share two cores with everything else.
            for _ in 0..<8 { next() }
            for await result in tasks {
                total.requests += result.requests
                total.faults += result.faults
                next()
            }
        }
        return total
    }

    private static func work(_ person: DemoPerson) async -> (requests: Int, faults: [String]) {
        var faults: [String] = []
        do {
            // Some programs try a token of another service first; four failures are one too few for an alarm.
            if person.uid.hasSuffix("5") {
                for index in 0..<4 {
                    _ = try await person.embed(
                        1, person.token(session: "\(person.uid)-wiki-\(index)", audience: "wiki"))
                }
            }
            let token = try person.token(session: "\(person.uid)-day")
            var answers: [DemoPerson.Answer] = []
            for _ in 0..<3 { answers.append(try await person.embed(4, token)) }
            switch person.role {
            case "analyst", "researcher", "sre":
                for _ in 0..<5 { answers.append(try await person.query("kb-product", limit: 50, token)) }
            case "data-engineer":
                for index in 0..<3 { answers.append(try await person.corpus("part-\(index).jsonl", token)) }
            default:
                for _ in 0..<3 { answers.append(try await person.query("kb-product", limit: 10, token)) }
            }
            for answer in answers where answer.status != 200 {
                faults.append("\(person.uid), who did nothing wrong, was refused: \(answer.status) \(answer.detail)")
            }
        } catch {
            faults.append("\(person.uid) could not work: \(error)")
        }
        return (person.requests, faults)
    }
}
