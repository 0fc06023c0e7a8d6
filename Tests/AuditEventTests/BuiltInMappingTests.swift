// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Foundation
import Testing

@Suite struct BuiltInMappingTests {
    static let fields = [
        "metadata.uid", "identity", "actor.session.uid", "src_endpoint.ip", "class_uid", "status_id", "api.operation",
        "api.service.name",
        "resources.type", "resources.name", "http_response.length", "disposition_id",
    ]

    private func read(_ mapping: String, _ event: String) throws -> [String: Value] {
        try Reader(Self.fields, mapping: .named(mapping)).fields(of: Array(event.utf8))
    }

    @Test(arguments: Mapping.builtInNames)
    func everyBuiltInMappingIsThere(name: String) throws {
        let mapping = try Mapping.named(name)
        #expect(mapping.name == name)
        #expect((mapping.logsources == nil) == (name == "raw"))
    }

    @Test(
        arguments: [
            ("embeddings.create", "inference"), ("vectors.query", "vectors"), ("vectors.upsert", "vectors"),
            ("vectors.delete", "vectors"), ("vectors.export", "vectors"), ("collection.change", "vectors"),
            ("checkpoint.list", "weights"), ("checkpoint.download", "weights"), ("checkpoint.upload", "weights"),
            ("corpus.read", "training_data"), ("corpus.write", "training_data"), ("config.change", "config"),
            ("policy.change", "config"), ("sql.query", nil), ("session.open", nil), ("session.close", nil),
            ("other", nil),
            ("vectors", nil),
        ] as [(String, String?)])
    func everyOperationHasItsAccessClass(operation: String, accessClass: String?) throws {
        let reader = try Reader(["access_class"], mapping: .named("ocsf"))
        let values = try reader.fields(of: Array(#"{"time":1,"api":{"operation":"\#(operation)"}}"#.utf8))
        #expect(values["access_class"] == accessClass.map { .string($0) } ?? .missing)
        #expect(try reader.fields(of: Array(#"{"time":1,"class_uid":3002}"#.utf8))["access_class"] == .missing)
    }

    @Test func teleport() throws {
        let login = try read(
            "teleport",
            #"{"event":"user.login","code":"T1000W","success":false,"uid":"e1","user":"ann","time":"2023-09-18 00:00:00","addr.remote":"10.1.2.3:44"}"#
        )
        #expect(login["class_uid"] == .int(3002))
        #expect(login["status_id"] == .int(2))
        #expect(login["identity"] == .string("ann"))
        #expect(login["metadata.uid"] == .string("e1"))
        #expect(login["src_endpoint.ip"] == .string("10.1.2.3"))
        for (event, code, operation, status) in [
            ("db.session.query", "TDB02I", "sql.query", 1), ("db.session.query.failed", "TDB02W", "sql.query", 2),
            ("session.start", "T2000I", "session.open", 1), ("session.end", "T2004I", "session.close", 1),
            ("db.session.start", "TDB00W", "session.open", 2), ("role.created", "T9000I", "policy.change", 1),
            ("lock.deleted", "TLK01I", "policy.change", 1), ("app.update", "TAP04I", "config.change", 1),
            ("sftp", "TS001E", "other", 2),
            ("exec", "T3002E", "other", 2), ("db.update", "TDB04I", "config.change", 1),
        ] {
            let values = try read("teleport", #"{"event":"\#(event)","code":"\#(code)","time":"2023-09-18T00:00:00Z"}"#)
            #expect(values["api.operation"] == .string(operation), "\(event)")
            #expect(values["status_id"] == .int(Int64(status)), "\(code)")
        }
    }

    @Test func cloudtrail() throws {
        let get =
            #"{"eventID":"e","eventName":"GetObject","eventSource":"s3.amazonaws.com","eventTime":"2024-08-28T09:54:40Z","sourceIPAddress":"1.2.3.4","userIdentity":{"arn":"arn:x","userName":"x"},"requestParameters":{"bucketName":"b","key":"k/1"},"additionalEventData":{"bytesTransferredOut":12345}}"#
        let bare = try read("cloudtrail", get)
        #expect(bare["api.operation"] == .string("corpus.read"))
        #expect(bare["status_id"] == .int(1))
        #expect(bare["identity"] == .string("arn:x"))
        #expect(bare["resources.name"] == .string("k/1"))
        #expect(bare["http_response.length"] == .int(12345))
        #expect(try read("cloudtrail", #"{"technique":"t","event":\#(get)}"#) == bare)
        let failed = try read(
            "cloudtrail",
            #"{"eventName":"ConsoleLogin","errorMessage":"Failed authentication","userIdentity":{"userName":"HIDDEN_DUE_TO_SECURITY_REASONS","principalId":"P"}}"#
        )
        #expect(failed["class_uid"] == .int(3002))
        #expect(failed["status_id"] == .int(2))
        #expect(failed["identity"] == .string("P"))
        for (name, operation) in [
            ("StopLogging", "policy.change"), ("PutBucketPolicy", "policy.change"),
            ("AttachRolePolicy", "policy.change"),
            ("UpdateLoginProfile", "policy.change"), ("ModifyInstanceAttribute", "config.change"),
            ("DescribeInstances", "other"),
            ("UpdateFunctionCode20150331v2", "config.change"), ("PutObject", "corpus.write"),
            ("PutBucketVersioning", "config.change"),
            ("InvokeModel", "other"), ("DeletePublicAccessBlock", "policy.change"),
        ] {
            #expect(
                try read("cloudtrail", #"{"eventName":"\#(name)"}"#)["api.operation"] == .string(operation), "\(name)")
        }
    }

    @Test func hoop() throws {
        let audit = try read(
            "hoop",
            #"{"id":"5364","actor_subject":"auth0|abc123","actor_email":"admin@example.com","created_at":"2023-08-15T14:30:45Z","resource_type":"guardrails","action":"update","http_method":"PUT","http_status":403,"http_path":"/api/guardrails","client_ip":"192.168.1.100","outcome":false}"#
        )
        #expect(audit["identity"] == .string("admin@example.com"))
        #expect(audit["api.operation"] == .string("policy.change"))
        #expect(audit["status_id"] == .int(2))
        #expect(audit["src_endpoint.ip"] == .string("192.168.1.100"))
        #expect(audit["actor.session.uid"] == .missing)
        let session = try read(
            "hoop",
            #"{"id":"1CBC","user":"","user_id":"nJ1x","user_name":"John Wick","type":"database","connection":"pgdemo","verb":"exec","status":"done","exit_code":0,"start_date":"2024-07-25T15:56:35.317601Z","end_date":"2024-07-25T15:56:35.361101Z","review":null}"#
        )
        #expect(session["identity"] == .string("nJ1x"))
        #expect(session["actor.session.uid"] == .string("1CBC"))
        #expect(session["api.operation"] == .string("session.close"))
        #expect(session["status_id"] == .int(1))
        #expect(session["api.service.name"] == .string("pgdemo"))
        let line = try read(
            "hoop",
            #"{"kind":"violation","timestamp":"2026-01-02T03:04:05Z","session_id":"45ed","principal":"anonymous","protocol":"postgres","connection":"pg","operation":"delete","tables":["t1","t2"],"allowed":false,"rule":"no-delete"}"#
        )
        #expect(line["identity"] == .missing, "anonymous is nobody")
        #expect(line["actor.session.uid"] == .string("45ed"))
        #expect(line["status_id"] == .int(2))
        #expect(line["disposition_id"] == .int(2))
        #expect(line["resources.name"] == .list([.string("t1"), .string("t2")]))
        let start = try read(
            "hoop", #"{"kind":"session_start","timestamp":"2026-01-02T03:04:05Z","principal":"ann","allowed":false}"#)
        #expect(start["status_id"] == .int(1))
        #expect(start["api.operation"] == .string("session.open"))
    }

    // MARK: Real logs

    private func every(
        _ file: String, _ mapping: String, time: String, identity: [String], unwrap: Bool = false, count: Int
    ) throws {
        let folder = try #require(sharedData)
        let path = folder.appending(path: file)
        let data = try file.hasSuffix(".gz") ? gunzipped(path) : Data(contentsOf: path)
        let reader = try Reader(Self.fields, mapping: .named(mapping))
        var events = 0
        for (number, line) in lines(data).enumerated() {
            let whole = try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
            let event = try #require(whole["event"] as? [String: Any] ?? whole)
            let bytes = unwrap ? [UInt8](try JSONSerialization.data(withJSONObject: event)) : line
            let values = try reader.fields(of: bytes)
            let written = try #require(event[time] as? String, "line \(number + 1) has a time")
            let expected = Array(written.utf8).withUnsafeBytes { Timestamp.fromISO8601($0) }
            #expect(expected != nil)
            #expect(try reader.view(bytes, time: nil) { $0.time } == expected)
            let names = identity.map { Reference.value($0, in: event) }
            if let name = names.first(where: { $0 != .missing && $0 != .null && $0 != .string("") && $0 != .container })
            {
                #expect(values["identity"] == name, "\(file), line \(number + 1)")
            } else {
                #expect(values["identity"] == .missing)
            }
            #expect(values["api.operation"] != .missing)
            #expect(values["status_id"] != .missing)
            events += 1
        }
        #expect(events == count)
    }

    @Test(.enabled(if: sharedData != nil, "../shared/data is not there"))
    func everyTeleportSampleIsRead() throws {
        try every(
            "teleport-samples/audit_events.jsonl", "teleport", time: "time",
            identity: ["user", "identity.user", "bot_name", "node_name"], count: 21)
    }

    @Test(.enabled(if: sharedData != nil, "../shared/data is not there"))
    func everyTeleportRuleTestIsRead() throws {
        try every(
            "panther-rules/gravitational_teleport.jsonl", "teleport", time: "time",
            identity: ["user", "identity.user"],
            unwrap: true, count: 5)
    }

    @Test(.enabled(if: sharedData != nil, "../shared/data is not there"))
    func everyCloudTrailDetonationIsReadWrappedAndBare() throws {
        for unwrap in [false, true] {
            try every(
                "cloudtrail-stratus/detonation_events.jsonl.gz", "cloudtrail", time: "eventTime",
                identity: ["userIdentity.arn"],
                unwrap: unwrap, count: 103)
        }
    }

    @Test(.enabled(if: sharedData != nil, "../shared/data is not there"))
    func everyLineOfTheRuleTestsIsReadAsItIs() throws {
        let folder = try #require(sharedData).appending(path: "panther-rules")
        let reader = try Reader(["event.eventType", "rule_id", "expected"])
        for file in ["okta.jsonl", "correlation.jsonl", "gravitational_teleport.jsonl"] {
            for line in lines(try Data(contentsOf: folder.appending(path: file))) {
                let object = try JSONSerialization.jsonObject(with: Data(line))
                let values = try reader.read(line)
                for (field, value) in zip(reader.fields, values) {
                    #expect(Reference.same(value, Reference.value(field, in: object)))
                }
            }
        }
    }
}
