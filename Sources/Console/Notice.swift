// SPDX-License-Identifier: Apache-2.0

import Web

/// A line at the top of a page: what was done, or why it was not.
struct Notice: Sendable {
    let kind: String
    let role: String
    let text: String

    /// What `?done=` stands for. The address says only which sentence it is, so nobody can send a link with a sentence of theirs.
    private static let done = [
        "assigned": "Assigned.", "comment": "Comment added.", "disposition": "Disposition recorded.",
        "closed": "Incident closed.", "reopened": "Incident opened again.", "approved": "Approved.",
        "denied": "Denied.",
        "issued": "Order issued.", "lifted": "Lifted, or waiting for the second person.", "silenced": "Silence added.",
        "expired": "Silence ended.", "enabled": "Target enabled.", "replayed": "Deliveries are sent again.",
        "revoked": "Token revoked.",
    ]

    private init(kind: String, role: String, text: String) {
        self.kind = kind
        self.role = role
        self.text = text
    }

    init?(done code: String?) {
        guard let code, let text = Self.done[code] else { return nil }
        self.init(kind: "good", role: "status", text: text)
    }

    static func good(_ text: String) -> Notice { Notice(kind: "good", role: "status", text: text) }
    static func bad(_ fault: WebFault) -> Notice { Notice(kind: "bad", role: "alert", text: fault.detail) }
}
