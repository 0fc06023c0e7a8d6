// SPDX-License-Identifier: Apache-2.0

import Approvals
import AuditEvent
import Delivery
import Detection
import Fixtures
import Foundation
import Hub
import Incidents
import Logging
import Notifications
import Orders
import Pipeline
import Signing

/// Orders and approvals of the fixture month: what the detectors issue, what gateways ask, what people decide and lift.
final class FixtureControl {
    let keys: FixtureKeys
    let topics: ControlTopics
    private(set) var asked = 0
    private let month: FixtureMonth
    private let observing: Responder
    private let enforcing: Responder
    private var approvals: ApprovalBook
    /// Records that are on their way, by time.
    private var waiting: [(time: Int64, number: Int, record: ControlTimeline.Record)] = []
    private var numbers = 0

    init(month: FixtureMonth, directory: IdentityDirectory) throws {
        self.month = month
        let keys = try FixtureKeys()
        self.keys = keys
        let aliases = IdentityAliases(directory.entries.map { [$0.uid] + $0.aliases })
        topics = ControlTopics(keys: keys.trusted, aliases: aliases)
        approvals = ApprovalBook(keys: keys.trusted, aliases: aliases)
        let quiet = Logger(label: "fixture") { _ in SwiftLogNoOpLogHandler() }
        func responder(_ mode: OrderSafety.Mode) -> Responder {
            Responder(
                settings: EnforcementSettings(
                    key: keys.detect, safety: OrderSafety.Settings(mode: mode, shareFloor: 5),
                    knownIdentities: directory.entries.count, aliases: aliases), logger: quiet)
        }
        observing = responder(.observe)
        enforcing = responder(.enforce)
    }

    /// The security team's webhook.
    static func receiver() throws -> Receiver {
        let secret = try WebhookSecret(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
        let target = try WebhookTarget(name: "soc", url: "https://soc.example.com/hooks/gatewatch", secrets: [secret])
        return Receiver(name: "soc", integrations: [.init(target: target, format: .webhook, sendsResolved: true)])
    }

    /// When a message arrives: within a second; on the last Thursday from noon (UTC) the receiver is away for forty minutes; one in 300
    /// is refused.
    static func arrival(_ message: String, _ time: Int64, _ month: FixtureMonth) -> Int64? {
        let number = Array(message.utf8).withUnsafeBytes { stableHash($0) }
        if number % 300 == 7 { return nil }
        let outage = month.midnight(month.dayCount - 4) + 13 * 3_600_000
        if (outage..<outage + 2_400_000).contains(time) { return outage + 2_400_000 + Int64(number % 5_000) }
        return time + 40 + Int64(number % 700)
    }

    // MARK: Orders

    /// The finding with the decision in it, and the order where one is issued: from the second half of the month on, before that orders are
    /// only observed.
    func answer(_ alert: Alert, at time: Int64) -> (finding: [UInt8], order: ControlTimeline.Record?) {
        guard alert.response != nil else { return (alert.ocsf(), nil) }
        let begins = month.midnight(month.dayCount - month.options.days / 2)
        let answer = (time < begins ? observing : enforcing).answer(alert, now: time)
        guard let order = answer.order else { return (answer.alert.ocsf(), nil) }
        return (
            answer.alert.ocsf(), ControlTimeline.Record(topic: .orders, key: order.key, value: order.value)
        )
    }

    // MARK: Approvals

    /// The id of the request that covers a download; who asked for it and who said yes is on its way.
    func approval(for need: FixtureMonth.ApprovalNeed) -> String {
        let number = Int(need.at / 1000)
        let request = request(
            need.identity, "checkpoint.download", "checkpoint:\(need.checkpoint)", connection: "model-registry",
            accessClass: "weights", words: "evaluation run \(number % 900 + 100)", at: need.at - 20 * 60_000)
        guard let request else { return "apr-\(number)" }
        decide(request, .approve, "planned in the evaluation calendar", at: need.at - Int64(4 + number % 12) * 60_000)
        return request.id
    }

    /// Requests that lead to nothing: one that is refused, one that nobody answers.
    func ask(on day: Int) throws {
        guard day >= month.options.history, !month.people.isEmpty else { return }
        let start = month.midnight(day)
        let who = month.people[day * 7 % month.people.count]
        switch day % 7 {
        case 1, 3:
            let at = start + 14 * 3_600_000 + Int64(day) * 61_000
            guard
                let request = request(
                    who, "vectors.export", "collection:contracts", connection: "vectors-prod", accessClass: "vectors",
                    words: "a copy for a notebook", at: at)
            else { return }
            decide(request, .deny, "use the query interface instead", at: at + 9 * 60_000)
        case 4:
            _ = request(
                who, "corpus.read", "corpus:dialogs-curated", connection: "training-corpus",
                accessClass: "training_data", words: "looking for examples", at: start + 17 * 3_600_000)
        default: break
        }
    }

    private func request(
        _ who: String, _ operation: String, _ resource: String, connection: String, accessClass: String, words: String,
        at time: Int64
    ) -> ApprovalRequest? {
        let question = ApprovalQuestion(
            requester: who, connection: connection, operation: operation, resources: [resource],
            accessClass: accessClass, policy: "\(accessClass)-with-approval",
            reason: "\(operation) needs an approval here", justification: words, approvers: ["security"])
        guard let (request, isNew) = try? approvals.ask(question, now: time), isNew,
            let record = try? request.signed(by: keys.gateway)
        else { return nil }
        _ = approvals.apply(record.value, key: record.key, now: time)
        asked += 1
        send(record, .approvals, at: time)
        return request
    }

    private func decide(
        _ request: ApprovalRequest, _ verdict: ApprovalDecision.Verdict, _ words: String, at time: Int64
    ) {
        let (name, key) = keys.people[Int(time / 60_000) % keys.people.count]
        let decision = ApprovalDecision(
            requestID: request.id, by: FixtureKeys.mail(name), verdict: verdict, validUntil: time + 3_600_000,
            reason: words,
            at: time)
        guard let record = try? decision.signed(by: key) else { return }
        _ = approvals.apply(record.value, key: record.key, now: time)
        send(record, .approvals, at: time)
    }

    private func send(_ record: SignedRecord, _ topic: ControlTimeline.Record.Topic, at time: Int64) {
        numbers += 1
        waiting.append((time, numbers, ControlTimeline.Record(topic: topic, key: record.key, value: record.value)))
        // The next one last.
        waiting.sort { ($1.time, $1.number) < ($0.time, $0.number) }
    }

    /// When the next record is there.
    var next: Int64? { waiting.last?.time }

    func take() -> [ControlTimeline.Record] { waiting.popLast().map { [$0.record] } ?? [] }
}
