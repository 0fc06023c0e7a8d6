// SPDX-License-Identifier: Apache-2.0

import Charts
import Mustache

/// How every value is escaped. Mustache's own goes by characters, and a quote with a combining mark behind it is another character:
/// it would end an attribute. This one goes by scalars. Exact, because forms give identities back; the style sheet keeps the
/// direction of a text within its element.
struct SafeHTML: MustacheContentType {
    /// The name in templates.
    static let name = "GATEWATCH"

    func escapeText(_ text: String) -> String { Markup.escape(text, isExact: true) }
}
