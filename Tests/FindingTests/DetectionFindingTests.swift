// SPDX-License-Identifier: Apache-2.0

import Finding
import Testing

@Suite struct DetectionFindingTests {
    private func read(_ json: String) throws -> DetectionFinding { try DetectionFinding(Array(json.utf8)) }

    @Test func whatIsReadIsWhatItSays() throws {
        let finding = try read(
            """
            {"class_uid":2004,"time":1614265330005,"severity_id":5,"message":"m","risk_score":93,"risk_level":"Critical",
             "risk_details":"a + b","metadata":{"tenant_uid":"acme"},
             "finding_info":{"uid":"a-1","title":"Bulk","analytic":{"uid":"0b1c","name":"bulk"},
               "attacks":[{"technique":{"uid":"T1567.002"}},{"technique":7}],"tags":[{"name":"attack.exfiltration"},3],
               "related_events":[{"uid":"e-1"},{"uid":"e-2"}]},
             "evidences":[{"api":{"operation":"vectors.query","service":{"name":"vectors-prod"}},"src_endpoint":{"ip":"192.0.2.7"},
               "data":{"resources.name":"customers","n":7}}],
             "unmapped":{"identity":"ana","incident_uid":"i-1","rule_status":"stable","group":{"b":"2","a":"1","n":7},
               "risk_terms":[{"rule":"bulk","points":40.5,"alerts":2,"time":5}],
               "response":{"action":"block","decision":"issued","order_uid":"o-1","reason":"r"}}}
            """)
        #expect(finding.id == "a-1" && finding.title == "Bulk" && finding.time == 1_614_265_330_005)
        #expect(finding.classID == 2004 && finding.severity == 5 && finding.message == "m")
        #expect(finding.riskScore == 93 && finding.riskLevel == "critical" && finding.riskDetails == "a + b")
        #expect(finding.riskTerms == [.init(rule: "bulk", points: 40.5, alerts: 2, time: 5)])
        #expect(finding.ruleID == "0b1c" && finding.ruleName == "bulk" && finding.ruleStatus == "stable")
        #expect(finding.tenant == "acme" && finding.identity == "ana" && finding.incident == "i-1")
        #expect(finding.techniques == ["T1567.002"] && finding.tags == ["attack.exfiltration"])
        #expect(finding.relatedEvents == ["e-1", "e-2"])
        #expect(finding.group.map(\.field) == ["a", "b"] && finding.group.map(\.value) == ["1", "2"])
        #expect(finding.event == ["resources.name": "customers"])
        #expect(finding.operation == "vectors.query" && finding.service == "vectors-prod")
        #expect(finding.address == "192.0.2.7")
        #expect(finding.response?.action == "block" && finding.response?.decision == "issued")
        #expect(finding.response?.order == "o-1" && finding.response?.reason == "r")
    }

    /// Each place once with another type, once empty: the rest is read all the same.
    @Test(arguments: [
        #""class_uid":"2004""#, #""severity_id":"5""#, #""message":7"#, #""message":"""#, #""risk_score":"93""#,
        #""risk_level":4"#, #""metadata":[]"#, #""evidences":{}"#, #""evidences":[]"#, #""evidences":[{"data":[]}]"#,
        #""unmapped":7"#, #""unmapped":{"identity":7,"group":[],"risk_terms":[{}],"response":{"action":7}}"#,
        #""unmapped":{"identity":"","incident_uid":""}"#,
    ])
    func whatHasAnotherTypeIsNotThere(_ member: String) throws {
        let finding = try read(#"{"time":1,"finding_info":{"uid":"a","title":"t","tags":"x","attacks":1},\#(member)}"#)
        #expect(finding == DetectionFinding(id: "a", title: "t", time: 1))
    }

    @Test(arguments: [
        ("", "not JSON"), ("[]", "the top has the wrong type"), (#"{"time":1}"#, "finding_info is missing at the top"),
        (#"{"time":1,"finding_info":{"uid":"a"}}"#, "title is missing at finding_info"),
        (#"{"time":1,"finding_info":{"title":"t"}}"#, "uid is missing at finding_info"),
        (#"{"time":"1","finding_info":{"uid":"a","title":"t"}}"#, "time has the wrong type"),
        (#"{"finding_info":{"uid":"a","title":"t"}}"#, "time is missing at the top"),
    ])
    func withoutIdTitleOrTimeItIsNone(_ json: String, _ reason: String) {
        let error = #expect(throws: UnreadableFinding.self) { try read(json) }
        #expect(error?.reason.contains(reason) == true, "\(error?.reason ?? "")")
    }

    @Test func severitiesHaveOCSFsWords() {
        #expect(
            (-1...7).map(Severity.word) == [
                "unknown", "unknown", "informational", "low", "medium", "high", "critical", "fatal", "unknown",
            ])
        #expect(Severity.id("High") == 4 && Severity.id("grave") == nil)
    }
}
