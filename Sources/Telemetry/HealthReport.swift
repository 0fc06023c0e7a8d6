// SPDX-License-Identifier: Apache-2.0

/// The health of a process: named checks, each well or not, with a sentence that says why.
package struct HealthReport: Sendable, Equatable {
    /// One thing that must be well.
    package struct Check: Sendable, Equatable {
        /// The key in the JSON: `consumer`, `outbox`.
        package var name: String
        /// False makes the whole report, and `/healthz`, unwell, if the check is required.
        package var healthy: Bool
        /// What an operator should know; never a secret.
        package var detail: String
        /// False for what a restart of this process cannot mend, such as a receiver that is down: then `/healthz` stays 200.
        package var isRequired: Bool

        package init(_ name: String, healthy: Bool, detail: String = "", isRequired: Bool = true) {
            self.name = name
            self.healthy = healthy
            self.detail = detail
            self.isRequired = isRequired
        }
    }

    /// In the order in which they are shown.
    package var checks: [Check]

    package init(_ checks: [Check] = []) {
        self.checks = checks
    }

    /// True if every required check is well.
    package var isHealthy: Bool { checks.allSatisfy { $0.healthy || !$0.isRequired } }

    /// `ok`, `degraded` (something is unwell that need not be well), `failing`.
    package var status: String {
        if !isHealthy { return "failing" }
        return checks.allSatisfy(\.healthy) ? "ok" : "degraded"
    }

    /// `{"status":"ok"|"degraded"|"failing","checks":{name:{"healthy":…,"detail":…}}}`.
    package var json: String {
        let body = checks.map { check in
            "\(LogEscaping.jsonString(check.name)):{\"healthy\":\(check.healthy)"
                + (check.detail.isEmpty ? "" : ",\"detail\":\(LogEscaping.jsonString(check.detail))") + "}"
        }
        return "{\"status\":\"\(status)\",\"checks\":{\(body.joined(separator: ","))}}"
    }
}
