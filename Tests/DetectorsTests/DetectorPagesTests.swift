// SPDX-License-Identifier: Apache-2.0

import Detectors
import Foundation
import Sigma
import Testing

@Suite("Pages of detectors")
struct DetectorPagesTests {
    private func pages(_ rules: [String: String]) throws -> DetectorPages {
        let folder = try TemporaryFolder()
        for (name, text) in rules { _ = try folder.write("rules/\(name)", text) }
        let files = try DetectorFiles(paths: ["\(folder.path)/rules"])
        #expect(files.errors == [])
        return DetectorPages(files, folder: "\(folder.path)/rules")
    }

    @Test("of the shipped rules are in docs/detectors as the rules give them; `make docs` writes them")
    func shipped() throws {
        let folder = Checkout.path("detectors")
        let files = try DetectorFiles(paths: [folder])
        let pages = DetectorPages(files, folder: folder)
        #expect(pages.pages.count > 1)
        #expect(pages.differences(in: Checkout.path("docs/detectors")) == [])
    }

    @Test("say what a detection fires on, its blocks, tags with links, false positives, references and tests")
    func detection() throws {
        let page = try #require(
            pages([
                "a/one.yml": """
                title: One | two
                name: one
                id: 5f0c6f0e-0b9e-4a6c-9a51-1d2f1f6f3a01
                status: experimental
                description: Detects *one* thing.
                level: high
                tags: [attack.exfiltration, attack.t1567.002, atlas.aml.t0024, cve.2021-44228, own.tag]
                references: [https://example.com/one]
                falsepositives: [Load tests.]
                logsource: { product: gatewatch }
                detection:
                  selection:
                    api.operation: [x, y]
                    items|gte: 10
                    name|contains|all: [a, 'b|c']
                  off: { id|exists: true }
                  words: [red, blue]
                  condition: selection and not off and not words
                gatewatch:
                  first_seen: { field: name, group-by: [identity], history: 30d, learning: 7d }
                  risk: { points: 40, daily: 60 }
                  respond: { action: lockdown, ttl: 4h, operations: [vectors.*] }
                  tests:
                    - { name: at the edge, events: { set: { a: 1 } }, alerts: 0 }
                """
            ]).pages["a/one.md"])
        for line in [
            "# One \\| two", "From `rules/a/one.yml`.",
            "`one` · high · experimental · id `5f0c6f0e-0b9e-4a6c-9a51-1d2f1f6f3a01`", "Detects \\*one\\* thing.",
            "| Log source | `{ product: gatewatch }` |", "| Fires on | `selection and not off and not words` |",
            "| `selection` | `api.operation` is `x` or `y`<br>and `items` ≥ `10`<br>and `name` contains `a` and `b\\|c` |",
            "| `off` | `id` is there |", "| `words` | any value contains `red`<br>or any value contains `blue` |",
            "| First seen | only when `name` is new for its `identity` within `30d`, after `7d` of learning |",
            "| Risk | `40` points; daily `60` |",
            "| Response | `lockdown` for `4h`; operations `vectors.*` |",
            "| Tags | [exfiltration](https://attack.mitre.org/tactics/TA0010/), [T1567.002](https://attack.mitre.org/techniques/T1567/002/), [AML.T0024](https://atlas.mitre.org/techniques/AML.T0024), [CVE-2021-44228](https://nvd.nist.gov/vuln/detail/CVE-2021-44228), `own.tag` |",
            "- Load tests.", "- <https://example.com/one>", "- at the edge: no alert",
        ] {
            #expect(page.split(separator: "\n").contains(Substring(line)), "\(line)\n\n\(page)")
        }
        #expect(page.contains("notify nobody and enforce nothing"))
    }

    @Test(
        "say what a correlation counts, per what and in which window, with links to its rules, and blocks without words"
    )
    func correlation() throws {
        let pages = try pages([
            "blocks.yml": rule("x"),
            "a/sum.yml": """
            title: Sum
            name: sum
            correlation:
              { type: value_sum, rules: [x], group-by: [identity], timespan: 10m, condition: { field: n, gte: 20000 } }
            level: low
            gatewatch:
              baseline: { history: 4w, season: hour_of_week, minimum: { history: 7d, buckets: 20 } }
            """,
        ])
        let page = try #require(pages.pages["a/sum.md"])
        for line in [
            "| Fires on | `value_sum` of `n`, at least 20,000 |", "| Of | [x](../blocks.md#x) |",
            "| Per | `identity` |", "| Window | 10m |",
            "| Baseline | history `4w`; season `hour_of_week`; minimum `{ history: 7d, buckets: 20 }` |",
        ] {
            #expect(page.split(separator: "\n").contains(Substring(line)), "\(line)\n\n\(page)")
        }
        let index = try #require(pages.pages["README.md"])
        #expect(index.contains("| [sum](a/sum.md#sum) | low | stable | Sum |"))
    }

    @Test("are written where they differ; those of rules that are gone are removed, other files stay")
    func write() throws {
        let folder = try TemporaryFolder()
        let docs = "\(folder.path)/docs"
        let two = try pages(["a.yml": rule("a"), "b/b.yml": rule("b")])
        #expect(two.differences(in: docs) == ["README.md", "a.md", "b/b.md"])
        try two.write(to: docs)
        #expect(two.differences(in: docs) == [])
        let own = try folder.write("docs/own.md", "# My own")
        let one = try pages(["a.yml": rule("a", "level: low")])
        #expect(one.differences(in: docs) == ["README.md", "a.md", "b/b.md"])
        try one.write(to: docs)
        #expect(one.differences(in: docs) == [])
        #expect(!FileManager.default.fileExists(atPath: "\(docs)/b/b.md"))
        #expect(FileManager.default.fileExists(atPath: own))
    }
}
