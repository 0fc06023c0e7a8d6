// SPDX-License-Identifier: Apache-2.0

import Desk
import LocalServices
import OIDC
import Web

/// The console of the demo, and who can log in there.
enum DemoConsole {
    static let people = [
        LocalPerson(
            subject: "s-vera", email: "vera@example.com", name: "Vera", groups: ["audit"],
            about: "viewer: looks at everything"),
        LocalPerson(
            subject: "s-ben", email: "ben@example.com", name: "Ben", groups: ["soc"],
            about: "analyst: works on incidents, reads recordings"),
        LocalPerson(
            subject: "s-cleo", email: "cleo@example.com", name: "Cleo", groups: ["soc", "security"],
            about: "analyst and approver: decides requests, issues and lifts orders"),
        LocalPerson(
            subject: "s-dana", email: "dana@example.com", name: "Dana", groups: ["soc", "security", "platform"],
            about: "everything, and deliveries and API tokens"),
    ]

    static func settings(issuerPort: Int, address: (host: String, port: Int)) -> WebSettings {
        WebSettings(
            host: address.host, port: address.port,
            login: RelyingPartySettings(
                issuer: IssuerSettings(
                    issuer: LocalIssuer.url(port: issuerPort), audiences: [], algorithms: ["ES256"]),
                clientID: LocalIssuer.clientID), clientSecret: LocalIssuer.clientSecret,
            roles: [.viewer: ["audit"], .analyst: ["soc"], .approver: ["security"], .admin: ["platform"]])
    }

    /// How to see what happened as the weekly report tells it.
    static func reports(_ week: String) -> String {
        "the weekly report on what just happened: /report?week=\(week) in the console, also as HTML to print, JSON and CSV; as Dana with names"
    }

    static func welcome(_ url: String) -> String {
        "the console is at \(url); log in as " + people.map { "\($0.name) (\($0.about))" }.joined(separator: ", ")
    }
}
