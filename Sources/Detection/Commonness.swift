// SPDX-License-Identifier: Apache-2.0

import Sigma

/// That enough peers have had a value which is new for somebody (`first_seen: peers`).
struct Commonness {
    let then: RuleExtension.FirstSeen.Peers.Consequence
    /// How many of the others have had it.
    let users: Int
    let others: Int
}

extension Alert {
    /// The same one level lower, where peers have had the value too.
    func lowered(_ common: Commonness?) -> Alert {
        let levels = RuleMetadata.Level.allCases.map(\.rawValue)
        guard let common, common.then == .lower, let place = levels.firstIndex(of: level), place > 0 else {
            return self
        }
        var alert = self
        alert.level = levels[place - 1]
        alert.message += " \(common.users) of \(common.others) peers have had it too."
        return alert
    }
}
