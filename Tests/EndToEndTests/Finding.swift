// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What tells one alert from another, taken from its OCSF Detection Finding.
struct Finding: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// What is the same in whatever order its events came. (`time` is that of the firing that was seen first.)
    struct Identity: Hashable, Sendable {
        let uid: String
        let rule: String
        let identity: String
    }

    let uid: String
    let rule: String
    let identity: String
    let time: Int64

    var id: Identity { Identity(uid: uid, rule: rule, identity: identity) }
    var description: String { "\(rule) \(identity) \(uid)" }

    static func < (one: Finding, other: Finding) -> Bool {
        (one.time, one.uid) < (other.time, other.uid)
    }

    /// Reads a finding.
    init(_ json: [UInt8]) throws {
        self = try JSONDecoder().decode(Shape.self, from: Data(json)).finding
    }

    /// Reads the finding of a webhook's body.
    init(webhook json: [UInt8]) throws {
        self = try JSONDecoder().decode(Envelope.self, from: Data(json)).data.finding
    }

    private init(uid: String, rule: String, identity: String, time: Int64) {
        (self.uid, self.rule, self.identity, self.time) = (uid, rule, identity, time)
    }

    private struct Envelope: Decodable {
        let type: String
        let timestamp: String
        let data: Shape
    }

    private struct Shape: Decodable {
        struct Info: Decodable {
            struct Analytic: Decodable { let name: String }
            let uid: String
            let analytic: Analytic
        }
        struct Unmapped: Decodable { let identity: String? }
        let class_uid: Int
        let time: Int64
        let finding_info: Info
        let unmapped: Unmapped

        var finding: Finding {
            Finding(
                uid: finding_info.uid, rule: finding_info.analytic.name, identity: unmapped.identity ?? "", time: time)
        }
    }
}

extension [TopicReader.Record] {
    /// The findings of the alerts topic.
    func findings() throws -> [Finding] {
        try filter { $0.topic == Stage.alertsTopic }.compactMap(\.payload).map { try Finding($0) }
    }
}
