// SPDX-License-Identifier: Apache-2.0

import Calendar
import Fixtures
import Foundation
import Testing

/// Normal work stays below the thresholds and insiders cross them, by naive windows and no detector.
@Suite struct ThresholdTests {
    private static let requests: Set<String> = [
        "embeddings.create", "vectors.query", "vectors.export", "vectors.upsert",
    ]

    private func normal() throws -> [String: [ParsedEvent]] {
        let (day, events) = try SharedDay.result.get()
        let insiders = Set(day.insiders.map(\.identity))
        return events.byIdentity.filter { !insiders.contains($0.key) }
    }

    private func insider(_ signal: InsiderSignal) throws -> [ParsedEvent] {
        let (day, events) = try SharedDay.result.get()
        let insider = try #require(day.insiders.first { $0.signal == signal })
        return events.filter { $0.identity == insider.identity }
    }

    private func calendar() throws -> ICalendar {
        try ICalendar(text: SharedDay.result.get().day.calendarICS, file: "deployment.ics")
    }

    @Test func normalItemsAndRequestsStayBelowAndComeNear() throws {
        var mostItems = 0
        var mostRequests = 0
        for events in try normal().values {
            mostItems = max(mostItems, events.largest(within: 600_000) { $0.items })
            mostRequests = max(mostRequests, events.largest(within: 60_000) { $0.count })
        }
        #expect((10_000..<15_000).contains(mostItems), "\(mostItems)")
        #expect((100..<200).contains(mostRequests), "\(mostRequests)")
    }

    /// Floors of the long windows: an hour, a day, bytes, collections, writes.
    @Test func normalWorkOfAnHourAndADayStaysFarBelow() throws {
        let read: Set<String> = ["embeddings.create", "vectors.query", "vectors.export"]
        for (identity, events) in try normal() {
            let requests = events.filter { read.contains($0.operation ?? "") && $0.succeeded }
            #expect(requests.largest(within: 3_600_000) { $0.items } < 60_000 / 3, "\(identity)")
            #expect(requests.largest(within: 86_400_000) { $0.items } < 50_000, "\(identity)")
            let bytes = requests.largest(within: 3_600_000) {
                $0.reduce(0) { $0 + ($1.integer("http_response.length") ?? 0) }
            }
            #expect(bytes < 2_000_000_000 / 10, "\(identity)")
            #expect(requests.largest(within: 3_600_000) { Set($0.compactMap(\.resource)).count } < 25, "\(identity)")
            let writes = events.filter { ["vectors.upsert", "corpus.write"].contains($0.operation) && $0.succeeded }
            #expect(writes.largest(within: 3_600_000) { $0.items } < 10_000, "\(identity)")
            let refused = events.filter { $0.operation?.hasPrefix("vectors.") == true && !$0.succeeded }
            #expect(refused.largest(within: 600_000) { Set($0.compactMap(\.resource)).count } < 5, "\(identity)")
        }
    }

    @Test func normalFailuresOfOneAddressAreOfOneIdentity() throws {
        let failures = try normal().values.joined().filter {
            $0.isLogon && !$0.succeeded && $0.text("status_detail") != "expired token"
        }
        let identities = Dictionary(grouping: failures) { $0.text("src_endpoint.ip") ?? "" }
            .mapValues { Set($0.map(\.identity)).count }
        #expect(identities.count >= 10)
        #expect(identities.values.allSatisfy { $0 < 3 })
    }

    @Test func normalSessionsStayAtOneAddress() throws {
        let events = try normal().values.joined().filter { !$0.isLogon }
        let sessions = Dictionary(grouping: events) { $0.text("actor.session.uid") ?? "" }
        #expect(sessions.count > 100)
        for (session, events) in sessions {
            #expect(Set(events.compactMap { $0.text("src_endpoint.ip") }).count == 1, "\(session)")
        }
    }

