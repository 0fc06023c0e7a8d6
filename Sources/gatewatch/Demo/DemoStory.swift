// SPDX-License-Identifier: Apache-2.0

import Foundation
import LocalServices

/// What the demo's insiders do, each against the running gateway, and what has to stop them.
struct DemoStory: Sendable {
    /// One insider.
    struct Part: Sendable {
        let uid: String
        /// What the person is up to, in one sentence.
        let deed: String
        /// Names of the rules that have to fire.
        let rules: [String]
        /// Does the deed; the faults it returns are sentences about what should have been refused and was not.
        let play: @Sendable (DemoPerson, Narrator) async throws -> [String]
    }

    /// Prints what happens, one line at a time.
    struct Narrator: Sendable {
        let uid: String
        let say: @Sendable (String) -> Void
        func callAsFunction(_ text: String) { say("\(uid)  \(text)") }
    }

    /// How long an insider goes on before the demo says that nobody stopped it.
    private static let patience = Duration.seconds(20)

    /// Repeats a request until it is refused with one of `statuses`.
    private static func untilRefused(
        _ statuses: [Int], every pause: Duration = .milliseconds(20),
        _ request: () async throws -> DemoPerson.Answer
    ) async throws -> (served: Int, answer: DemoPerson.Answer?) {
        let deadline = ContinuousClock.now + patience
        var served = 0
        while ContinuousClock.now < deadline {
            let answer = try await request()
            if statuses.contains(answer.status) { return (served, answer) }
            served += 1
            try await Task.sleep(for: pause)
        }
        return (served, nil)
    }

    // MARK: The insiders

    static func bulkPull(_ uid: String) -> Part {
        Part(
            uid: uid, deed: "an analyst pulls the contracts collection, 2,000 vectors at a time",
            rules: ["gw_bulk_vectors_10m"]
        ) { person, say in
            let token = try person.token(session: "demo-bulk")
            let (served, answer) = try await untilRefused([403]) {
                try await person.query("contracts", limit: 2000, token)
            }
            guard let answer else { return ["\(uid) pulled \(served * 2000) vectors and was not stopped"] }
            say("pulled \(served * 2000) vectors, then: 403 \(answer.problem ?? "") (\(answer.detail))")
            return answer.approval == nil ? ["the refusal of \(uid) names no approval to ask for"] : []
        }
    }

    static func checkpoints(_ uid: String) -> Part {
        Part(
            uid: uid, deed: "an engineer downloads checkpoints without an approval, one of them 1 GiB",
            rules: ["gw_checkpoint_without_approval", "gw_checkpoint_many"]
        ) { person, say in
            let token = try person.token(session: "demo-checkpoints")
            async let large = person.checkpoint("large-llm-70b", token, slowly: true)
            // The large one is under way before the small ones raise the alarm.
            try await Task.sleep(for: .milliseconds(200))
            for name in ["llm-7b", "llm-13b"] { _ = try await person.checkpoint(name, token) }
            let answer = try await large
            guard answer.wasCut else {
                return ["the download of \(uid) was not cut: \(answer.status), \(answer.bytes) bytes"]
            }
            say(
                "the running download was cut after \(answer.bytes >> 20) of \(LocalUpstream.largeCheckpoint >> 20) MiB"
            )
            let (_, refused) = try await untilRefused([401]) { try await person.checkpoint("llm-34b", token) }
            guard let refused else { return ["the token of \(uid) was not revoked"] }
            say("the next download: 401 \(refused.problem ?? "") (\(refused.detail))")
            return []
        }
    }

    static func trainingData(_ uid: String) -> Part {
        Part(
            uid: uid, deed: "someone who only ever uses inference reads the training corpus",
            rules: ["gw_training_data_by_inference"]
        ) { person, say in
            let token = try person.token(session: "demo-corpus")
            _ = try await person.embed(3, token)
            let counter = Counting()
            let (served, answer) = try await untilRefused([403]) {
                try await person.corpus("part-\(await counter.next()).jsonl", token)
            }
            guard let answer else { return ["\(uid) read \(served) objects of the corpus and was not stopped"] }
            say("read \(served) objects of the corpus, then: 403 \(answer.problem ?? "")")
            return []
        }
    }

    static func offWindow(_ uid: String) -> Part {
        Part(
            uid: uid, deed: "an operator switches masking off outside of every deployment window",
            rules: ["gw_off_window_change"]
        ) { person, say in
            let token = try person.token(session: "demo-config")
            let (served, answer) = try await untilRefused([403]) { try await person.configure("ingest-main", token) }
            guard let answer else { return ["\(uid) made \(served) changes and was not stopped"] }
            say("made \(served) change\(served == 1 ? "" : "s"), then: 403 \(answer.problem ?? "")")
            return []
        }
    }

