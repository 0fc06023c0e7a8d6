// SPDX-License-Identifier: Apache-2.0

/// What an insider of the fixture day does: the five signals and the chain.
package enum InsiderSignal: String, Sendable, CaseIterable {
    case bulkRequests = "bulk_requests"
    case checkpointDownload = "checkpoint_download"
    case trainingData = "training_data"
    case offWindowChange = "off_window_change"
    case failThenSucceed = "fail_then_succeed"
    case chain

    /// The `name` of the rules of `detectors/` that have to fire for this insider.
    package var expectedRules: [String] {
        switch self {
        case .bulkRequests: ["gw_bulk_vectors_10m"]
        case .checkpointDownload: ["gw_checkpoint_without_approval", "gw_checkpoint_many"]
        case .trainingData: ["gw_training_data_by_inference"]
        // It switches masking off, and on again within the hour.
        case .offWindowChange: ["gw_off_window_change", "gw_off_window_weakened", "gw_off_window_undone"]
        case .failThenSucceed: ["gw_fail_then_succeed"]
        case .chain:
            ["gw_fail_then_succeed", "gw_training_data_by_inference", "gw_checkpoint_without_approval", "gw_chain"]
        }
    }

    var role: FixtureRole {
        switch self {
        case .bulkRequests: .analyst
        case .checkpointDownload: .mlEngineer
        case .trainingData, .chain: .inference
        case .offWindowChange: .platform
        case .failThenSucceed: .sre
        }
    }
}

/// One insider of the fixture day.
package struct Insider: Sendable, Equatable {
    /// The resolved identity.
    package let identity: String
    package let signal: InsiderSignal
    /// What happens, in one sentence; times are Berlin's.
    package let story: String
    /// The names of the rules that have to fire.
    package var expected: [String] { signal.expectedRules }
    /// The first event of the deed, milliseconds since the epoch.
    package let from: Int64
    /// The last event of the deed, milliseconds since the epoch.
    package let to: Int64
}

extension DayPlan {
    /// A normal morning, then the deed.
    ///
    /// - Returns: the insider, with the time of the deed.
    mutating func insiderDay(_ signal: InsiderSignal) -> Insider {
        switch signal {
        case .bulkRequests: officeDay(mistypes: 0, until: clock(12, 30))
        case .checkpointDownload: officeDay(mistypes: 1, until: clock(15, 0))
        case .trainingData: officeDay(mistypes: 0, until: clock(12, 0))
        case .offWindowChange: officeDay(mistypes: 0, until: clock(13, 0))
        case .failThenSucceed: officeDay(mistypes: 0, until: clock(14, 0))
        // Nothing before the first link of the chain: this morning begins with it.
        case .chain: break
        }
        let background = drafts.count
        let story =
            switch signal {
            case .bulkRequests: bulk()
            case .checkpointDownload: checkpoints()
            case .trainingData: trainingData()
            case .offWindowChange: offWindow()
            case .failThenSucceed: failThenSucceed()
            case .chain: chain()
            }
        let times = drafts[background...].map(\.time)
        return Insider(
            identity: who.uid, signal: signal, story: story, from: times.min() ?? midnight, to: times.max() ?? midnight)
    }

    private func clock(_ hour: Int, _ minute: Int) -> Int { (hour * 60 + minute) * 60 }

    private mutating func bulk() -> String {
        for index in 0..<40 {
            request(
                clock(14, 7) + index * 10, index % 4 == 3 ? .vectorsExport : .vectorsQuery, .collection("contracts"),
                items: 1_000)
        }
        return
            "At 14:07 an analyst pulls 40,000 vectors of the contracts collection in under seven minutes, 1,000 at a time."
    }

    private mutating func checkpoints() -> String {
        logon(clock(19, 36))
        request(clock(19, 38), .checkpointList, .model("gw-base-34b"))
        for (index, name) in ["gw-base-34b", "gw-chat-7b", "gw-vision-11b", "gw-embed-v4"].enumerated() {
            download(
                name, at: clock(19, 40) + index * 600, parts: 8, bytes: 1 << 30, apart: 20...55, approval: nil)
        }
        return "From 19:40 an engineer downloads four checkpoints, 34 GB in 40 minutes, without an approval."
    }

    private mutating func trainingData() -> String {
        for index in 0..<9 {
            request(clock(13, 20) + index * 75, .corpusRead, .corpus("dialogs-curated"), items: 400) { draft in
                guard index < 2 else { return }
                draft.decision = .denied
                draft.policy = "corpus-readers"
            }
        }
        return
            "At 13:20 someone who only ever uses inference is refused the training corpus twice, then reads it seven times."
    }

    private mutating func offWindow() -> String {
        logon(clock(3, 6))
        let pipeline = FixtureResource.configuration("ingest-main")
        request(clock(3, 12), .configChange, pipeline) { $0.setting = ("masking.enabled", "true", "false") }
        request(clock(3, 14), .policyChange, .policy("audit-retention")) { $0.setting = ("retention.days", "365", "7") }
        for index in 0..<6 { request(clock(3, 18) + index * 40, .vectorsQuery, .collection("tickets"), items: 100) }
        request(clock(3, 49), .configChange, pipeline) { $0.setting = ("masking.enabled", "false", "true") }
        return
            "At 03:12, outside of every deployment window and without a ticket, masking is switched off; at 03:49 it is back on."
    }

    private mutating func failThenSucceed() -> String {
        let address = "203.0.113.77"
        let success = logon(clock(16, 30), failures: 9, apart: 22...26, from: address)
        for index in 0..<5 {
            request(success + 60 + index * 45, .sqlQuery, .database("ops_mart"), items: 120) { $0.address = address }
        }
        return
            "At 16:30 nine logons fail within four minutes with a wrong password, then one succeeds from a new address."
    }

    private mutating func chain() -> String {
        let address = "203.0.113.140"
        var success = logon(clock(8, 41), failures: 7, apart: 15...30, from: address)
        for _ in 0..<12 {
            success += random.pick(60...420)
            request(success, .vectorsQuery, .collection("kb-product"), items: random.pick(3...20)) {
                $0.address = address
            }
        }
        for index in 0..<6 {
            request(clock(15, 2) + index * 80, .corpusRead, .corpus("papers-v3"), items: 300) { $0.address = address }
        }
        for (index, name) in ["gw-base-7b", "gw-chat-7b", "gw-rerank-v2"].enumerated() {
            download(
                name, at: clock(21, 25) + index * 700, parts: 8, bytes: 1 << 30, apart: 25...60, approval: nil,
                from: address)
        }
        return
            "At 08:41 seven logons fail and one succeeds from a new address; at 15:02 the account, inference-only until then, "
            + "reads the training corpus; from 21:25 it downloads three checkpoints without an approval."
    }
}
