// SPDX-License-Identifier: Apache-2.0

extension DayPlan {
    /// A service's day, around the clock. Batches stay below 15,000 items in ten minutes and 200 requests in a minute.
    mutating func serviceDay(windows: [Range<Int>]) {
        for shift in 0..<4 { logon(shift * 21_600 + random.pick(60...900)) }
        switch who.service {
        case .embed: embedBatches()
        case .rag:
            retryWithExpiredToken()
            for _ in 0..<random.pick(180...240) {
                // Two of three questions come in office hours.
                let minute = random.chance(66) ? random.pick(480...1_080) : random.pick(20...1_430)
                request(
                    minute * 60 + random.pick(0...59), .vectorsQuery, .collection("kb-support"),
                    items: random.pick(5...20))
            }
        case .index: indexRuns()
        case .eval:
            for run in 0..<3 {
                var second = (run * 420 + random.pick(60...300)) * 60
                request(second, .checkpointList, .model(random.pick(DayPlan.checkpoints)))
                for _ in 0..<random.pick(25...40) {
                    second += random.pick(2...12)
                    request(second, .embeddingsCreate, .model("gw-embed-v4"), items: random.pick(32...64))
                }
            }
        case .deploy:
            for window in windows { deployment(in: window, changes: random.pick(4...8)) }
            for probe in 0..<48 { request(probe * 1_790 + random.pick(0...120), .other, .database("status")) }
        case .report:
            retryWithExpiredToken()
            for hour in 1..<24 {
                for _ in 0..<random.pick(2...4) {
                    request(
                        hour * 3_600 + random.pick(0...900), .sqlQuery, .database("usage_mart"),
                        items: random.pick(50...400))
                }
            }
        case nil: break
        }
    }

    /// Slots of four hours with one batch each; one of them is the large one: up to 150 requests within a minute.
    private mutating func embedBatches() {
        let large = random.pick(0...5)
        for slot in 0..<6 {
            let start = slot * 14_400 + random.pick(300...6_000)
            if slot == large {
                for _ in 0..<random.pick(120...150) {
                    request(
                        start + random.pick(0...54), .embeddingsCreate, .model("gw-embed-v4"),
                        items: random.pick(80...96))
                }
            } else {
                var second = start
                for _ in 0..<random.pick(16...40) {
                    request(second, .embeddingsCreate, .model("gw-embed-v4"), items: random.pick(64...256))
                    second += random.pick(1...8)
                }
            }
        }
    }

    /// Corpus → embeddings → vectors, four times a day.
    private mutating func indexRuns() {
        for run in 0..<4 {
            var second = run * 21_600 + random.pick(1_200...7_200)
            for _ in 0..<random.pick(8...10) {
                request(second, .corpusRead, .corpus("dialogs-curated"), items: random.pick(200...500))
                second += random.pick(3...15)
            }
            for _ in 0..<random.pick(10...12) {
                request(second, .embeddingsCreate, .model("gw-embed-v4"), items: random.pick(100...300))
                second += random.pick(2...10)
                request(second, .vectorsUpsert, .collection("kb-support"), items: random.pick(100...300))
                second += random.pick(2...10)
            }
        }
    }

    /// What a detector of failed logons has to leave out: a machine that retries with a token that has run out.
    private mutating func retryWithExpiredToken() {
        guard random.chance(60) else { return }
        logon(random.pick(120...1_300) * 60, failures: random.pick(8...30), reason: "expired token", apart: 1...5)
    }
}
