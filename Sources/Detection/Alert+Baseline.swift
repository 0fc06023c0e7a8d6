// SPDX-License-Identifier: Apache-2.0

import JSONText

extension Alert {
    /// What was usual, where a rule has a baseline.
    package struct Baseline: Sendable, Codable, Equatable {
        /// The usual value of such a window.
        package var expected: Double
        /// Nine of ten usual values lie between these.
        package var low: Double
        package var high: Double
        /// From here on a value stands out.
        package var limit: Double
        /// Too little of the group's own past is known; what then decides is the rule's `cold_start`.
        package var isLearning: Bool
        /// Whether the hour counts.
        package var isSeasonal: Bool
        /// The highest value of any other member of the peer group.
        package var nextPeer: Double?
        /// Members of the peer group; nil when there are too few to say anything.
        package var members: Int?

        /// `usual 12–60 at this hour, 31 times the usual, 9 times the next peer`.
        func words(_ value: Double) -> String {
            var words: [String] = []
            if isLearning {
                words.append("what is usual is still being learned")
            } else {
                words.append(
                    "usual \(AlertText.rounded(low))–\(AlertText.rounded(high))" + (isSeasonal ? " at this hour" : ""))
                if expected > 0 { words.append("\(AlertText.times(value / expected)) the usual") }
            }
            if let nextPeer, nextPeer > 0 {
                words.append(
                    value >= nextPeer
                        ? "\(AlertText.times(value / nextPeer)) the next peer"
                        : "the highest peer has had \(AlertText.rounded(nextPeer))")
            }
            return words.joined(separator: ", ")
        }
    }

    /// `unmapped.baseline`.
    func baseline(_ json: inout JSONWriter) {
        guard let baseline else { return }
        json.object("baseline") {
            $0.field("learning", baseline.isLearning)
            if !baseline.isLearning {
                $0.field("expected", AlertText.tenths(baseline.expected))
                $0.field("low", AlertText.tenths(baseline.low))
                $0.field("high", AlertText.tenths(baseline.high))
                $0.field("limit", AlertText.tenths(baseline.limit))
            }
            if let peer = baseline.nextPeer { $0.field("next_peer", AlertText.tenths(peer)) }
            if let members = baseline.members { $0.field("peers", members) }
        }
    }
}
