// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Connections
import Foundation
import Testing
import YAMLDocument

@Suite("Policy")
struct PolicyTests {
    private static let routes = """
        - { match: "POST /q/{ns}", operation: vectors.query, namespace: ["{ns}", "{/also}"], items: { from: /limit, default: all },
            query_text: [/text] }
        - { match: "GET /w/{name}", operation: checkpoint.download, namespace: "{name}", items: 1 }
        - { match: "PUT /c/{name}", operation: config.change, namespace: "{name}" }
        - { match: "GET /list", operation: vectors.query }
        - { match: "GET /health", operation: other }
        """

    /// A connection with a policy in flow style.
    private func policy(_ text: String, _ more: String = "") throws -> Connection {
        try connection(routes: Self.routes, "policy: \(text)\n\(more)")
    }

    private func decide(
        _ connection: Connection, _ method: String, _ path: String, _ body: String = "", groups: [String] = ["it"],
        justification: String? = nil, changeID: String? = nil, isApproved: Bool = false, now: Int64 = 0
    ) throws -> Decision {
        let match = try connection.match(method, path)
        let facts: RequestFacts
        if case .inspect = match.body {
            facts = try match.facts(body: Array(body.utf8), contentType: "application/json", contentEncoding: nil)
        } else {
            facts = try match.facts(contentLength: body.utf8.count)
        }
        let caller = PolicyCaller(
            groups: groups, justification: justification, changeID: changeID, isApproved: isApproved)
        return connection.policy.evaluate(match, facts, caller: caller, now: now)
    }

    private func denial(_ decision: Decision) -> Decision.Denial? {
        if case .deny(let denial) = decision { denial } else { nil }
    }

    private func demand(_ decision: Decision) -> Decision.ApprovalDemand? {
        if case .needsApproval(let demand) = decision { demand } else { nil }
    }

    @Test func `without rules everything that is mapped is allowed`() throws {
        let open = try policy("{}")
        #expect(try decide(open, "POST", "/q/hr", #"{"limit": 1}"#) == .allow(policy: "c"))
        #expect(try decide(open, "GET", "/health") == .allow(policy: "c"))
    }

