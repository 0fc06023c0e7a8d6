// SPDX-License-Identifier: Apache-2.0

import Finding
import Routing
import Testing

/// Worked examples of Alertmanager's documentation ("Label matchers") and of its parser's tests, told in our labels.
@Suite struct MatcherTests {
    @Test(arguments: [
        ("alertname = Watchdog", [#"alertname="Watchdog""#]),
        (#"severity =~ "warning|critical""#, [#"severity=~"warning|critical""#]),
        (
            #"{alertname="Watchdog",severity=~"warning|critical"}"#,
            [#"alertname="Watchdog""#, #"severity=~"warning|critical""#]
        ),
        (
            #"{alertname="Watchdog", severity=~"warning|critical",}"#,
            [#"alertname="Watchdog""#, #"severity=~"warning|critical""#]
        ),
        (#"foo=bar,dings!=bums,"#, [#"foo="bar""#, #"dings!="bums""#]),
        ("{\n  foo = \"bar\" ,\n\tdings !~ \"b.*\"\n}", [#"foo="bar""#, #"dings!~"b.*""#]),
        (#""Προμηθεύς"="a,b}""#, [#"Προμηθεύς="a,b}""#]),
        (
            #"quote="She said: \"Hi, ladies! That's gender-neutral…\"""#,
            [#"quote="She said: \"Hi, ladies! That's gender-neutral…\"""#]
        ),
        (#"statuscode=~"5..""#, [#"statuscode=~"5..""#]),
        (#"digits=~"\\d+""#, [#"digits=~"\\d+""#]),
        (
            #"smile="\xf0\x9f\x99\x82",same="\U0001f642",same="\u00e9\t\141""#,
            [#"smile="🙂""#, #"same="🙂""#, #"same="é\x09a""#]
        ),
        (#""with space"=x"#, [#""with space"="x""#]),
        (#"empty="""#, [#"empty="""#]),
        ("{}", []), ("", []),
    ])
    func whatAlertmanagerReadsIsRead(_ text: String, _ expected: [String]) throws {
        let read = try matchers(text)
        #expect(read.map(\.description) == expected)
        // What is written is read again as the same.
        #expect(try matchers(read.text) == read.sorted { $0.description < $1.description })
    }

    @Test(arguments: [
        "foo", "foo=", "=bar", "foo==bar", "foo!bar", "foo~bar", "{foo=bar", "foo=bar}", "{{foo=bar}}", "foo=bar baz=x",
        "foo=bar,,dings=x", "{,}", #"foo="bar"#, #"foo="a"b"#, #"foo="\d+""#, #"foo="\xff""#, #"foo="\ud800""#,
        "foo=~\"(\"",
        "foo='bar'", #"foo="\x4""#, #"foo="\777""#, "foo=bar}{", "fo\\o=x",
    ])
    func whatAlertmanagerRefusesIsRefused(_ text: String) {
        #expect(throws: MatcherError.self) { try matchers(text) }
    }

    @Test func anErrorSaysWhereAndWhatToWrite() {
        #expect(throws: MatcherError.self) { try matchers("severity high") }
        do {
            _ = try matchers("severity high")
        } catch {
            #expect(
                "\(error)"
                    == "expected one of = != =~ !~ at character 10, found 'high'. Write name=\"value\", !=, =~ or !~")
        }
    }

    @Test func aMissingLabelIsAnEmptyOne() throws {
        let set = labels(["severity": "high"])
        #expect(try matchers(#"team="""#).match(set) && matchers(#"team!=soc"#).match(set))
        #expect(try matchers(#"team=~".*""#).match(set) && matchers(#"team!~".+""#).match(set))
        #expect(try !matchers(#"team=~".+""#).match(set) && !matchers(#"team!="""#).match(set))
        #expect(try matchers(#"team=~"|soc""#).match(set))
    }

    @Test func anExpressionMustMatchTheWholeValue() throws {
        let set = labels(["severity": "critical", "text": "critical\n"])
        #expect(try matchers(#"severity=~"high|critical""#).match(set))
        #expect(try !matchers(#"severity=~"crit""#).match(set) && matchers(#"severity!~"crit""#).match(set))
        #expect(try !matchers(#"severity=~"critical|x.""#).match(labels(["severity": "critical!"])))
        // Where `$` alone would let a line end pass.
        #expect(try !matchers(#"text=~"critical""#).match(set))
        #expect(try !matchers(#"severity=~high,severity=critical"#).match(set))
    }

    @Test func anExpressionThatNeverEndsHoldsNothingBack() throws {
        let set = labels(["identity": String(repeating: "a", count: 1_000) + "b"])
        for comparison in ["=~", "!~"] {
            #expect(try !matchers(#"identity\#(comparison)"(a|aa)+(?!b|a).*""#).match(set), "\(comparison)")
        }
    }

    @Test func aFindingGivesItsLabels() throws {
        let finding = """
            {"class_uid":2004,"time":1614265330005,"severity_id":5,"risk_score":93,"risk_level":"Critical",
             "metadata":{"tenant_uid":"acme"},
             "finding_info":{"uid":"a-1","title":"Bulk vectors","analytic":{"uid":"0b1c","name":"mr_gw_bulk_vectors"},
               "attacks":[{"technique":{"uid":"T1567.002"}},{"technique":{"uid":"AML.T0024"}},{"technique":7}],
               "tags":[{"name":"attack.exfiltration"},{"name":"attack.t1567.002"},{"name":"atlas.aml.t0024"},
                       {"name":"attack.collection"}]},
             "unmapped":{"identity":"ana@example.com","incident_uid":"inc-1","rule_status":"stable",
               "group":{"src_endpoint.ip":"10.0.0.7","identity":"somebody else","severity":"low","n":7}}}
            """
        func read(_ json: String) throws -> RoutedAlert {
            RoutedAlert(try DetectionFinding(Array(json.utf8)), json: Array(json.utf8))
        }
        let alert = try read(finding)
        #expect(alert.id == "a-1" && alert.startsAt == 1_614_265_330_005)
        #expect(
            alert.labels
                == labels([
                    "alert": "a-1", "alertname": "mr_gw_bulk_vectors", "rule": "0b1c", "severity": "critical",
                    "identity": "ana@example.com", "incident": "inc-1", "status": "stable", "risk_score": "93",
                    "risk_level": "critical", "tenant": "acme", "tactic": "collection,exfiltration",
                    "technique": "AML.T0024,T1567.002", "src_endpoint_ip": "10.0.0.7",
                ]))
        let least =
            #"{"time":1,"finding_info":{"uid":"a","title":"t","tags":"x"},"risk_score":"high","unmapped":{"group":[1]}}"#
        #expect(
            try read(least).labels
                == labels(["alert": "a", "alertname": "t", "rule": "t", "severity": "unknown"]))
        #expect(throws: UnreadableFinding.self) { try read(#"{"time":1}"#) }
        let long = least.replacing("\"t\"", with: "\"\(String(repeating: "é", count: 900))x\"")
        #expect(try read(long).labels["rule"] == String(repeating: "é", count: 512))
    }
}
