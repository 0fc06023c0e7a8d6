// SPDX-License-Identifier: Apache-2.0

import API
import Desk
import Foundation
import Independent
import NIOHTTP1
import Signing
import Testing

@Suite struct APITests {
    private let root = "/api/v1"

    /// The table itself says what each operation takes: nobody else gets further than its refusal.
    @Test func everyOperationIsForThoseWhoMayAndNobodyElse() async throws {
        try await Stage.with { stage in
            let table = API(desk: stage.desk, version: "1").table
            #expect(table.count >= 40 && Set(table.map(\.id)).count == table.count)
            #expect(Set(table.map(\.permission)) == Set(Permission.allCases))
            for operation in table {
                let path = operation.path.replacing(/\{[a-z]+\}/, with: "1")
                let method = HTTPMethod(rawValue: operation.method)
                let nobody = try await stage.ask(method, path)
                #expect(nobody.status == 401 && nobody.problem == "unauthenticated", "\(operation.id)")
                #expect(nobody.headers.first(name: "WWW-Authenticate")?.hasPrefix("Bearer") == true)
                for (role, token) in stage.tokens {
                    let answer = try await stage.ask(method, path, token: token)
                    let may = operation.permission.role == role || operation.permission.role == .viewer
                    #expect((answer.status == 403) == !may, "\(operation.id) as \(role): \(answer.text)")
                    #expect(answer.status < 500 && answer.status != 401)
                    if !may { #expect(answer.problem == "forbidden") }
                }
            }
            for token in ["", "gwt_", "gwt_" + String(repeating: "A", count: 43)] {
                #expect(try await stage.ask(.GET, root + "/me", token: token).status == 401)
            }
        }
    }

    @Test func whatWasSeenIsAnswered() async throws {
        try await Stage.with { stage in
            func ask(_ path: String) async throws -> Stage.Answer {
                let answer = try await stage.ask(.GET, root + path, token: stage.boss)
                #expect(answer.status == 200, "\(path): \(answer.text)")
                return answer
            }
            let ana = "/identities/ana@example.com"
            let activity = try await ask(ana + "/activity")
            #expect(activity.text.contains("checkpoint.download") && activity.text.contains("m-2"))
            let session = try #require(try await ask(ana + "/sessions").items.first)
            #expect(session["user_agent"] as? String == "curl/8" && session["bytes_out"] as? Int == 12_288)
            let users = try await ask("/resource-users?name=m-1").items
            #expect(users.map { $0["identity"] as? String } == ["ana@example.com"])
            let identity = try #require(try await ask("/identities?prefix=ana").items.first)
            #expect(identity["groups"] as? [String] == ["ml", "<b>"])
            let first = try await ask("/recordings?limit=2")
            #expect(first.items.count == 2)
            let cursor = try #require(first.json["next"] as? String)
            #expect(try await ask("/recordings?limit=2&cursor=\(cursor)").items.count == 1)
            #expect(try await ask("/recordings/event-1").text.contains("weights <b>"))
            #expect(try await ask("/recorded-sessions/1/replay").items.count == 3)
        }
    }

    @Test func whatDoesNotFitIsRefusedByItsName() async throws {
        try await Stage.with(hasRecordings: false) { stage in
            var problems: [[String: Any]] = []
            func status(
                _ method: HTTPMethod, _ path: String, _ body: String? = nil, _ headers: [(String, String)] = []
            ) async throws -> String {
                let answer = try await stage.ask(method, root + path, token: stage.boss, body: body, headers: headers)
                #expect(answer.status == answer.json["status"] as? Int && answer.status >= 400, "\(path)")
                #expect(answer.headers.first(name: "Content-Type") == "application/problem+json")
                #expect((answer.json["detail"] as? String)?.isEmpty == false)
                problems.append(answer.json)
                return "\(answer.status) \(answer.json["field"] as? String ?? "-")"
            }
            #expect(try await status(.GET, "/nothing") == "404 -")
            #expect(try await status(.GET, "/incidents/") == "404 -")
            #expect(try await status(.GET, "/incidents/none-of-this") == "404 -")
            #expect(try await status(.GET, "/incidents/x") == "422 id")
            #expect(try await status(.GET, "/alerts?rule=%FF") == "400 -")
            #expect(try await status(.GET, "/alerts/%0A") == "400 alert")
            #expect(try await status(.GET, "/alerts/%00") == "400 alert")
            #expect(try await status(.DELETE, "/incidents") == "405 -")
            #expect(try await status(.POST, "/me") == "405 -")
            #expect(try await status(.GET, "/alerts?color=red") == "400 color")
            #expect(try await status(.GET, "/alerts?rule=a&rule=b") == "400 rule")
            #expect(try await status(.GET, "/alerts?rule=") == "400 rule")
            #expect(try await status(.GET, "/alerts?severity=9") == "400 severity")
            for limit in ["0", "501", "-1", "1.5", "01", "+1", "x", "99999999999999999999"] {
                #expect(try await status(.GET, "/alerts?limit=\(limit)") == "400 limit")
            }
            for list in ["alerts", "incidents", "orders", "approvals", "silences", "deliveries", "evidence", "tokens"] {
                #expect(try await status(.GET, "/\(list)?cursor=nonsense") == "422 cursor", "\(list)")
            }
            #expect(try await status(.GET, "/recordings") == "409 -")
            #expect(try await status(.GET, "/resource-users") == "400 name")
            #expect(try await status(.GET, "/identities/x/activity?from=5&to=5") == "422 from")
            #expect(try await status(.GET, "/evidence/verification?whole=yes") == "400 whole")
            // Bodies.
            let comment = "/incidents/incident-0/comments"
            #expect(try await status(.POST, comment) == "415 -")
            #expect(try await status(.POST, comment, "text=x", [("Content-Type", "text/plain")]) == "415 -")
            let bad = [
                "", "{", "[]", "null", "{\"text\":\"x\"}x", "{\"text\":\"\\ud800\"}", "{\"text\":01}", "{'text':1}",
                "{\"text\":\"a\",\"text\":\"b\"}", String(repeating: "[", count: 100), "{\"text\":\"\u{1}\"}",
            ]
            for body in bad { #expect(try await status(.POST, comment, body) == "400 -", "\(body)") }
            #expect(try await status(.POST, comment, "{}") == "400 text")
            for value in ["1", "null", "\"\"", "\" \\n\"", "\"a\\u0000\"", "\"a\\u001b[2J\"", "[\"a\"]"] {
                #expect(try await status(.POST, comment, "{\"text\":\(value)}") == "400 text", "\(value)")
            }
            #expect(try await status(.POST, comment, "{\"text\":\"x\",\"who\":\"me\"}") == "400 who")
            #expect(
                try await status(.POST, comment, "{\"text\":\"\(String(repeating: "x", count: 10_001))\"}")
                    == "400 text")
            #expect(
                try await status(.POST, comment, "{\"text\":\"\(String(repeating: "x", count: 70_000))\"}") == "413 -")
            #expect(try await status(.POST, "/targets/soc/enable", "{}") == "400 -")
            #expect(try await status(.POST, "/tokens", #"{"name":"x","roles":["viewer","viewer"]}"#) == "400 roles")
            #expect(try await status(.POST, "/tokens", #"{"name":"x","roles":["root"]}"#) == "400 roles[0]")
            #expect(try await status(.PATCH, "/silences/x", "{}") == "400 -")
            #expect(
                try await status(.POST, "/silences", #"{"matchers":"x","ends_at":1,"comment":"y"}"#) == "422 matchers")
            #expect(try await status(.POST, comment, "{\"text\":\"x\"}", [("If-Match", "\"3\"")]) == "412 -")
            #expect(try await status(.POST, comment, "{\"text\":\"x\"}", [("If-Match", "3")]) == "412 -")
            let wrong = try await stage.ask(.PUT, root + "/silences/x", token: stage.boss)
            #expect(wrong.status == 405 && wrong.headers.first(name: "Allow") == "GET, PATCH, HEAD")
            // Another reader of RFC 9457 finds the same.
            if Python.has("jentic") {
                for (read, problem) in zip(try Python.check(["problem"], problems), problems) {
                    #expect(read.result?["status"] as? Int == problem["status"] as? Int, "\(read.error ?? "")")
                }
            }
            // Outside of v1 too, and with other words for the path.
            for path in ["/api", "/api/", "/api/v2/me", "/api/v1", "/api/v1/"] {
                #expect(try await stage.ask(.GET, path, token: stage.boss).status == 404, "\(path)")
            }
        }
    }

    @Test func anIncidentIsActedOnByItsVersion() async throws {
        try await Stage.with { stage in
            let token = stage.tokens[.analyst]
            let path = root + "/incidents/incident-0"
            let seen = try await stage.ask(.GET, path, token: token)
            let tag = try #require(seen.headers.first(name: "ETag"))
            #expect(tag == "\"1\"" && ((seen.json["incident"] as? [String: Any])?["alerts"] as? Int) == 15)
            func post(_ verb: String, _ body: String, _ tag: String? = nil) async throws -> Stage.Answer {
                try await stage.ask(
                    .POST, path + "/" + verb, token: token, body: body, headers: tag.map { [("If-Match", $0)] } ?? [])
            }
            let assigned = try await post("assign", #"{"assignee":"ben"}"#, tag)
            #expect(assigned.status == 200 && assigned.headers.first(name: "ETag") == "\"2\"")
            #expect(assigned.json["assignee"] as? String == "ben")
            let late = try await post("assign", #"{"assignee":null}"#, tag)
            #expect(late.status == 412 && late.problem == "conflict")
            #expect(try await post("assign", #"{"assignee":null}"#, "*").json["assignee"] == nil)
            #expect(try await post("comments", #"{"text":"one\ntwo <b>"}"#).json["comments"] as? Int == 1)
            #expect(try await post("disposition", #"{"disposition":"false","reason":"x"}"#).status == 200)
            #expect(try await post("close", "{}").json["status"] as? String == "closed")
            #expect(try await post("close", "{}").status == 409)
            #expect(try await post("reopen", #"{"reason":"again"}"#).json["status"] as? String == "open")
            let timeline = try await stage.ask(.GET, path + "/timeline?limit=2", token: token)
            #expect(timeline.items.count == 2 && timeline.items.first?["kind"] as? String == "reopen")
            let next = try #require(timeline.json["next"] as? String)
            #expect(try await stage.ask(.GET, path + "/timeline?limit=2&cursor=\(next)", token: token).status == 200)
            // What was done is noted with the token.
            let evidence = try await stage.ask(.GET, root + "/evidence?action=incident.*", token: token)
            #expect(evidence.items.count == 6 && evidence.items.first?["actor"] as? String == "analyst@example.com")
            let payload = evidence.items.first?["payload"] as? [String: Any]
            #expect((payload?["via"] as? String)?.hasPrefix("token:") == true)
            let state = try await stage.ask(.GET, root + "/evidence/verification?whole=true", token: token)
            #expect(state.json["fits"] as? Bool == true)
        }
    }

    @Test func ordersAndApprovalsGoToKafkaAndComeBack() async throws {
        try await Stage.with { stage in
            let (token, me) = (stage.tokens[.approver], root + "/orders")
            let issued = try await stage.ask(
                .POST, me, token: token,
                body: """
                    {"subject":{"type":"identity","value":"eve@example.com"},"actions":["revoke_tokens","require_approval"],
                     "reason":"token on a pastebin","lifetime_seconds":3600,"severity":"critical","incident":"incident-1"}
                    """)
            #expect(issued.status == 201 && issued.json["state"] as? String == "active", "\(issued.text)")
            let id = try #require(issued.json["id"] as? String)
            let lift = #"{"reason":"false alarm"}"#
            #expect(
                try await stage.ask(.POST, me + "/\(id)/lift", token: token, body: lift).json["state"] as? String
                    == "active")
            #expect(try await stage.ask(.POST, me + "/\(id)/lift", token: token, body: lift).status == 409)
            let lifted = try await stage.ask(.POST, me + "/\(id)/lift", token: stage.boss, body: lift)
            #expect(lifted.json["state"] as? String == "lifted" && (lifted.json["words"] as? [Any])?.count == 2)
            #expect(try await stage.ask(.GET, me + "?state=lifted", token: token).items.count == 1)
            #expect(try await stage.ask(.POST, me + "/\(UUID())/lift", token: token, body: lift).status == 404)

            let request = try await stage.request()
            let path = root + "/approvals/\(request)"
            let approved = try await stage.ask(
                .POST, path + "/approve", token: token,
                body: #"{"reason":"fine","kind":"window","lifetime_seconds":60}"#)
            #expect(approved.json["state"] as? String == "approved", "\(approved.text)")
            #expect(
                try await stage.ask(.POST, path + "/deny", token: token, body: lift).json["state"] as? String
                    == "denied")
            // Their own.
            let own = try await stage.request("approver@example.com")
            let refused = try await stage.ask(.POST, root + "/approvals/\(own)/approve", token: token, body: lift)
            #expect(refused.status == 409 && (refused.json["detail"] as? String)?.contains("obody decides") == true)
        }
    }

    @Test func listsTheRestAndTheDocumentAreThere() async throws {
        try await Stage.with { stage in
            func get(_ path: String) async throws -> Stage.Answer {
                let answer = try await stage.ask(.GET, root + path, token: stage.boss)
                #expect(
                    answer.status == 200 && answer.headers.first(name: "Content-Type") == "application/json",
                    "\(path): \(answer.text)")
                #expect(answer.headers.first(name: "Cache-Control") == "no-store")
                return answer
            }
            #expect(try await get("/me").json["roles"] as? [String] == ["viewer", "analyst", "approver", "admin"])
            #expect(try await get("/overview").json["dead_deliveries"] as? Int == 0)
            #expect(try await get("/health").json["status"] as? String != nil)
            #expect(try await get("/report").json["week"] as? String == "last")
            let named = try await get("/report/named?week=2026-W46").json
            #expect(named["week"] as? String == "2026-W46" && named["names"] as? Bool == true)
            let viewer = try await stage.ask(.GET, root + "/report/named", token: stage.tokens[.viewer])
            #expect(viewer.status == 403)
            // In parts, each alert once.
            var (seen, cursor, path) = (Set<String>(), "", "/alerts?limit=7&severity=high")
            for _ in 0..<5 {
                let page = try await get(path + cursor)
                for item in page.items { #expect(seen.insert(item["id"] as? String ?? "").inserted) }
                guard let next = page.json["next"] as? String else { break }
                cursor = "&cursor=\(next)"
            }
            #expect(seen.count == 30)
            #expect((try await get("/alerts/alert-0").json["finding"] as? [String: Any])?["class_uid"] as? Int == 2004)
            path = "/identities/%3Cb%3Eeve%3C%2Fb%3E"
            #expect(try await get(path).json["identity"] as? String == "<b>eve</b>")
            #expect(((try await get(path).json["risk"]) as? [Any])?.count == 15)
            #expect(try await get("/incidents?status=all&limit=1").json["next"] != nil)
            #expect(try await get("/incidents/incident-1/alerts").items.count == 15)
            #expect(try await get("/detectors/gw_bulk").json["source"] as? String == "title: Bulk requests\n")
            #expect(try await get("/detectors").items.first?["alerts"] as? Int == 30)
            #expect(try await get("/targets").items.first?["name"] as? String == "soc")
            #expect(try await get("/receivers").json["items"] as? [String] == ["soc"])
            #expect(try await get("/deliveries?state=pending").status == 200)
            let made = try await stage.ask(
                .POST, root + "/silences", token: stage.boss,
                body: #"{"matchers":"identity=\"ana\"","ends_at":\#(Stage.now + hour),"comment":"CHG-1"}"#)
            #expect(made.status == 201 && made.json["state"] as? String == "active")
            let id = made.json["id"] as? String ?? ""
            #expect(
                try await stage.ask(.POST, root + "/silences/\(id)/expire", token: stage.boss).json["state"] as? String
                    == "expired")
            #expect(try await get("/silences").items.isEmpty)
            #expect(try await get("/silences?all=true").items.count == 1)
            // A token makes none, and can be ended.
            let token = try await stage.ask(
                .POST, root + "/tokens", token: stage.boss, body: #"{"name":"x","roles":["viewer"]}"#)
            #expect(token.status == 409)
            let viewers = try await get("/tokens").items.first { $0["owner"] as? String == "viewer@example.com" }
            #expect(
                try await stage.ask(
                    .POST, root + "/tokens/\(viewers?["id"] as? String ?? "")/revoke", token: stage.boss
                ).status == 200)
            #expect(try await stage.ask(.GET, root + "/me", token: stage.tokens[.viewer]).status == 401)

            let document = try await get("/openapi.json")
            #expect(document.json["openapi"] as? String == "3.1.1")
            let paths = try #require(document.json["paths"] as? [String: [String: Any]])
            for operation in API(desk: stage.desk, version: "1").table {
                #expect(paths[operation.path]?[operation.method.lowercased()] != nil, "\(operation.id)")
            }
            let head = try await stage.ask(.HEAD, root + "/me", token: stage.boss)
            #expect(head.status == 200 && head.text.isEmpty && head.headers.first(name: "Content-Length") != "0")
        }
    }
}
