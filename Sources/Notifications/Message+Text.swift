import AuditEvent
// SPDX-License-Identifier: Apache-2.0
import Finding

extension Message {
    /// The incident's page, if it is one that a button may open.
    var link: String? {
        guard let url = incidentURL, url.hasPrefix("https://") || url.hasPrefix("http://"),
            url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        return url
    }
}

extension MessageAlert {
    /// `2026-11-21T11:00:00.000Z HIGH gw_bulk: the message`, not escaped.
    var line: String {
        let word = isResolved ? "[RESOLVED] " : ""
        return "\(word)\(Timestamp.iso8601(time)) \(Severity.word(severity).uppercased()) \(rule): \(message)"
    }
}
