// SPDX-License-Identifier: Apache-2.0

import Approvals
import AsyncHTTPClient
import Desk
import Foundation
import GRDB
import Hub
import Incidents
import Kafka
import LocalServices
import NIOCore
import NIOHTTP1
import Orders
import Paging
import Signing
import TestSupport
import Testing
import Web

@Suite struct ActionTests {
    /// Forms, and which role they take.
    private static let forms: [(path: String, fields: [(String, String)], role: Role)] = [
        ("/incidents/incident-1/comment", [("comment", "x")], .analyst),
        ("/incidents/incident-1/assign", [("to", "ana")], .analyst),
        ("/incidents/incident-1/disposition", [("disposition", "true"), ("reason", "x")], .analyst),
        ("/incidents/incident-1/close", [], .analyst), ("/incidents/incident-1/reopen", [], .analyst),
        ("/silences", [("matchers", "{rule=\"x\"}"), ("lifetime", "3600000"), ("comment", "x")], .analyst),
        ("/silences/x/expire", [], .analyst),
        ("/approvals/x", [("verdict", "once"), ("reason", "x"), ("lifetime", "3600000")], .approver),
        (
            "/orders", [("what", "lockdown"), ("subject", "eve"), ("reason", "x"), ("lifetime", "3600000")], .approver
        ),
        ("/orders/x/lift", [("reason", "x")], .approver), ("/deliveries/enable", [("target", "soc")], .admin),
        ("/deliveries/replay", [("id", "1")], .admin), ("/deliveries/test", [("receiver", "soc")], .admin),
        ("/tokens", [("name", "x"), ("role", "viewer"), ("lifetime", "86400000")], .admin),
        ("/tokens/x/revoke", [], .admin),
    ]

    @Test func aFormIsForTheRoleThatMay() async throws {
        try await ConsoleStage.with { stage in
            try await stage.alert("a1")
            for (subject, roles) in [
                ("viewer", [Role.viewer]), ("analyst", [.viewer, .analyst]), ("approver", [.viewer, .approver]),
            ] {
                let browser = try await stage.browser(subject)
                _ = try await browser.get("/")
                for form in Self.forms where !roles.contains(form.role) {
                    let answer = try await browser.post(form.path, form.fields)
                    #expect(answer.status == 403, "\(subject) \(form.path)")
                    #expect(answer.body.contains("takes the role \(form.role.rawValue)"), "\(subject) \(form.path)")
                }
            }
            let rows = try await stage.hub.database.read { try EvidenceChain.page(in: $0).items }
            #expect(Set(rows.map(\.action)) == ["person.login"])
            // None of them without the form's token, whoever it is.
            let admin = try await stage.browser("admin")
            for form in Self.forms {
                #expect(try await admin.post(form.path, form.fields, withToken: false).status == 403, "\(form.path)")
                #expect(try await admin.get(form.path + "/").status != 303)
            }
        }
    }

    @Test func anIncidentIsWorkedOn() async throws {
        try await ConsoleStage.with { stage in
            try await stage.alert("a1")
            let browser = try await stage.browser("analyst")
            let page = try await browser.get("/incidents/incident-1")
            let version = try #require(page.body.firstMatch(of: #/name="version" value="([0-9]+)"/#)?.1)
            func post(_ action: String, _ fields: [(String, String)]) async throws -> LocalBrowser.Page {
                try await browser.post("/incidents/incident-1/\(action)", fields)
            }
            let assigned = try await post("assign", [("to", "ana@example.com"), ("version", String(version))])
            #expect(assigned.location == "/incidents/incident-1?done=assigned")
            let seen = try await browser.get(try #require(assigned.location))
            #expect(seen.body.contains(#"<p class="notice good" role="status">Assigned.</p>"#))
            // Somebody was faster: nothing is done, and the page says why.
            let late = try await post("close", [("version", String(version))])
            #expect(late.status == 409)
            #expect(late.body.contains(#"class="notice bad" role="alert""#))
            // What could not be taken is still there.
            let comment = try await post("comment", [("comment", "bad\u{7}bell")])
            #expect(comment.status == 422)
            #expect(comment.body.contains("bad\u{7}bell</textarea>"))
            #expect(try await post("comment", [("comment", "asked\r\nthem")]).status == 303)
            #expect(try await post("disposition", [("disposition", "false")]).status == 422)
            #expect(try await post("disposition", [("disposition", "false"), ("reason", "nightly")]).status == 303)
            #expect(try await post("close", []).location?.hasSuffix("?done=closed") == true)
            #expect(try await post("dance", []).status == 404)
            let closed = try await browser.get("/incidents/incident-1").body
            for text in ["false positive: nightly", "asked", "by a person", "Open again"] {
                #expect(closed.contains(text), "\(text)")
            }
            let rows = try await stage.hub.database.read { try EvidenceChain.page(in: $0).items }
            #expect(
                rows.reversed().map(\.action) == [
                    "person.login", "incident.assign", "incident.comment", "incident.disposition", "incident.close",
                ])
            #expect(rows.allSatisfy { $0.actor == "ana@example.com" })
        }
    }

