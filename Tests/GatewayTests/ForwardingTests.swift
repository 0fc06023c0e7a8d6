// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOHTTP1
import Testing

extension GatewayTests {
    @Suite struct Forwarding {
        @Test func aRequestIsForwardedCountedAndRecorded() async throws {
            try await Stage.with { stage in
                let answer = try await stage.query(stage.token(), limit: 7)
                #expect(answer.status == 200, "\(answer.body)")
                #expect(answer.body.contains(#""points":[{"id":0"#))
                let events = try await stage.events()
                #expect(events.count == 2)
                let login = try #require(events.first { $0.class_uid == 3002 })
                #expect(login.who == "ana@example.com" && login.status_id == 1)
                let query = try #require(events.first { $0.class_uid == 6003 })
                #expect(query.who == "ana@example.com" && query.api?.operation == "vectors.query")
                #expect(query.unmapped.items == 7 && query.resources?.first?.name == "docs")
                #expect(query.api?.service?.name == "vectors" && query.http_response.code == 200)
                #expect(query.http_response.length == Int64(answer.body.utf8.count))
                #expect(query.metadata.uid == answer.headers.first(name: "gatewatch-request-id"))
                _ = try await stage.query(stage.token())
                let sessions = try await stage.events().filter { $0.class_uid == 3002 }
                #expect(sessions.count == 1, "one login per session")
            }
        }

        @Test func withoutATokenNothingPasses() async throws {
            try await Stage.with { stage in
                let answer = try await stage.query(nil)
                #expect(answer.status == 401)
                #expect(answer.headers.first(name: "www-authenticate") == #"Bearer realm="gatewatch""#)
                #expect(answer.headers.first(name: "content-type") == "application/problem+json")
                let events = try await stage.events()
                #expect(events.count == 1)
                #expect(events.first?.class_uid == 3002 && events.first?.status_code == "missing")
            }
        }
    }
}
