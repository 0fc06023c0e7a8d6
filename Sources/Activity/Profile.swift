// SPDX-License-Identifier: Apache-2.0

import Foundation
import JSONText

/// What its events say of an identity, each of the latest one that says it.
struct Profile {
    struct Field {
        var text: String?
        var at: Int64 = .min

        mutating func note(_ text: String?, _ at: Int64) {
            guard let text, at >= self.at else { return }
            self.text = text
            self.at = at
        }
    }

    var name = Field()
    var email = Field()
    /// JSON array.
    var groups = Field()
    var kind = Field()

    /// Names of groups as they stand in `identities.groups`: a JSON array of texts.
    static func json(_ groups: [String]) -> String {
        var json = JSONWriter()
        json.array { for group in groups { $0.field(nil, group) } }
        return String(decoding: json.bytes, as: UTF8.self)
    }

    /// The names of ``json(_:)``; none where it is something else.
    static func names(_ json: String) -> [String] {
        (try? JSONDecoder().decode([String].self, from: Data(json.utf8))) ?? []
    }
}
