// SPDX-License-Identifier: Apache-2.0

import Activity
import ArgumentParser
import AuditEvent
import Crypto
import Detectors
import Foundation
import GRDB
import Incidents
import Notifications
import Report
import Sigma
import Signing
import YAMLDocument

extension ConfigurationFile {
    /// `hub.report`: when the weekly report is sent, to whom, and whose it is.
    func reportSection() throws -> YAMLNode? {
        let node = hub?["report"]
        try node?.refuseKeys(except: ["schedule", "zone", "receivers", "tenant"])
        return node
    }

    /// In which zone weeks begin; UTC where the file says nothing.
    func reportZone() throws -> String { try reportSection()?["zone"]?.text() ?? "UTC" }

    /// When the report is sent by itself; nil for never.
    func reportSchedule() throws -> ReportSchedule? {
        guard let node = try reportSection(), let text = node["schedule"] else { return nil }
        do {
            return try ReportSchedule(text.text(), zone: reportZone())
        } catch let error as PeriodError {
            throw (error.description.contains("zone") ? node["zone"] ?? text : text).error("\(error).")
        }
    }

    /// The receivers that get the report; each must have mail or a webhook.
    func reportReceivers(_ all: [Receiver]) throws -> [Receiver] {
        guard let node = try reportSection()?["receivers"] else {
            throw DocumentError(
                file: path, key: "hub.report", message: "has a schedule and no receivers: name some of hub.receivers.")
        }
        return try node.items().map { item in
            let name = try item.text()
            guard let receiver = all.first(where: { $0.name == name }) else {
                throw item.error(unknownKey(name, known: all.map(\.name), what: "receiver"))
            }
            guard ReportSender.carries(receiver) else {
                throw item.error(
                    "'\(name)' has neither email_configs nor webhook_configs: nothing else carries a report.")
            }
            return receiver
        }
    }

    /// The rules that the hub is told of: `hub.detectors`, else `detect.detectors`.
    func detectorPaths() throws -> [String] {
        try (hub?["detectors"] ?? detect?["detectors"])?.texts() ?? []
    }

    /// Makes reports of a hub's databases.
    ///
    /// - Parameters:
    ///   - path: of the hub's database; the key of pseudonyms is made beside it.
    ///   - activity: the file of activity; nil where there is none.
    ///   - detectors, identities: before those of this file.
    func reportMaker(
        hub database: any DatabaseWriter, path: String, activity: String?, key: SigningKey?, detectors: [String] = [],
        identities: String? = nil
    ) throws -> ReportMaker {
        let paths = try detectors.isEmpty ? detectorPaths() : detectors
        let directory =
            try identities ?? (hub?["identities"] ?? detect?["identities"] ?? gateway?["identities"])?.text()
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        let settings = ReportSettings(
            pseudonyms: try PseudonymKey(path: folder.appendingPathComponent("pseudonyms.key").path),
            version: Gatewatch.configuration.version, tenant: try reportSection()?["tenant"]?.text(),
            rules: try paths.isEmpty ? [] : DetectorFiles(paths: paths, lists: detect?["lists"]?.text()).reportRules,
            people: try directory.map { try IdentityDirectory(path: $0).entries.map(ReportPerson.init) } ?? [],
            protected: try detect?["enforcement"]?["safety"]?["protected"]?.texts() ?? [])
        return ReportMaker(
            hub: database, activity: try activity.map { try ActivitySchema.open(path: $0) }, settings: settings,
            zone: try reportZone(), key: key)
    }
}

extension ReportPerson {
    /// Somebody as the identity directory has them.
    init(_ entry: IdentityDirectory.Entry) {
        self.init(
            uid: entry.uid, aliases: entry.aliases, role: entry.attributes["role"],
            peerGroup: entry.attributes["peer_group"], endDate: entry.attributes["end_date"])
    }
}

extension DetectorFiles {
    /// The rules that raise alerts, as a report needs to know them.
    var reportRules: [ReportRule] {
        let detections = rules.detections.enumerated().compactMap { index, rule in
            rules.raisesAlerts(detection: index) ? rule.metadata : nil
        }
        let correlations = rules.correlations.enumerated().compactMap { index, rule in
            rules.raisesAlerts(correlation: index) ? rule.metadata : nil
        }
        var digests: [String: String] = [:]
        return (detections + correlations).map { rule in
            let digest = digests[rule.file] ?? Self.digest(rule.file)
            digests[rule.file] = digest
            return ReportRule(
                id: rule.key, name: rule.label, title: rule.title, level: (rule.level ?? .medium).rawValue,
                status: (rule.status ?? .stable).rawValue,
                folder: URL(fileURLWithPath: rule.file).deletingLastPathComponent().lastPathComponent, digest: digest,
                halfLife: rule.extensions.risk?.halfLife.milliseconds)
        }
    }

    /// SHA-256 of a file in hexadecimal; empty for one that is gone meanwhile.
    private static func digest(_ path: String) -> String {
        guard let data = FileManager.default.contents(atPath: path) else { return "" }
        return SHA256.hash(data: data).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
