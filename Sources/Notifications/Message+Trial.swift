// SPDX-License-Identifier: Apache-2.0
import JSONText

extension Message {
    /// A message that tries a receiver: marked in every format, about nobody.
    ///
    /// - Parameters:
    ///   - id: unique, so that a receiver does not take it for an earlier one.
    ///   - now: ms since the epoch, UTC.
    package static func trial(id: String, receiver: String, now: Int64) -> Message {
        let title = "Test of the receiver \(receiver)"
        var json = JSONWriter()
        json.object {
            $0.field("activity_id", 1)
            $0.field("category_uid", 2)
            $0.field("class_uid", 2004)
            $0.field("type_uid", 200_401)
            $0.field("time", now)
            $0.field("severity_id", 1)
            $0.field("severity", "Informational")
            $0.field("status_id", 1)
            $0.field("is_alert", false)
            $0.field("message", "Nothing happened: somebody ran gatewatch notify test.")
            $0.object("metadata") {
                $0.field("version", "1.6.0")
                $0.object("product") {
                    $0.field("name", "Gatewatch")
                    $0.field("vendor_name", "Gatewatch")
                }
            }
            $0.object("finding_info") {
                $0.field("uid", id)
                $0.field("title", title)
                $0.object("analytic") {
                    $0.field("type_id", 1)
                    $0.field("uid", "gatewatch-test")
                    $0.field("name", "gatewatch-test")
                }
            }
        }
        return Message(
            id: id, status: .test, groupKey: "test", alerts: [MessageAlert(json: json.bytes)], generatedAt: now,
            receiver: receiver)
    }
}