    @Test func `a namespace is open to the groups of the first glob that matches`() throws {
        let scoped = try policy(#"{ namespaces: { "hr-public": "*", "hr-*": [hr, security], default: [it] } }"#)
        #expect(denial(try decide(scoped, "POST", "/q/hr-files"))?.status == 403)
        #expect(denial(try decide(scoped, "POST", "/q/hr-files"))?.policy == "c/namespaces")
        #expect(denial(try decide(scoped, "POST", "/q/hr-files", groups: ["hr"])) == nil)
        #expect(denial(try decide(scoped, "POST", "/q/hr-files", groups: ["x", "security"])) == nil)
        #expect(denial(try decide(scoped, "POST", "/q/hr-public", groups: [])) == nil)
        #expect(denial(try decide(scoped, "POST", "/q/papers")) == nil)
        #expect(denial(try decide(scoped, "POST", "/q/papers", groups: ["hr"])) != nil)
        #expect(denial(try decide(scoped, "POST", "/q/HR-files")) == nil, "names differ by case")
        #expect(denial(try decide(scoped, "POST", "/q/%68r-files")) != nil, "the name is decoded")
    }

    @Test func `each namespace that a body names has to be open`() throws {
        let scoped = try policy(#"{ namespaces: { "hr-*": [hr], default: "*" } }"#)
        #expect(denial(try decide(scoped, "POST", "/q/papers", #"{"also": "hr-files"}"#)) != nil)
        #expect(denial(try decide(scoped, "POST", "/q/papers", #"{"al\u0073o": "hr\u002dfiles"}"#)) != nil)
        #expect(denial(try decide(scoped, "POST", "/q/papers", #"{"also": "notes"}"#)) == nil)
        #expect(
            refusal { try decide(scoped, "POST", "/q/papers", #"{"also": ["hr-files"]}"#) }?.kind == .unreadableMember)
        #expect(
            refusal { try decide(scoped, "POST", "/q/p", #"{"also": "a", "also": "hr-files"}"#) }?.kind
                == .ambiguousJSON)
        #expect(refusal { try decide(scoped, "POST", "/q/papers", #"{"Also": "hr-files"}"#) }?.kind == .ambiguousJSON)
    }

    @Test func `without default what no glob matches is closed, and so is what names no namespace`() throws {
        let closed = try policy(#"{ namespaces: { "a*": "*" } }"#)
        #expect(denial(try decide(closed, "POST", "/q/a")) == nil)
        #expect(denial(try decide(closed, "POST", "/q/b")) != nil)
        #expect(denial(try decide(closed, "GET", "/list")) != nil)
        #expect(denial(try decide(closed, "GET", "/health")) == nil)
        let passing = try policy(#"{ namespaces: { "a*": "*" } }"#, "unmatched: other")
        #expect(denial(try decide(passing, "GET", "/unknown")) != nil)
    }

    @Test func `limits hold at the line and refuse past it`() throws {
        let limited = try policy("{ limits: { query_length: 8, items: 100, request_bytes: 1KiB } }")
        #expect(denial(try decide(limited, "POST", "/q/a", #"{"limit": 100}"#)) == nil)
        #expect(denial(try decide(limited, "POST", "/q/a", #"{"limit": 101}"#))?.status == 422)
        let everything = denial(try decide(limited, "POST", "/q/a", "{}"))
        #expect(everything?.status == 422)
        #expect(everything?.detail.contains("everything") == true)
        #expect(denial(try decide(limited, "POST", "/q/a", #"{"limit": 1, "text": "12345678"}"#)) == nil)
        #expect(denial(try decide(limited, "POST", "/q/a", #"{"limit": 1, "text": "1234567é"}"#))?.status == 422)
        #expect(denial(try decide(limited, "POST", "/q/a", #"{"limit": 1, "text": "\u0031234567"}"#)) == nil)
        let large = #"{"limit": 1, "x": "\#(String(repeating: "a", count: 2_000))"}"#
        #expect(refusal { try decide(limited, "POST", "/q/a", large) }?.status == 413)
        #expect(denial(try decide(limited, "PUT", "/c/a", String(repeating: "a", count: 1_024))) == nil)
        #expect(denial(try decide(limited, "PUT", "/c/a", String(repeating: "a", count: 1_025)))?.status == 413)
        #expect(limited.policy.limits.requestBytes == 1_024)
    }

    @Test func `over the line or for its operation a request needs an approval, unless one covers it`() throws {
        let text = """
            { approval: [{ name: export, operations: [checkpoint.download], needed: 2, approvers: [security, leads] }, { items: 1000 }] }
            """
        let guarded = try policy(text)
        #expect(demand(try decide(guarded, "POST", "/q/a", #"{"limit": 1000}"#)) == nil)
        let over = demand(try decide(guarded, "POST", "/q/a", #"{"limit": 1001}"#))
        #expect(over?.policy == "c/approval")
        #expect(over?.needed == 1)
        #expect(over?.approvers == [])
        #expect(demand(try decide(guarded, "POST", "/q/a", "{}")) != nil)
        let download = demand(try decide(guarded, "GET", "/w/m"))
        #expect(download?.policy == "c/export")
        #expect(download?.needed == 2)
        #expect(download?.approvers == ["security", "leads"])
        #expect(try decide(guarded, "GET", "/w/m", isApproved: true) == .allow(policy: "c"))
        #expect(try decide(guarded, "POST", "/q/a", "{}", isApproved: true) == .allow(policy: "c"))
    }

    @Test func `an approval lifts no limit, no scope and no blocked pattern`() throws {
        let strict = try policy("{ limits: { items: 5 }, approval: { items: 1 }, namespaces: { a: it, default: hr } }")
        #expect(denial(try decide(strict, "POST", "/q/a", #"{"limit": 6}"#, isApproved: true))?.policy == "c/limits")
        #expect(
            denial(try decide(strict, "POST", "/q/b", #"{"limit": 1}"#, isApproved: true))?.policy == "c/namespaces")
    }

    @Test func `a checkpoint needs a reason of some length`() throws {
        let reasoned = try policy("{ justification: { header: X-Why, min_length: 10 } }")
        #expect(reasoned.policy.justificationHeader == "x-why")
        #expect(denial(try decide(reasoned, "GET", "/w/m"))?.policy == "c/justification")
        #expect(denial(try decide(reasoned, "GET", "/w/m", justification: "123456789")) != nil)
        #expect(denial(try decide(reasoned, "GET", "/w/m", justification: "  123456789     ")) != nil)
        #expect(denial(try decide(reasoned, "GET", "/w/m", justification: "1234567890")) == nil)
        #expect(denial(try decide(reasoned, "POST", "/q/a")) == nil)
    }

    @Test func `a configuration change outside of its window is denied or needs an approval`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "connections-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let calendar = """
            BEGIN:VCALENDAR
            BEGIN:VEVENT
            UID:1
            DTSTART:20261121T100000Z
            DTEND:20261121T110000Z
            SUMMARY:Release
            END:VEVENT
            BEGIN:VEVENT
            UID:2
            DTSTART:20261121T103000Z
            DTEND:20261121T104000Z
            CATEGORIES:FREEZE
            SUMMARY:Audit
            END:VEVENT
            END:VCALENDAR

            """
        try calendar.replacing("\n", with: "\r\n").write(
            to: folder.appending(path: "windows.ics"), atomically: true, encoding: .utf8)
        let start: Int64 = 1_795_255_200_000
        for (outside, isDenied) in [("deny", true), ("approval", false)] {
            let yaml = """
                connections:
                  - name: c
                    path: /
                    upstream: http://127.0.0.1:1
                    routes: [{ match: "PUT /c/{name}", operation: config.change }, { match: GET /x, operation: vectors.query }]
                    policy:
                      deployment_window: { calendar: windows.ics, outside: \(outside), require_change: true, approvers: [ops] }
                """
            let file = folder.appending(path: "c-\(outside).yml")
            try yaml.write(to: file, atomically: true, encoding: .utf8)
            let windowed = try #require(try ConnectionSet(paths: [file.path]).connections.first)
            let inside = try decide(windowed, "PUT", "/c/a", changeID: "CHG-1", now: start)
            #expect(inside == .allow(policy: "c"))
            let before = try decide(windowed, "PUT", "/c/a", changeID: "CHG-1", now: start - 1)
            #expect((denial(before) != nil) == isDenied)
            #expect((demand(before)?.approvers == ["ops"]) == !isDenied)
            let frozen = try decide(windowed, "PUT", "/c/a", changeID: "CHG-1", now: start + 31 * 60_000)
            #expect((denial(frozen)?.detail ?? demand(frozen)?.detail)?.contains("Audit") == true)
            #expect(
                try decide(windowed, "PUT", "/c/a", changeID: "CHG-1", now: start + 3_600_000) != .allow(policy: "c"))
            #expect(
                denial(try decide(windowed, "PUT", "/c/a", changeID: " ", now: start)) != nil,
                "a change ticket is asked for")
            let approved = try decide(windowed, "PUT", "/c/a", changeID: "CHG-1", isApproved: true, now: 0)
            #expect(approved == .allow(policy: "c"))
            #expect(try decide(windowed, "GET", "/x", now: 0) == .allow(policy: "c"))
        }
    }

    @Test func `the rules are asked in their order`() throws {
        let text = """
            { namespaces: { a: it, default: hr }, blocked_patterns: [{ name: p, pattern: bad }], limits: { items: 10 },
              approval: { items: 5 }, justification: { operations: [vectors.query] } }
            """
        let all = try policy(text)
        func rule(_ decision: Decision) -> String? { denial(decision)?.policy ?? demand(decision)?.policy }
        #expect(rule(try decide(all, "POST", "/q/b", #"{"limit": 11, "text": "bad"}"#)) == "c/namespaces")
        #expect(rule(try decide(all, "POST", "/q/a", #"{"limit": 11, "text": "bad"}"#)) == "c/blocked_patterns/p")
        #expect(rule(try decide(all, "POST", "/q/a", #"{"limit": 11}"#)) == "c/limits")
        #expect(rule(try decide(all, "POST", "/q/a", #"{"limit": 10}"#)) == "c/approval")
        #expect(rule(try decide(all, "POST", "/q/a", #"{"limit": 5}"#)) == "c/justification")
        #expect(try decide(all, "POST", "/q/a", #"{"limit": 5}"#, justification: "x") == .allow(policy: "c"))
    }
}