    static func failThenSucceed(_ uid: String) -> Part {
        Part(
            uid: uid, deed: "six stolen tokens are for other services, the seventh works",
            rules: ["gw_fail_then_succeed"]
        ) { person, say in
            for index in 0..<6 {
                let other = try person.token(session: "demo-other-\(index)", secondsAgo: 5, audience: "wiki")
                let answer = try await person.embed(1, other)
                guard answer.status == 401 else { return ["a wiki token of \(uid) was accepted: \(answer.status)"] }
            }
            let token = try person.token(session: "demo-stolen", secondsAgo: 5)
            let (served, answer) = try await untilRefused([401]) { try await person.embed(1, token) }
            guard let answer else { return ["the token of \(uid) worked \(served) times and was not revoked"] }
            say("the token worked \(served) time\(served == 1 ? "" : "s"), then: 401 (\(answer.detail))")
            // Signing in again is open to the owner: tokens were revoked, not the person.
            try await Task.sleep(for: .milliseconds(1100))
            let again = try await person.embed(1, person.token(session: "demo-again"))
            guard again.status == 200 else { return ["\(uid) could not sign in again: \(again.status)"] }
            say("a token from a new sign-in works: 200")
            return []
        }
    }

    static func leaver(_ uid: String) -> Part {
        Part(uid: uid, deed: "a contractor's token still works after the last day", rules: ["gw_leaver_use"]) {
            person, say in
            let token = try person.token(session: "demo-leaver", secondsAgo: 60)
            let (served, answer) = try await untilRefused([401, 403]) {
                try await person.query("contracts", limit: 10, token)
            }
            guard let answer else { return ["the leaver \(uid) was served \(served) times and not stopped"] }
            say("was served \(served) time\(served == 1 ? "" : "s"), then: \(answer.status) (\(answer.detail))")
            return []
        }
    }

    static func chain(_ uid: String) -> Part {
        Part(
            uid: uid, deed: "a break-in, then the training corpus, then a checkpoint: each step alone may be harmless",
            rules: [
                "gw_fail_then_succeed", "gw_training_data_by_inference", "gw_checkpoint_without_approval", "gw_chain",
            ]
        ) { person, say in
            for index in 0..<6 {
                _ = try await person.embed(
                    1, person.token(session: "demo-chain-\(index)", secondsAgo: 5, audience: "wiki"))
            }
            let first = try person.token(session: "demo-chain", secondsAgo: 5)
            let (_, revoked) = try await untilRefused([401]) { try await person.embed(1, first) }
            guard revoked != nil else { return ["the token of \(uid) was not revoked after the break-in"] }
            // The intruder has the password too, and signs in again.
            try await Task.sleep(for: .milliseconds(1100))
            let token = try person.token(session: "demo-chain-2")
            let counter = Counting()
            let (read, _) = try await untilRefused([403]) {
                try await person.corpus("part-\(await counter.next()).jsonl", token)
            }
            let answer = try await person.checkpoint("large-llm-70b", token, slowly: true)
            guard answer.wasCut || answer.status == 401 || answer.status == 403 else {
                return ["\(uid) got the checkpoint: \(answer.status), \(answer.bytes) bytes"]
            }
            say(
                "signed in again, read \(read) objects of the corpus; its checkpoint was cut after \(answer.bytes >> 20) MiB"
            )
            let (_, locked) = try await untilRefused([401]) { try await person.embed(1, token) }
            guard let locked else { return ["\(uid) was not locked down"] }
            say("locked down: 401 (\(locked.detail))")
            return []
        }
    }

    // MARK: Somebody honest

    /// Asks for more than policy gives without a second person, and gets it.
    static func approved(_ uid: String, approve: @escaping @Sendable (_ request: String) async throws -> Void) -> Part {
        Part(uid: uid, deed: "an analyst needs 5,000 vectors at once, which takes a second person", rules: []) {
            person, say in
            let token = try person.token(session: "demo-approval")
            let first = try await person.query("contracts", limit: 5000, token)
            guard first.status == 403, let request = first.approval else {
                return ["5,000 vectors did not ask for an approval: \(first.status)"]
            }
            say("asked for 5,000 vectors: 403 \(first.problem ?? "")")
            async let second = person.query("contracts", limit: 5000, token, headers: [("prefer", "wait=20")])
            try await approve(request)
            let answer = try await second
            guard answer.status == 200 else {
                return ["the approved request of \(uid) was refused: \(answer.status) \(answer.detail)"]
            }
            say("was approved by sam@example.com while the same request waited: 200")
            return []
        }
    }

    /// Counts for one player.
    private actor Counting {
        private var value = 0
        func next() -> Int {
            value += 1
            return value
        }
    }
}
