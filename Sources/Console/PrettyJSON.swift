// SPDX-License-Identifier: Apache-2.0

import Foundation

/// JSON for people to read.
enum PrettyJSON {
    /// Indented, members sorted; as it came where it is none.
    static func text(_ json: String) -> String {
        guard let value = try? JSONSerialization.jsonObject(with: Data(json.utf8), options: [.fragmentsAllowed]),
            let data = try? JSONSerialization.data(
                withJSONObject: value,
                options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes, .fragmentsAllowed])
        else { return json }
        return String(decoding: data, as: UTF8.self)
    }
}
