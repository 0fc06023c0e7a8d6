// SPDX-License-Identifier: Apache-2.0

import Activity
import AuditEvent
import Desk
import Foundation

/// How activity is written.
enum ActivityShapes {
    static let identity = Shape<ActiveIdentity>(
        "ActiveIdentity",
        [
            .text("identity", "As alerts name it.") { $0.identity }, .maybe("name", text: { $0.name }),
            .maybe("email", text: { $0.email }),
            .texts("groups") { $0.groups },
            .maybe("kind", "`human` or `service`; absent where nobody said.", text: { $0.kind }),
            .time("first_at") { $0.firstAt }, .time("last_at") { $0.lastAt },
        ])
    static let identities = Shape.page("ActiveIdentityPage", identity)

    private static func sums<Value>(
        _ get: @escaping @Sendable (Value) -> ActivitySums
    ) -> [Shape<Value>.Member] {
        [
            .integer("events") { get($0).events }, .integer("items") { get($0).items },
            .integer("bytes_in") { get($0).bytesIn }, .integer("bytes_out") { get($0).bytesOut },
        ]
    }

    static let day = Shape<ActivityPoint>("ActivityDay", [.time("from", "Midnight, UTC.") { $0.at }] + sums(\.sums))
    static let operation = Shape<ActivityStore.OperationSums>(
        "OperationSums",
        [
            .text("connection") { $0.connection }, .text("operation") { $0.operation },
            .maybe("access_class", text: { $0.accessClass?.rawValue }), .text("decision") { $0.decision.name },
        ] + sums(\.sums))

    static let resource = Shape<ActivityResource>(
        "Resource", [.text("connection") { $0.connection }, .text("type") { $0.type }, .text("name") { $0.name }])
    static let reach = Shape<ActivityReach>(
        "Reach",
        [
            .text("identity") { $0.identity }, .object("resource", resource) { $0.resource },
            .time("first_at", "Of all time.") { $0.firstAt }, .time("last_at") { $0.lastAt },
            .integer("events") { $0.events }, .integer("items") { $0.items }, .integer("bytes_out") { $0.bytesOut },
            .integer("denied", "Sent to approval too.") { $0.denied },
            .integer("unapproved", "Let through without an approval where one is expected.") { $0.unapproved },
        ])
    static let users = Shape.page("ResourceUserPage", reach)

    static let change = Shape<ActivityChange>(
        "Change",
        [
            .text("event", "`metadata.uid`.") { $0.event }, .time("at") { $0.at }, .text("operation") { $0.operation },
            .maybe("resource", resource) { $0.resource }, .maybe("change_id", text: { $0.change }),
            .maybe("approval_id", text: { $0.approval }), .text("decision") { $0.decision },
        ])

    static let activity = Shape<IdentityActivity>(
        "Activity",
        [
            .maybe("identity", identity, "Absent where it was never seen.") { $0.identity },
            .time("from") { $0.range.lowerBound }, .time("to") { $0.range.upperBound },
            .list("days", day, "The earliest first.") { $0.days },
            .list("operations", operation, "The most events first.") { $0.operations },
            .list("reach", reach, "The most bytes out first.") { $0.reach },
            .list("changes", change, "Of configuration, policy, collections; the latest first.") { $0.changes },
        ])

    static let session = Shape<ActivitySession>(
        "ActivitySession",
        [
            .integer("id") { $0.id }, .text("session") { $0.session }, .text("identity") { $0.identity },
            .time("started_at") { $0.startedAt }, .time("last_at") { $0.lastAt },
            .maybe("address", text: { $0.address }), .maybe("user_agent", text: { $0.userAgent }),
            .integer("events") { $0.events }, .integer("denied") { $0.denied }, .integer("items") { $0.items },
            .integer("bytes_out") { $0.bytesOut },
        ])
    static let sessions = Shape.page("ActivitySessionPage", session)
}