    @Test func aTokenIsShownOnce() async throws {
        try await ConsoleStage.with { stage in
            let browser = try await stage.browser("admin")
            _ = try await browser.get("/tokens")
            let made = try await browser.post(
                "/tokens", [("name", "ci"), ("role", "viewer"), ("lifetime", "86400000")])
            let secret = try #require(made.body.firstMatch(of: #/gwt_[A-Za-z0-9_-]{20,}/#)?.0)
            #expect(!(try await browser.get("/tokens").body.contains(secret)))
            let program = LocalBrowser(base: stage.base, client: stage.client)
            let bearer = [("authorization", "Bearer \(secret)")]
            #expect(try await program.get("/incidents", headers: bearer).status == 200)
            #expect(try await program.get("/tokens", headers: bearer).status == 403)
            let id = try #require(
                try await browser.get("/tokens").body.firstMatch(of: #/\/tokens\/([^/]+)\/revoke/#)?.1)
            #expect(try await browser.post("/tokens/\(id)/revoke", []).status == 303)
            #expect(try await program.get("/incidents", headers: bearer).status == 401)
        }
    }

    @Test func ordersAndApprovalsGoThroughTheTopics() async throws {
        try await ConsoleStage.with(withBroker: true) { stage in
            let producer = try KafkaProducer(properties: try #require(stage.broker).clientProperties, logger: quiet)
            defer { producer.close() }
            let question = ApprovalQuestion(
                requester: "mallory@example.com", connection: "weights", operation: "checkpoint.download",
                resources: ["checkpoint:llm-70b"], accessClass: "weights", policy: "two",
                reason: "A checkpoint needs an approval.", justification: "quarterly <b>evaluation</b>", items: 1,
                bytes: 1 << 30, needed: 2, approvers: [])
            let book = ApprovalBook(keys: try #require(stage.hub.configuration.control).keys)
            let request = try book.ask(question, now: stage.now).request
            let record = try request.signed(by: stage.gateway)
            _ = try await producer.send(
                topic: "gatewatch.approvals", key: Array(record.key.utf8), payload: record.value)
            let ben = try await stage.browser("approver")
            #expect(try await eventually { try await ben.get("/approvals").body.contains(request.id) })
            let page = try await ben.get("/approvals").body
            for text in ["checkpoint.download", "1 GiB", "quarterly &lt;b&gt;evaluation", "0 of 2 persons"] {
                #expect(page.contains(text), "\(text)")
            }
            let once = [("verdict", "once"), ("lifetime", "3600000"), ("reason", "agreed with ana")]
            let path = "/approvals/\(request.id)"
            #expect(try await ben.post(path, [("verdict", "once"), ("lifetime", "3600000")]).status == 422)
            #expect(try await eventually { try await ben.post(path, once).status == 303 })
            #expect(try await ben.get("/approvals").body.contains("1 of 2 persons"))
            #expect(try await ben.get("/").body.contains("checkpoint.download"))
            let cleo = try await stage.browser("second")
            _ = try await cleo.get("/approvals")
            #expect(try await cleo.post(path, once).status == 303)
            #expect(try await cleo.get("/approvals").body.contains("approved"))

            // A critical order: issued by one, lifted by two, and not by the one it is on.
            let issue = [
                ("type", "identity"), ("subject", "mallory@example.com"), ("what", "lockdown"), ("critical", "yes"),
                ("lifetime", "3600000"), ("reason", "weights at night"),
            ]
            #expect(try await ben.post("/orders", issue).location == "/orders?done=issued")
            let orders = try await ben.get("/orders").body
            let id = try #require(orders.firstMatch(of: #/action="\/orders\/([0-9a-f-]+)\/lift"/#)?.1)
            #expect(orders.contains("two persons lift it"))
            let lift = [("reason", "talked to them")]
            #expect(try await ben.post("/orders/\(id)/lift", lift).status == 303)
            #expect(try await ben.get("/orders").body.contains("One more person is needed"))
            #expect(try await ben.post("/orders/\(id)/lift", lift).status == 409)
            _ = try await cleo.get("/orders")
            #expect(try await cleo.post("/orders/\(id)/lift", lift).status == 303)
            #expect(!(try await cleo.get("/orders").body.contains("/orders/\(id)/lift")))
            let own = try await ben.post(
                "/orders", issue.map { $0.0 == "subject" ? ("subject", "cleo@example.com") : $0 })
            #expect(own.status == 303)
            let second = try #require(
                try await cleo.get("/orders").body.firstMatch(of: #/action="\/orders\/([0-9a-f-]+)\/lift"/#)?.1)
            let refused = try await cleo.post("/orders/\(second)/lift", lift)
            #expect(refused.status == 409)
        }
    }

    @Test func anOpenPageHearsOfChangesUntilTheSessionEnds() async throws {
        try await ConsoleStage.with { stage in
            let browser = try await stage.browser("analyst")
            _ = try await browser.get("/")
            let id = try #require(await browser.cookie("gatewatch"))
            var request = HTTPClientRequest(url: stage.base + "/events")
            request.headers.add(name: "cookie", value: "gatewatch=\(id)")
            let response = try await stage.client.execute(request, timeout: .seconds(60))
            #expect(response.headers["content-type"] == ["text/event-stream"])
            var text = ""
            var isTold = false
            for try await part in response.body {
                text += String(buffer: part)
                if !isTold {
                    isTold = true
                    // The first look is what later ones are compared with: an alert may come before it, so several do.
                    for index in 0..<5 {
                        try await stage.alert("live-\(index)", identity: "p\(index)", incident: "live-\(index)")
                        try await Task.sleep(for: .milliseconds(400))
                    }
                }
                if text.contains("event: change") {
                    if try await browser.post("/logout", []).status == 303 {
                        try await stage.alert("last-\(text.utf8.count)", identity: "z", incident: nil)
                    }
                }
            }
            #expect(text.contains("event: change\ndata: alerts incidents"))
            #expect(text.hasSuffix("event: end\ndata: session\n\n"))
        }
    }
}
