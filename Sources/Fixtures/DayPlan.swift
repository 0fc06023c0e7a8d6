// SPDX-License-Identifier: Apache-2.0

/// What one identity does in the day: collects its drafts and keeps its session.
struct DayPlan {
    let who: FixtureIdentity
    let midnight: Int64
    var random: SeededRandom
    private(set) var drafts: [FixtureDraft] = []
    /// Each logon that succeeded: its second after midnight and the session it opened.
    private var sessions: [(second: Int, uid: String)] = []
    private let before: String

    init(_ who: FixtureIdentity, midnight: Int64, random: SeededRandom) {
        self.who = who
        self.midnight = midnight
        self.random = random
        before = "s-" + self.random.hex(12)
    }

    /// The session at this second; before the first logon, one that was opened the day before.
    private func session(at second: Int) -> String {
        sessions.filter { $0.second <= second }.max { $0.second < $1.second }?.uid ?? before
    }

    /// Milliseconds since the epoch of so many seconds after midnight, with a random part of a second.
    mutating func time(_ second: Int) -> Int64 { midnight + Int64(second) * 1000 + Int64(random.pick(0...999)) }

    /// One request with sizes that go with the operation.
    mutating func request(
        _ second: Int, _ operation: FixtureOperation, _ resource: FixtureResource, items: Int? = nil,
        change: (inout FixtureDraft) -> Void = { _ in }
    ) {
        var draft = FixtureDraft(time(second), who, .request(operation, resource), session: session(at: second))
        let count = items ?? 1
        draft.items = items
        draft.bytesIn = 180 + random.pick(0...60) * 4
        draft.bytesOut = 400 + random.pick(0...90) * 8
        switch operation {
        case .embeddingsCreate:
            draft.bytesIn += count * 320
            draft.bytesOut = count * 6_144 + 220
        case .vectorsQuery, .vectorsExport: draft.bytesOut = count * 740 + 160
        case .vectorsUpsert: draft.bytesIn += count * 6_300
        case .corpusRead: draft.bytesOut = count * 2_900 + 300
        case .corpusWrite: draft.bytesIn += count * 2_900
        case .sqlQuery: draft.bytesOut = count * 96 + 240
        default: break
        }
        change(&draft)
        if draft.decision == .denied {
            draft.code = 403
            draft.bytesOut = 312
            draft.items = nil
        }
        drafts.append(draft)
    }

    /// Failures of a logon, the given number of seconds apart, then a success unless told otherwise. Starts a new session.
    ///
    /// - Returns: the second of the last attempt.
    @discardableResult mutating func logon(
        _ second: Int, failures: Int = 0, reason: String = "wrong password", apart: ClosedRange<Int> = 5...25,
        from address: String? = nil
    ) -> Int {
        var second = second
        for _ in 0..<failures {
            var draft = FixtureDraft(time(second), who, .logon(failure: reason), session: "")
            draft.code = 401
            drafts.append(draft)
            second += random.pick(apart)
        }
        let session = "s-" + random.hex(12)
        sessions.append((second, session))
        var draft = FixtureDraft(time(second), who, .logon(failure: nil), session: session)
        if let address { draft.address = address }
        drafts.append(draft)
        return second
    }
}
