// SPDX-License-Identifier: Apache-2.0
import Delivery
import Foundation
import TestSupport
import Testing

@Suite struct StandardWebhooksTests {
    private let id = "msg_p5jXN8AQM9LWM0D4loKWxJek"
    private let body = Array(#"{"test": 2432232314}"#.utf8)
    private let time: Int64 = 1_614_265_330

    private func webhooks(_ secrets: String...) throws -> StandardWebhooks {
        StandardWebhooks(secrets: try secrets.map { try WebhookSecret(Secret($0)) })
    }

    @Test func theSpecificationsVectorIsReproduced() throws {
        let headers = try webhooks(LocalReceiver.secret).headers(id: id, timestampSeconds: time, body: body)
        #expect(headers.map(\.name) == ["webhook-id", "webhook-timestamp", "webhook-signature"])
        #expect(
            headers.map(\.value) == [id, "1614265330", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="])
    }

    @Test func bothSecretsOfARotationSignAndVerify() throws {
        let new = WebhookSecret.generate().revealed
        let headers = try webhooks(new, LocalReceiver.secret).headers(id: id, timestampSeconds: time, body: body)
        let signature = headers[2].value
        #expect(signature.split(separator: " ").count == 2)
        for secret in [new, LocalReceiver.secret] {
            try webhooks(secret).verify(
                id: id, timestamp: String(time), signature: signature, body: body, nowSeconds: time)
        }
        let other = try webhooks(WebhookSecret.generate().revealed)
        #expect(throws: WebhookVerificationError.noMatch) {
            try other.verify(id: id, timestamp: String(time), signature: signature, body: body, nowSeconds: time)
        }
    }

    @Test func anythingChangedIsRefused() throws {
        let webhooks = try webhooks(LocalReceiver.secret)
        let signature = webhooks.headers(id: id, timestampSeconds: time, body: body)[2].value
        func verify(_ id: String, _ timestamp: String, _ signature: String, _ body: [UInt8]) throws {
            try webhooks.verify(id: id, timestamp: timestamp, signature: signature, body: body, nowSeconds: time)
        }
        try verify(id, "1614265330", "v1a,AAAA v1,**** " + signature, body)
        #expect(throws: WebhookVerificationError.noMatch) { try verify(id + "x", "1614265330", signature, body) }
        #expect(throws: WebhookVerificationError.noMatch) { try verify(id, "1614265331", signature, body) }
        #expect(throws: WebhookVerificationError.noMatch) { try verify(id, "1614265330", signature, body + [32]) }
        #expect(throws: WebhookVerificationError.noMatch) { try verify(id, "1614265330", "v1,", body) }
        #expect(throws: WebhookVerificationError.badTimestamp) { try verify(id, "-5", signature, body) }
        #expect(throws: WebhookVerificationError.badTimestamp) { try verify(id, "", signature, body) }
        #expect(throws: WebhookVerificationError.noID) { try verify("", "1614265330", signature, body) }
    }

    @Test func fiveMinutesAreToleratedAndNoMore() throws {
        let webhooks = try webhooks(LocalReceiver.secret)
        let signature = webhooks.headers(id: id, timestampSeconds: time, body: body)[2].value
        func verify(_ now: Int64) throws {
            try webhooks.verify(id: id, timestamp: String(time), signature: signature, body: body, nowSeconds: now)
        }
        try verify(time + 300)
        try verify(time - 300)
        #expect(throws: WebhookVerificationError.tooOld(seconds: 301)) { try verify(time + 301) }
        #expect(throws: WebhookVerificationError.tooNew(seconds: 301)) { try verify(time - 301) }
    }

    @Test(arguments: [
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", WebhookSecretError.noPrefix),
        ("whsec_not base64!", .notBase64),
        ("whsec_" + Data(repeating: 7, count: 23).base64EncodedString(), .wrongLength(23)),
        ("whsec_" + Data(repeating: 7, count: 65).base64EncodedString(), .wrongLength(65)),
    ])
    func aMalformedSecretIsRefusedWithoutBeingShown(text: String, error: WebhookSecretError) {
        #expect(throws: error) { try WebhookSecret(Secret(text)) }
        #expect(!error.description.contains("MfKQ"))
    }

    @Test func secretsAreNeverPrinted() throws {
        let secret = Secret(LocalReceiver.secret)
        let webhook = try WebhookSecret(secret)
        var dumped = ""
        dump([secret], to: &dumped)
        dump([webhook], to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), "\(webhook)", "\([webhook])", dumped] {
            #expect(!text.contains("MfKQ"))
        }
    }

    @Test func secretsComeFromTheEnvironmentOrAFile() throws {
        let folder = try Folder()
        try Data("\(LocalReceiver.secret)\n".utf8).write(to: folder.url.appendingPathComponent("key"))
        let path = folder.path("key")
        #expect(try Secret(reference: "file:\(path)").revealed == LocalReceiver.secret)
        #expect(try Secret(reference: "env:KEY", environment: ["KEY": "abc"]).revealed == "abc")
        #expect(try Secret(reference: "abc").revealed == "abc")
        #expect(throws: SecretError.noVariable("KEY")) { try Secret(reference: "env:KEY", environment: [:]) }
        #expect(throws: SecretError.noFile(path + "x")) { try Secret(reference: "file:\(path)x") }
    }

    @Test(
        arguments: [
            ("120", 120), (" 0", 0), ("99999999999999999999999", Int64.max), ("Thu, 25 Feb 2021 15:03:10 GMT", 60),
            ("Thu, 25 Feb 2021 15:00:00 GMT", 0), ("", nil), ("12x", nil), ("soon", nil), ("-5", nil),
        ] as [(String, Int64?)])
    func retryAfterIsSecondsOrADate(text: String, seconds: Int64?) {
        #expect(RetryAfter.seconds(text, nowSeconds: time) == seconds)
    }

    @Test func theStandardScheduleIsTheSpecifications() throws {
        let schedule = RetrySchedule.standard
        #expect(schedule.attempts == 10)
        func delay(_ attempts: Int, age: Int64 = 0, failures: Int = 1) -> Int64? {
            schedule.delay(afterAttempts: attempts, age: age, failuresInARow: failures)
        }
        #expect(delay(0) == 0)
        #expect(delay(10) == nil)
        let fourth = try #require(delay(3))
        #expect((1_620_000...1_980_000).contains(fourth))
        #expect(Set((0..<50).map { _ in delay(5) }).count > 1)
        // A target that is down is asked every minute, for as long as all the attempts would have taken.
        let probe = try #require(delay(3, failures: 3))
        #expect((54_000...66_000).contains(probe))
        #expect((4_500...5_500).contains(try #require(delay(1, failures: 3))))
        #expect(delay(3, failures: 2).map { $0 > 66_000 } == true)
        let total = schedule.delaysMilliseconds.reduce(0, +)
        #expect(delay(500, age: total / 2, failures: 500) != nil)
        #expect(delay(500, age: total, failures: 500) == nil && delay(500, age: 0, failures: 2) == nil)
        // Replayed long after it was put in, it has all its attempts again.
        #expect(delay(1, age: 10 * total, failures: 9) != nil)
    }
}
