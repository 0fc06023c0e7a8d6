// SPDX-License-Identifier: Apache-2.0

extension DayPlan {
    private static let collections = ["kb-support", "kb-product", "contracts", "tickets", "catalog", "research-notes"]
    private static let corpora = ["web-2026-09", "dialogs-curated", "code-dedup", "papers-v3"]
    static let checkpoints = [
        "gw-base-7b", "gw-chat-7b", "gw-base-34b", "gw-embed-v4", "gw-rerank-v2", "gw-vision-11b",
    ]
    private static let databases = ["sales_mart", "usage_mart", "ops_mart"]

    /// An office day: log on, bursts of work with a dip at noon, perhaps a second session.
    ///
    /// - Parameters:
    ///   - mistypes: failed attempts before the first logon; nil leaves it to chance (at most three).
    ///   - until: the second of the day after which nothing happens.
    mutating func officeDay(mistypes: Int? = nil, until: Int = 86_400) {
        let start = random.pick(450...585) * 60
        let end = min(start + random.pick(450...540) * 60, until)
        let noon = random.pick(700...795) * 60
        let lunch = noon..<(noon + random.pick(30...60) * 60)
        let failures = mistypes ?? (random.chance(20) ? random.pick(1...3) : 0)
        let first = logon(start, failures: failures) + random.pick(20...120)
        if lunch.upperBound + 600 < end, random.chance(45) {
            logon(lunch.upperBound + random.pick(0...300), failures: random.chance(8) ? random.pick(1...2) : 0)
        }
        // Fewer bursts in a day that is cut short.
        let bursts = max(2, random.pick(8...12) * (end - first) / 29_000)
        for _ in 0..<bursts {
            var second = random.pick(first...max(first, end - 600))
            if lunch.contains(second), !random.chance(12) { second = lunch.upperBound + random.pick(60...3_000) }
            for _ in 0..<random.pick(3...8) {
                guard second < end else { break }
                work(second)
                second += random.pick(4...70)
            }
        }
        if who.role == .sre || who.role == .platform {
            request(first, .sessionOpen, .database("host-\(random.pick(10...40))"))
            request(end, .sessionClose, .database("host-\(random.pick(10...40))"))
        }
    }

    /// One thing that a person of this role does.
    private mutating func work(_ second: Int) {
        switch who.role {
        case .inference: random.chance(55) ? search(second, 3...20) : embed(second, 1...16)
        case .analyst: random.chance(60) ? sql(second) : search(second, 5...50)
        case .mlEngineer:
            switch random.weighted([5, 2, 3]) {
            case 0: embed(second, 16...128)
            case 1: request(second, .checkpointList, .model(random.pick(DayPlan.checkpoints)))
            default: search(second, 10...50)
            }
        case .researcher:
            switch random.weighted([4, 3, 3]) {
            case 0: embed(second, 64...384)
            case 1: request(second, .corpusRead, .corpus(random.pick(DayPlan.corpora)), items: random.pick(50...500))
            default: search(second, 20...100)
            }
        case .dataEngineer:
            switch random.weighted([4, 2, 2, 3]) {
            case 0: request(second, .corpusRead, .corpus(random.pick(DayPlan.corpora)), items: random.pick(100...600))
            case 1: request(second, .corpusWrite, .corpus(random.pick(DayPlan.corpora)), items: random.pick(50...300))
            case 2:
                request(
                    second, .vectorsUpsert, .collection(random.pick(DayPlan.collections)), items: random.pick(100...500)
                )
            default: sql(second)
            }
        case .sre, .platform: random.chance(50) ? sql(second) : request(second, .other, .database("status"))
        }
    }

    private mutating func search(_ second: Int, _ items: ClosedRange<Int>) {
        let collection = random.pick(DayPlan.collections)
        // Now and then someone opens a collection of another team, or one whose answers are masked.
        let roll = random.pick(1...200)
        request(second, .vectorsQuery, .collection(collection), items: random.pick(items)) { draft in
            if roll == 1 {
                draft.decision = .denied
                draft.policy = "namespace-scope"
            } else if roll < 12 {
                draft.decision = .masked
                draft.policy = "mask-personal-data"
            }
        }
    }

    private mutating func embed(_ second: Int, _ items: ClosedRange<Int>) {
        let busy = random.pick(1...150) == 1
        request(second, .embeddingsCreate, .model("gw-embed-v4"), items: random.pick(items)) { draft in
            guard busy else { return }
            draft.code = 429
            draft.bytesOut = 180
            draft.items = nil
        }
    }

    private mutating func sql(_ second: Int) {
        request(second, .sqlQuery, .database(random.pick(DayPlan.databases)), items: random.pick(1...200))
    }

    /// Ranged GETs of one checkpoint, 512 MiB each.
    mutating func download(
        _ checkpoint: String, at second: Int, parts: Int, bytes: Int = 512 << 20, apart: ClosedRange<Int>,
        approval: String?,
        from address: String? = nil
    ) {
        var second = second
        for _ in 0..<parts {
            request(second, .checkpointDownload, .checkpoint(checkpoint)) { draft in
                draft.code = 206
                draft.bytesOut = bytes
                draft.approval = approval
                if approval != nil { draft.policy = "checkpoint-with-approval" }
                if let address { draft.address = address }
            }
            second += random.pick(apart)
        }
    }

    /// A download as it should be: one checkpoint, approved.
    ///
    /// - Parameter approve: gives the id of the approval for a checkpoint at a time; made up without.
    mutating func approvedDownload(_ approve: ((String, Int64) -> String)? = nil) {
        let made = "apr-" + random.hex(8)
        let (checkpoint, second) = (random.pick(DayPlan.checkpoints), random.pick(600...960) * 60)
        let approval = approve?(checkpoint, midnight + Int64(second) * 1000) ?? made
        download(checkpoint, at: second, parts: random.pick(10...24), apart: 8...25, approval: approval)
    }

    /// Changes of the configuration under a ticket, within a deployment window given in minutes.
    mutating func deployment(in window: Range<Int>, changes: Int) {
        let ticket = "chg-\(random.pick(4_000...4_999))"
        let settings = ["replicas", "timeout_seconds", "image_digest", "cache_ttl_seconds", "batch_size"]
        var second = window.lowerBound * 60 + random.pick(60...(window.count * 60 - 1_200))
        for _ in 0..<changes {
            let policy = random.chance(15)
            let name = random.pick(["ingest-main", "rag-prod", "embed-prod", "eval-nightly"])
            let setting = (
                name: "\(name).\(random.pick(settings))", old: "\(random.pick(2...9))", new: "\(random.pick(10...40))"
            )
            request(
                second, policy ? .policyChange : .configChange, policy ? .policy("rate-limits") : .configuration(name)
            ) {
                $0.change = ticket
                $0.setting = setting
                $0.policy = "change-with-ticket"
            }
            second += random.pick(20...400)
            guard second < window.upperBound * 60 - 60 else { return }
        }
    }
}
