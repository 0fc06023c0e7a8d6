// SPDX-License-Identifier: Apache-2.0

import Fixtures
import Foundation
import Testing

@Suite struct FixtureDayTests {
    @Test func theSameSeedGivesTheSameBytes() throws {
        let (first, second) = (try FixtureDay(seed: 7), try FixtureDay(seed: 7))
        #expect(first.ndjson == second.ndjson)
        #expect(first.insiders == second.insiders)
        #expect(first.identitiesCSV == second.identitiesCSV)
        #expect(first.calendarICS == second.calendarICS)
    }

    @Test func anotherSeedGivesAnotherDay() throws {
        let (first, second) = (try FixtureDay(seed: 7), try FixtureDay(seed: 8))
        #expect(first.ndjson != second.ndjson)
        #expect(Set(first.events.map(\.json)).isDisjoint(with: second.events.map(\.json)))
    }

    @Test func everyLineIsAnEventWithItsRequiredFields() throws {
        let (day, events) = try SharedDay.result.get()
        #expect(day.ndjson.split(separator: UInt8(ascii: "\n")).count == events.count)
        let operations: Set<String> = [
            "embeddings.create", "vectors.query", "vectors.upsert", "vectors.delete", "vectors.export",
            "collection.change",
            "checkpoint.list", "checkpoint.download", "checkpoint.upload", "corpus.read", "corpus.write",
            "config.change",
            "policy.change", "sql.query", "session.open", "session.close", "other",
        ]
        for event in events {
            let classUID = try #require(event.integer("class_uid"))
            let activity = try #require(event.integer("activity_id"))
            #expect(event.integer("time").map(Int64.init) == event.time)
            #expect(event.integer("type_uid") == classUID * 100 + activity)
            #expect(event.integer("category_uid") == classUID / 1000)
            #expect(event.integer("severity_id") == 1)
            #expect([1, 2].contains(event.integer("status_id")))
            #expect(event.userUID == event.identity)
            #expect(event.role?.isEmpty == false)
            #expect(event.text("metadata.version") == "1.6.0")
            #expect(event.text("metadata.product.name") != nil)
            #expect(event.text("src_endpoint.ip") != nil)
            #expect(event.text("http_request.user_agent") != nil)
            if event.isLogon {
                #expect(event.text("service.name") == "idp")
                #expect(event.text("status_detail") != nil)
                #expect((event.text("session.uid") != nil) == event.succeeded)
            } else {
                #expect(classUID == 6003)
                #expect(operations.contains(try #require(event.operation)))
                #expect(event.text("api.service.name") != nil)
                #expect(event.text("actor.session.uid")?.isEmpty == false)
                #expect(event.resource != nil)
                for field in [
                    "http_request.length", "http_response.length", "http_response.code", "action_id", "disposition_id",
                ] {
                    #expect(event.integer(field) != nil, "\(field)")
                }
                #expect(event.text("policy.name") != nil)
            }
        }
    }

    @Test func eventsAreOrderedByTimeWithinTheDay() throws {
        let (day, _) = try SharedDay.result.get()
        let times = day.events.map(\.timeMilliseconds)
        #expect(times == times.sorted())
        // 18 November 2026 in Berlin, from midnight to midnight.
        #expect(try #require(times.first) >= 1_794_956_400_000)
        #expect(try #require(times.last) < 1_794_956_400_000 + 86_400_000)
    }

    @Test func idsAreUnique() throws {
        let (_, events) = try SharedDay.result.get()
        #expect(Set(events.compactMap(\.uid)).count == events.count)
        #expect(events.allSatisfy { $0.uid.flatMap(UUID.init(uuidString:)) != nil })
    }

    @Test func theSizeIsThatOfARealGateway() throws {
        let (day, _) = try SharedDay.result.get()
        #expect((12_000...17_000).contains(day.events.count))
        let mean = day.events.reduce(0) { $0 + $1.json.count } / day.events.count
        #expect((800...1_200).contains(mean))
    }

    @Test func twoHundredWorkNormallyAndSixDoNot() throws {
        let (day, events) = try SharedDay.result.get()
        let insiders = Set(day.insiders.map(\.identity))
        #expect(insiders.count == 6)
        #expect(day.insiders.map(\.signal) == InsiderSignal.allCases)
        let active = Set(events.map(\.identity))
        #expect(active.subtracting(insiders).count == 200)
        #expect(active.isSuperset(of: insiders))
        #expect(active.filter { $0.hasPrefix("svc-") }.count == 25)
    }

    @Test func everyIdentityIsInTheDirectoryOnce() throws {
        let (day, events) = try SharedDay.result.get()
        let rows = day.identitiesCSV.split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        #expect(rows.first?.joined(separator: ",") == "uid,aliases,kind,department,role,peer_group,manager,end_date")
        let people = rows.dropFirst()
        #expect(people.allSatisfy { $0.count == 8 })
        #expect(Set(people.map { String($0[0]) }) == Set(events.map(\.identity)))
        let aliases = people.flatMap { $0[1].split(separator: ";") }
        #expect(Set(aliases).count == aliases.count)
        // Nobody's contract has ended on the day.
        #expect(people.allSatisfy { $0[7].isEmpty || $0[7] > "2026-11-18" })
        let roles = Dictionary(uniqueKeysWithValues: people.map { (String($0[0]), String($0[4])) })
        #expect(events.allSatisfy { $0.role == roles[$0.identity] })
    }

    @Test(arguments: ["2026-02-29", "2026-11-31", "tomorrow", "", "1999-12-31", "2026-1-1", "２026-11-18"])
    func aDayThatIsNoneIsRefused(date: String) {
        #expect(throws: FixtureError.self) { try FixtureDay(date: date) }
    }

    @Test func sizesFromOneToThousandsAreMade() throws {
        for count in [1, 8, 1_000] {
            let day = try FixtureDay(date: "2027-07-06", normalIdentities: count)
            #expect(Set(day.events.map(\.identity)).count == count + 6)
        }
        #expect(throws: FixtureError.self) { try FixtureDay(normalIdentities: 0) }
    }
}
