// SPDX-License-Identifier: Apache-2.0

import Mustache

/// The templates, compiled once.
struct Templates: Sendable {
    private let library: MustacheLibrary

    /// What stands in other templates.
    private static let partials: [(String, [UInt8])] = [
        ("nav", PackageResources.nav_mustache), ("time", PackageResources.time_mustache),
        ("severity", PackageResources.severity_mustache), ("csrf", PackageResources.csrf_mustache),
        ("pager", PackageResources.pager_mustache), ("incident_rows", PackageResources.incident_rows_mustache),
        ("alert_rows", PackageResources.alert_rows_mustache), ("controls", PackageResources.controls_mustache),
        ("exchange", PackageResources.exchange_mustache),
    ]

    /// What stands between the layout's header and footer.
    private static let pages: [(String, [UInt8])] = [
        ("fault", PackageResources.fault_mustache), ("logout", PackageResources.logout_mustache),
        ("overview", PackageResources.overview_mustache), ("incidents", PackageResources.incidents_mustache),
        ("incident", PackageResources.incident_mustache), ("identities", PackageResources.identities_mustache),
        ("identity", PackageResources.identity_mustache),
        ("approvals", PackageResources.approvals_mustache), ("orders", PackageResources.orders_mustache),
        ("detectors", PackageResources.detectors_mustache), ("detector", PackageResources.detector_mustache),
        ("deliveries", PackageResources.deliveries_mustache), ("silences", PackageResources.silences_mustache),
        ("evidence", PackageResources.evidence_mustache), ("health", PackageResources.health_mustache),
        ("tokens", PackageResources.tokens_mustache), ("alert", PackageResources.alert_mustache),
        ("recordings", PackageResources.recordings_mustache), ("report", PackageResources.report_mustache),
        ("recording", PackageResources.recording_mustache),
        ("replay", PackageResources.replay_mustache),
    ]

    /// - Throws: Mustache's error, where a template is wrong.
    init() throws {
        MustacheContentTypes.register(SafeHTML(), named: SafeHTML.name)
        var library = MustacheLibrary()
        // Each file has its own escape: a partial would fall back to Mustache's.
        let escape = "{{% CONTENT_TYPE:\(SafeHTML.name)}}"
        for (name, bytes) in Self.partials + [("layout", PackageResources.layout_mustache)] {
            try library.register(escape + String(decoding: bytes, as: UTF8.self), named: name)
        }
        for (name, bytes) in Self.pages {
            try library.register(
                escape + "{{#page}}" + String(decoding: bytes, as: UTF8.self) + "{{/page}}", named: name)
        }
        self.library = library
    }

    func render(_ name: String, _ values: Any) -> String { library.render(values, withTemplate: name) ?? "" }
}
