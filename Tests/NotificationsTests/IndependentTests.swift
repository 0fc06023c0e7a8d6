// SPDX-License-Identifier: Apache-2.0
import Delivery
import Foundation
import Notifications
import Testing

@Suite struct IndependentTests {
    @Test(.enabled(if: Python.has("standardwebhooks"), Python.reason))
    func theStandardWebhooksPackageAcceptsWhatWeSignAndNothingElse() throws {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        let webhooks = StandardWebhooks(secrets: [try WebhookSecret(Secret(secret))])
        for probe in ["<script>\r\n|=", String(repeating: "é", count: 10_000)] {
            let hostile = message(.firing, [finding(probe: probe), finding("f-2")], probe: probe)
            let body = try #require(MessageFormat.webhook.payload(hostile)).body
            let now = Int64(Date().timeIntervalSince1970)
            var headers = Dictionary(
                uniqueKeysWithValues: webhooks.headers(id: "ntf_1", timestampSeconds: now, body: body).map {
                    ($0.name, $0.value)
                })
            let input = ["body": String(decoding: body, as: UTF8.self), "headers": headers] as [String: Any]
            let (result, error) = try Python.check(["webhook", secret], input)
            #expect(result?["type"] as? String == "gatewatch.notification", "\(error)")
            headers["webhook-id"] = "ntf_2"
            let altered = try Python.check(["webhook", secret], ["body": input["body"] as Any, "headers": headers])
            #expect(altered.result == nil && altered.error.contains("WebhookVerificationError"))
        }
    }

    @Test(.enabled(if: Python.has("py_ocsf_models"), Python.reason))
    func theOCSFModelsReadOurFindings() throws {
        let lines = text(MessageFormat.ocsf(.lines).payload(message(.firing, [finding(probe: "a|b=c\n<x>")])))
        let object = try JSONSerialization.jsonObject(with: Data(lines.utf8))
        let (result, error) = try Python.check(["ocsf"], object)
        #expect(result?["uid"] as? String == "f-1", "\(error)")
        for (key, value) in [("finding_info", nil), ("time", "yesterday"), ("severity_id", 17)] as [(String, Any?)] {
            var broken = try #require(object as? [String: Any])
            broken[key] = value
            #expect(try Python.check(["ocsf"], broken).result == nil, "\(key)")
        }
    }
}