    @Test func normalDownloadsAreApprovedAndRanged() throws {
        var downloads = 0
        for events in try normal().values {
            #expect(events.unapprovedCheckpoints.isEmpty)
            let own = events.filter { $0.operation == "checkpoint.download" }
            downloads += own.isEmpty ? 0 : 1
            #expect(Set(own.compactMap(\.resource)).count <= 1)
            #expect(
                own.largest(within: 3_600_000) { $0.reduce(0) { $0 + ($1.integer("http_response.length") ?? 0) } }
                    < 20_000_000_000)
        }
        #expect(downloads >= 5)
    }

    @Test func normalFailuresStayBelowFiveAndExpiredTokensDoNotCount() throws {
        let identities = try normal()
        let most = identities.values.map(\.failuresBeforeSuccess)
        #expect(most.max() == 4)
        #expect(most.filter { $0 > 0 }.count >= 15)
        let expired = identities.values.filter { events in
            events.count { $0.text("status_detail") == "expired token" } >= 8
        }
        #expect(expired.count >= 3)
    }

    @Test func onlyRolesWithTheCorpusReadItAmongNormalIdentities() throws {
        for events in try normal().values where events.contains(where: { $0.operation == "corpus.read" }) {
            let role = try #require(events.first?.role)
            #expect(["data-engineer", "researcher"].contains(role))
        }
    }

    @Test func normalChangesAreInsideTheWindowsAndHaveATicket() throws {
        let calendar = try calendar()
        let changes = try normal().values.flatMap(\.configurationChanges)
        #expect(changes.count >= 20)
        for change in changes {
            #expect(calendar.contains(change.time), "\(change.identity) at \(change.time)")
            #expect(change.text("unmapped.change_id") != nil)
        }
    }

    @Test func theBulkInsiderPullsMoreThanTwentyThousandItemsInTenMinutes() throws {
        let events = try insider(.bulkRequests).filter { ["vectors.query", "vectors.export"].contains($0.operation) }
        #expect(events.largest(within: 600_000) { $0.items } >= 40_000)
    }

    @Test func theCheckpointInsiderTakesThreeAndTwentyGigabytesWithinAnHour() throws {
        let events = try insider(.checkpointDownload).filter { $0.operation == "checkpoint.download" }
        #expect(events.largest(within: 3_600_000) { $0.unapprovedCheckpoints.count } >= 3)
        #expect(
            events.largest(within: 3_600_000) { $0.reduce(0) { $0 + ($1.integer("http_response.length") ?? 0) } }
                >= 20_000_000_000)
    }

    @Test func theTrainingDataInsiderIsInferenceOnlyAndIsRefusedTwice() throws {
        let events = try insider(.trainingData)
        let reads = events.filter { $0.operation == "corpus.read" }
        #expect(reads.prefix(2).allSatisfy { $0.integer("action_id") == 2 && !$0.succeeded })
        #expect(reads.dropFirst(2).count >= 3)
        #expect(reads.dropFirst(2).allSatisfy { $0.succeeded })
        let others = events.filter { !$0.isLogon && $0.operation != "corpus.read" }
        #expect(others.count >= 10)
        #expect(others.allSatisfy { ["embeddings.create", "vectors.query"].contains($0.operation) })
        #expect(events.allSatisfy { $0.role == "inference" })
    }

    @Test func theOffWindowInsiderWeakensMaskingAndUndoesItWithinTheHour() throws {
        let calendar = try calendar()
        let changes = try insider(.offWindowChange).configurationChanges
        #expect(changes.count == 3)
        #expect(changes.allSatisfy { !calendar.contains($0.time) && $0.text("unmapped.change_id") == nil })
        let masking = changes.filter { $0.text("unmapped.setting") == "masking.enabled" }
        #expect(masking.map { $0.text("unmapped.new_value") } == ["false", "true"])
        let (first, last) = (try #require(masking.first), try #require(masking.last))
        #expect(last.time - first.time < 3_600_000)
        // 03:12 in Berlin.
        #expect((first.time - 1_794_956_400_000) / 60_000 == 192)
    }

    @Test func theGuessingInsiderFailsNineTimesAndSucceedsFromANewAddress() throws {
        let logons = try insider(.failThenSucceed).filter(\.isLogon)
        #expect([ParsedEvent](logons).failuresBeforeSuccess == 9)
        let failures = logons.filter { !$0.succeeded }
        #expect(try #require(failures.last).time - #require(failures.first).time < 240_000)
        let success = try #require(logons.last)
        #expect(success.succeeded)
        #expect(!logons.dropLast().contains { $0.text("src_endpoint.ip") == success.text("src_endpoint.ip") })
    }

    @Test func theChainRunsInOrderWithinADay() throws {
        let events = try insider(.chain)
        #expect(events.failuresBeforeSuccess >= 5)
        let success = try #require(events.first { $0.isLogon && $0.succeeded }).time
        let corpus = try #require(events.first { $0.operation == "corpus.read" }).time
        let checkpoint = try #require(events.first { $0.operation == "checkpoint.download" }).time
        #expect(success < corpus && corpus < checkpoint && checkpoint - success < 86_400_000)
        #expect(events.unapprovedCheckpoints.count >= 3)
        #expect(events.allSatisfy { $0.role == "inference" })
    }

    @Test func insidersCrossOnlyTheirOwnThreshold() throws {
        for signal in InsiderSignal.allCases {
            let events = try insider(signal)
            let requests = events.filter { Self.requests.contains($0.operation ?? "") }
            #expect(
                (requests.largest(within: 600_000) { $0.items } >= 20_000) == (signal == .bulkRequests), "\(signal)")
            #expect(
                events.unapprovedCheckpoints.isEmpty == (signal != .checkpointDownload && signal != .chain), "\(signal)"
            )
            #expect(
                (events.failuresBeforeSuccess >= 5) == (signal == .failThenSucceed || signal == .chain), "\(signal)")
            #expect(events.configurationChanges.isEmpty == (signal != .offWindowChange), "\(signal)")
        }
    }

    @Test func storiesSayWhenItHappens() throws {
        let (day, events) = try SharedDay.result.get()
        for insider in day.insiders {
            let own = events.filter { $0.identity == insider.identity }
            #expect(own.contains { $0.time == insider.from } && own.contains { $0.time == insider.to })
            #expect(!insider.story.isEmpty && !insider.expected.isEmpty)
            if insider.signal != .offWindowChange {
                // A morning of normal work comes first, or belongs to the chain.
                #expect(own.count >= 15)
            }
        }
    }

    @Test(arguments: [2, 3, 4, 5, 6] as [UInt64])
    func otherSeedsKeepTheSameDistance(seed: UInt64) throws {
        let day = try FixtureDay(seed: seed)
        let insiders = Set(day.insiders.map(\.identity))
        for (identity, events) in try day.events.map(ParsedEvent.init).byIdentity where !insiders.contains(identity) {
            #expect(events.largest(within: 600_000) { $0.items } < 15_000, "\(identity)")
            #expect(events.largest(within: 60_000) { $0.count } < 200, "\(identity)")
            #expect(events.failuresBeforeSuccess < 5, "\(identity)")
        }
    }
}
