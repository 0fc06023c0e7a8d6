// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOHTTP1
import Synchronization
import Testing

/// People who send one request after the other, and every answer that they got.
final class GatewayLoad: Sendable {
    struct Answer: Sendable {
        let id: String
        let status: Int
        let problem: String?
    }

    private struct State {
        var gateway: GatewayProcess
        var answers: [Answer] = []
        var failures = 0
        var isOver = false
    }

    private let state: Mutex<State>
    private let tokens: [String]
    private let workers: Int
    /// For another service: refused.
    private let wrongToken: String
    /// What everybody asks for; nil is a mix of requests that are served and refused.
    private let path: String?
    private let pause: Duration

    /// - Parameters:
    ///   - workers: how many requests there are at once, of so many `people` in turn.
    init(
        _ stage: GatewayStage, _ gateway: GatewayProcess, people: Int, workers: Int, path: String? = nil,
        pause: Duration = .milliseconds(200)
    ) throws {
        self.workers = workers
        tokens = try (0..<people).map { try stage.token("u-\($0)") }
        wrongToken = try stage.token("eve", audience: "wiki")
        self.path = path
        self.pause = pause
        state = Mutex(State(gateway: gateway))
    }

    var answers: [Answer] { state.withLock { $0.answers } }
    /// Requests that got no answer, or not a whole one.
    var failures: Int { state.withLock { $0.failures } }

    /// Sends requests to another process from now on.
    func turn(to gateway: GatewayProcess) { state.withLock { $0.gateway = gateway } }

    /// Waits for so many answers from now on.
    func waitForAnswers(_ count: Int) async throws {
        let goal = answers.count + count
        try await eventually("\(goal) answers; there are \(answers.count)") { answers.count >= goal }
    }

    /// Works while `body` runs, and lets the last requests end.
    func run(_ body: (GatewayLoad) async throws -> Void) async throws {
        let work = Task {
            await withTaskGroup(of: Void.self) { tasks in
                for index in 0..<workers { tasks.addTask { await self.work(index) } }
            }
        }
        do {
            try await body(self)
        } catch {
            state.withLock { $0.isOver = true }
            await work.value
            throw error
        }
        state.withLock { $0.isOver = true }
        await work.value
    }

    private func work(_ index: Int) async {
        var round = 0
        while true {
            let (gateway, isOver) = state.withLock { ($0.gateway, $0.isOver) }
            if isOver { return }
            do {
                let answer = try await send(gateway, tokens[(index + round * workers) % tokens.count], index, round)
                let kept = Answer(id: answer.id, status: answer.status, problem: answer.problem)
                state.withLock { $0.answers.append(kept) }
            } catch {
                state.withLock { $0.failures += 1 }
                // Nobody listens while the gateway is dead.
                try? await Task.sleep(for: .milliseconds(50))
            }
            round += 1
            if pause > .zero { try? await Task.sleep(for: pause) }
        }
    }

    private func send(_ gateway: GatewayProcess, _ token: String, _ index: Int, _ round: Int) async throws
        -> GatewayProcess.Answer
    {
        if let path { return try await gateway.send(.GET, path, token: token) }
        switch (index + round) % 8 {
        case 0: return try await gateway.query(token, limit: 20)
        case 1: return try await gateway.send(.GET, "/corpus/dialogs/part-\(round).jsonl", token: token)
        case 2: return try await gateway.send(.GET, "/nowhere/\(round)", token: token)
        case 3: return try await gateway.embed(wrongToken)
        case 4: return try await gateway.embed(nil)
        case 5:
            return try await gateway.send(
                .GET, "/registry/api/2.0/mlflow-artifacts/artifacts/1/\(round)/model.bin", token: token)
        default: return try await gateway.embed(token, inputs: 2)
        }
    }

    /// Checks that every answer has one event and no event came twice.
    ///
    /// - Parameter unanswered: at most so many events may be of requests that were recorded and not answered.
    func expectEach(in events: [GatewayEvents.Event], unanswered: Int) throws {
        let uids = events.map(\.uid)
        #expect(Set(uids).count == uids.count, "\(uids.count - Set(uids).count) events came twice")
        let answered = Set(answers.map(\.id))
        #expect(answered.count == answers.count && !answered.contains(""))
        let missing = answered.subtracting(uids)
        #expect(missing.isEmpty, "\(missing.count) of \(answered.count) answers have no event")
        // Refused tokens are Authentication events, everything else is an activity.
        let refused = Set(answers.filter { $0.status == 401 }.map(\.id))
        let requests = events.filter(\.isRequest).map(\.uid)
        let extra = Set(requests).subtracting(answered).count
        #expect(requests.count == answers.count - refused.count + extra)
        #expect(extra <= unanswered, "\(extra) events of requests that were not answered")
        let authentications = events.filter { $0.class_uid == 3002 && $0.metadata.correlation_uid == nil }.map(\.uid)
        let extraRefusals = Set(authentications).subtracting(refused).count
        #expect(authentications.count == refused.count + extraRefusals && extra + extraRefusals <= unanswered)
        for kind in [200, 401, 404] { #expect(answers.contains { $0.status == kind }, "no answer was \(kind)") }
    }
}
