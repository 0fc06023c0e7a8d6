// SPDX-License-Identifier: Apache-2.0

import Console
import Desk
import Foundation
import GRDB
import Hub
import Incidents
import Independent
import LocalServices
import NIOHTTP1
import Recordings
import Testing

@Suite struct PageTests {
    private static let rule = DetectorEntry(
        id: "bulk", name: "bulk", title: "Rule \(probe)", description: probe, file: probe, status: "stable",
        level: "high", tags: [probe], tests: 3, respond: "block", source: "title: \(probe)\n")

    /// A hub in which every text that comes from outside is the probe.
    private static func fill(_ stage: ConsoleStage) async throws {
        for index in 0..<3 {
            try await stage.alert(
                "alert-\(index)", identity: probe, title: "Bulk \(probe)", minutesAgo: 10 - Int64(index),
                message: probe,
                resource: probe, terms: [("bulk", 40), (probe, 12.5)])
        }
        let dana = Actor(identity: "dana@example.com", roles: Set(Role.allCases), via: .command)
        _ = try await stage.desk.act(.comment(probe), on: "incident-1", by: dana)
        _ = try await stage.desk.act(.assign(probe), on: "incident-1", by: dana)
        _ = try await stage.desk.addSilence(
            matchers: "{identity=\"\(probe.replacingOccurrences(of: "\"", with: "\\\"", options: .literal))\"}",
            endsAt: stage.now + hour, comment: probe,
            by: dana)
        _ = try await stage.desk.createToken(name: probe, roles: [.viewer], by: dana)
        try await stage.hub.database.write { db in
            try db.execute(
                sql: """
                    INSERT INTO deliveries (message_id, target, ordering_key, body, state, attempts, last_status, last_error,
                        created_at, updated_at) VALUES (?, 'soc', 'k', x'', 'dead', 9, 500, ?, 1, 1)
                    """, arguments: [probe, probe])
            try db.execute(
                sql: """
                    INSERT INTO incident_controls (id, kind, state, incident_id, at, until, who, text, identity_key)
                    VALUES ('c-1', 'approval', 'pending', 'incident-1', ?, ?, ?, ?, 'x'),
                        ('c-2', 'order', 'active', 'incident-1', ?, ?, ?, ?, 'x'),
                        ('c-3', 'order', 'lifted', 'incident-1', ?, ?, ?, ?, 'x')
                    """,
                arguments: StatementArguments(
                    (0..<3).flatMap { _ in
                        [stage.now - hour, stage.now + hour, probe, probe] as [any DatabaseValueConvertible]
                    }))
        }
        var recording = """
            {"uid":"rec-1","time":\(stage.now),"identity":PROBE,"session":PROBE,"connection":PROBE,"operation":"vectors.query",
            "resources":[{"type":"collection","name":PROBE}],"method":"POST","path":PROBE,"query":PROBE,"status":200,
            "decision":"allowed","policy":PROBE,"reason":PROBE,"detail":PROBE,"address":PROBE,"duration":12,
            "request":{"headers":[["user-agent",PROBE]],"length":10,"body":PROBE},
            "response":{"headers":[["content-type",PROBE]],"length":10,"body":PROBE}}
            """
        let json = String(
            decoding: try JSONSerialization.data(withJSONObject: probe, options: .fragmentsAllowed), as: UTF8.self)
        recording = recording.replacing("PROBE", with: json)
        let event = """
            {"class_uid":6003,"time":\(stage.now),"metadata":{"uid":"e-1"},
            "actor":{"user":{"uid":PROBE,"name":PROBE,"email_addr":PROBE,"type_id":1,"groups":[{"name":PROBE}]},
            "session":{"uid":PROBE}},"api":{"operation":"checkpoint.download","service":{"name":PROBE}},"action_id":1,
            "http_request":{"user_agent":PROBE,"length":10},"http_response":{"length":4096},"src_endpoint":{"ip":PROBE},
            "resources":[{"type":PROBE,"name":PROBE}],"unmapped":{"identity":PROBE,"items":3,"change_id":PROBE}}
            """
        try stage.count(event.replacing("\n", with: "").replacing("PROBE", with: json))
        let store = try #require(stage.hub.recordings)
        let outcome = try store.store(
            [.init(topic: "t", partition: 0, offset: 0, payload: Array(recording.utf8))], now: stage.now)
        #expect(outcome.unreadable == [])
    }

    private static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }

    /// Paths, and who may not see them.
    private static let pages: [(path: String, refused: Set<String>)] = [
        ("/", []), ("/incidents", []), ("/incidents?status=all&severity=4&identity=\(escaped(probe))", []),
        ("/incidents/incident-1", []), ("/alerts/alert-1", []), ("/identities/\(escaped(probe))", []),
        ("/identities/nobody", []), ("/identities?q=\(escaped(probe))", []), ("/approvals", []), ("/orders", []),
        ("/orders?subject=\(escaped(probe))&incident=\(escaped(probe))", []), ("/detectors", []),
        ("/detectors?q=\(escaped(probe))&status=\(escaped(probe))", []), ("/detectors/bulk", []), ("/deliveries", []),
        ("/deliveries?state=dead&target=\(escaped(probe))", []), ("/silences", []),
        ("/silences?all=yes&matchers=\(escaped(probe))", []), ("/evidence", []),
        ("/evidence?actor=\(escaped(probe))&action=\(escaped(probe))&subject=\(escaped(probe))", []), ("/health", []),
        ("/recordings", []), ("/report", []), ("/report?named=yes", ["viewer", "analyst", "approver"]),
        ("/recordings?identity=\(escaped(probe))&operation=\(escaped(probe))", []),
        ("/recordings?q=\(escaped(probe))", ["viewer", "approver"]), ("/recordings/rec-1", ["viewer", "approver"]),
        ("/recordings/sessions/1", ["viewer", "approver"]), ("/tokens", ["viewer", "analyst", "approver"]),
        ("/logout", []),
    ]

    @Test func everyPageAnswersEveryRoleAndWhatAttackersWriteStaysText() async throws {
        try await ConsoleStage.with(detectors: [Self.rule]) { stage in
            try await Self.fill(stage)
            for role in ["viewer", "analyst", "approver", "admin"] {
                let browser = try await stage.browser(role)
                for page in Self.pages {
                    let answer = try await browser.get(page.path)
                    let expected = page.refused.contains(role) ? 403 : 200
                    #expect(answer.status == expected, "\(role) \(page.path)")
                    Self.checkText(answer.body, "\(role) \(page.path)")
                }
                for missing in [
                    "/incidents/unknown-1", "/alerts/x", "/detectors/x", "/recordings/x", "/recordings/sessions/9",
                    "/recordings/sessions/x", "/x/\(Self.escaped(probe))", "/incidents?cursor=\(Self.escaped(probe))",
                    "/evidence?from=\(Self.escaped(probe))", "/?done=\(Self.escaped(probe))",
                ] {
                    let answer = try await browser.get(missing)
                    #expect(answer.status < 500, "\(missing)")
                    Self.checkText(answer.body, missing)
                }
            }
            // What was counted of the audit event is there: reach with its connection, a session with its address and user agent.
            let identity = try await stage.browser("viewer").get("/identities/\(Self.escaped(probe))").body
            for part in ["reach", "sessions"] {
                let section = try #require(identity.components(separatedBy: "id=\"\(part)\"").last)
                let shown = section.components(separatedBy: "</section>")[0].components(separatedBy: "&lt;script&gt;")
                #expect(shown.count > 2, "\(part)")
            }
            // Nobody's pages, and of somebody without a role.
            let nobody = LocalBrowser(base: stage.base, client: stage.client)
            let none = try await stage.browser("none")
            for page in Self.pages where page.path != "/logout" {
                #expect(try await nobody.get(page.path).status == 302, "\(page.path)")
                #expect(try await none.get(page.path).status == 403, "\(page.path)")
            }
            #expect(try await nobody.send(.GET, "/events").status == 401)
        }
    }

    /// Nothing of the probe is markup, nothing is inline, no value is a Swift description.
    private static func checkText(_ html: String, _ page: String) {
        for bad in [
            "<script>", "<img", "\"'>", "{{#", "{{/", "{{>", "Optional(", "<style", " style=", "javascript:",
        ] {
            if let found = html.range(of: bad) {
                Issue.record("\(bad) in \(page): …\(html[..<found.upperBound].suffix(120))")
            }
        }
        // By bytes: the quote and its mark are one character.
        let quote = Array("\"\u{301}".utf8)
        let bytes = Array(html.utf8)
        let hasQuote = bytes.indices.dropLast(quote.count).contains {
            bytes[$0..<$0 + quote.count].elementsEqual(quote)
        }
        #expect(!hasQuote, "a quote with a mark in \(page)")
        let headings = html.components(separatedBy: "<h1").count - 1
        #expect(headings == 1, "headings of \(page)")
        let isPage = html.hasPrefix("<!doctype html>\n<html lang=\"en\">")
        #expect(isPage, "\(page)")
    }

    @Test(.enabled(if: Python.has("html5lib"), "\(Python.reason)"))
    func everyPageIsHTMLToAParserThatIsNotOurs() async throws {
        try await ConsoleStage.with(detectors: [Self.rule]) { stage in
            try await Self.fill(stage)
            let browser = try await stage.browser("admin")
            var pages: [(path: String, text: String)] = []
            for page in Self.pages where !page.path.contains("report") {
                pages.append((page.path, try await browser.get(page.path).body))
            }
            pages.append(("/nowhere", try await browser.get("/nowhere").body))
            for (page, answer) in zip(pages, try Python.check(["html"], pages.map(\.text))) {
                #expect(answer.error == nil, "\(page.path): \(answer.error ?? "")")
            }
            let broken = pages[0].text.replacing("</table>", with: "</table></b>")
            #expect(try Python.check(["html"], one: broken).error != nil)
        }
    }

    @Test func whatIsWrittenIsShown() async throws {
        try await ConsoleStage.with { stage in
            try await stage.alert(
                "a1", message: "12 of 40 <rows>", resource: "kb/contracts", terms: [("gw_bulk", 33.5)])
            let page = try await stage.browser("viewer").get("/incidents/incident-1").body
            for text in [
                "Lately: 12 of 40 &lt;rows&gt;", "kb/contracts", "gw_bulk", "33.5", "mallory@example.com", "4.77 MiB",
                "▲",
            ] {
                #expect(page.contains(text), "\(text)")
            }
        }
    }

    @Test func anEmptyHubSaysWhatWouldBeThere() async throws {
        try await ConsoleStage.with { stage in
            let browser = try await stage.browser("admin")
            for (path, words) in [
                ("/", "No incident is open"), ("/incidents", "closes after 24 quiet hours"),
                ("/approvals", "Nobody waits"),
                ("/orders", "people issue them here"), ("/detectors", "hub.detectors"),
                ("/silences", "Nothing is silenced"),
                ("/recordings", "None yet"), ("/tokens", "acts in the name"), ("/deliveries", "can be sent again"),
                ("/identities/x", "No alert of this identity"),
            ] {
                let page = try await browser.get(path).body
                #expect(page.contains(words), "\(path)")
            }
        }
    }

    @Test func listsGoOnFromPageToPage() async throws {
        try await ConsoleStage.with { stage in
            for index in 0..<60 {
                try await stage.alert(
                    "a\(index)", identity: "p\(index)", minutesAgo: Int64(index), incident: "i-\(index)")
            }
            let browser = try await stage.browser("viewer")
            var path = "/incidents"
            var seen: Set<String> = []
            for _ in 0..<3 {
                let page = try await browser.get(path).body
                for match in page.matches(of: #/href="/incidents/(i-[0-9]+)"/#) { seen.insert(String(match.1)) }
                guard let next = page.firstMatch(of: #/rel="next" href="([^"]+)"/#)?.1 else { break }
                path = String(next).replacing("&amp;", with: "&")
            }
            #expect(seen.count == 60)
        }
    }

    @Test func theReportIsAPageAndFilesAndNamesAreForAdmins() async throws {
        let reports = ReportPages(css: ".report-mark { color: red }") { week, form, isNamed, actor in
            guard week != "2026-W99" else { throw DeskError.invalid(field: "week", "2026 has no week 99") }
            let text = "<p>\(form.rawValue) \(isNamed ? "named" : "coded") for \(actor.identity)</p>"
            return ReportPages.Made(
                week: week ?? "2025-W52", bytes: Array(text.utf8), contentType: "text/plain", fileName: "r.txt")
        }
        try await ConsoleStage.with(reports: reports) { stage in
            let viewer = try await stage.browser("viewer")
            let page = try await viewer.get("/report")
            #expect(page.body.contains("<div class=\"report\"><p>fragment coded for vera@example.com</p></div>"))
            #expect(page.body.contains("/report?week=2025-W51"))
            #expect(page.body.contains("/report?week=2026-W01\">Week after"))
            #expect(!page.body.contains("named=yes"))
            #expect(try await viewer.get("/report?named=yes").status == 403)
            let file = try await viewer.get("/report?week=2026-W01&format=csv")
            #expect(file.body == "<p>csv coded for vera@example.com</p>")
            #expect(file.headers["content-disposition"] == "attachment; filename=\"r.txt\"")
            #expect(try await viewer.get("/report?format=pdf").status == 422)
            #expect(try await viewer.get("/report?week=2026-W99").status == 422)
            let admin = try await stage.browser("admin")
            #expect(try await admin.get("/report?named=yes").body.contains("fragment named for dana@example.com"))
            let css = try #require(page.body.firstMatch(of: #/href="(/assets/console.css[^"]+)"/#)?.1)
            #expect(try await viewer.get(String(css)).body.contains(".report-mark"))
        }
    }

    @Test func assetsAreKeptForGoodAndNamedByTheirContent() async throws {
        try await ConsoleStage.with { stage in
            let browser = try await stage.browser("viewer")
            let page = try await browser.get("/").body
            let css = try #require(page.firstMatch(of: #/href="(/assets/console.css\?v=[0-9a-z]+)"/#)?.1)
            let nobody = LocalBrowser(base: stage.base, client: stage.client)
            let answer = try await nobody.get(String(css))
            #expect(answer.status == 200)
            #expect(answer.headers["cache-control"] == "public, max-age=31536000, immutable")
            #expect(try await nobody.get("/assets/console.css").headers["cache-control"] == "no-cache")
            #expect(
                try await nobody.get("/assets/console.js").headers["content-type"] == "text/javascript; charset=utf-8")
            #expect(try await nobody.get("/assets/../hub.sqlite").status != 200)
            Self.checkContrast(answer.body)
        }
    }

    /// WCAG 2.2, 1.4.3: 4.5 to 1 for text, in the light and in the dark.
    private static func checkContrast(_ css: String) {
        let roots = css.matches(of: #/:root \{([^}]*)\}/#).map { String($0.1) }
        #expect(roots.count >= 2)
        for root in roots.prefix(2) {
            var colours: [String: [Double]] = [:]
            for match in root.matches(of: #/--([a-z-]+): #([0-9a-f]{6})/#) {
                let value = UInt32(match.2, radix: 16) ?? 0
                colours[String(match.1)] = [16, 8, 0].map { Double(value >> $0 & 255) / 255 }
            }
            func light(_ name: String) -> Double {
                let parts = (colours[name] ?? [0, 0, 0]).map {
                    $0 <= 0.04045 ? $0 / 12.92 : pow(($0 + 0.055) / 1.055, 2.4)
                }
                return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
            }
            var pairs = ["critical", "high", "medium", "low", "info"].map { ($0, "\($0)-back") }
            for text in ["text", "quiet", "accent", "critical"] {
                pairs += ["ground", "surface", "sunk"].map { (text, $0) }
            }
            pairs.append(("accent-text", "accent"))
            for (text, back) in pairs {
                let (a, b) = (light(text), light(back))
                #expect((max(a, b) + 0.05) / (min(a, b) + 0.05) >= 4.5, "\(text) on \(back)")
            }
        }
    }
}
