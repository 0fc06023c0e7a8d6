// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Foundation
import Testing

@Suite struct SSHDTests {
    private static let fields = [
        "identity", "class_uid", "activity_id", "status_id", "src_endpoint.ip", "status_detail", "auth_protocol",
    ]

    private func read(_ line: String) throws -> [String: Value] {
        let events = try LineEvents(Self.fields, .named("sshd"))
        return Dictionary(
            zip(["time"] + Self.fields, try events.read(line).values), uniquingKeysWith: { first, _ in first })
    }

    private func expect(
        _ line: String, user: String?, activity: Int64, status: Int64, address: String = "173.234.31.186",
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let event = try read(line)
        #expect(event["class_uid"] == .int(3002), "\(line)", sourceLocation: sourceLocation)
        #expect(event["identity"] == user.map { .string($0) } ?? .missing, "\(line)", sourceLocation: sourceLocation)
        #expect(event["activity_id"] == .int(activity), "\(line)", sourceLocation: sourceLocation)
        #expect(event["status_id"] == .int(status), "\(line)", sourceLocation: sourceLocation)
        #expect(event["src_endpoint.ip"] == .string(address), "\(line)", sourceLocation: sourceLocation)
    }

    private static let failure = "Failed password for invalid user webmaster from 173.234.31.186 port 38926 ssh2"

    @Test(arguments: [
        "Dec 10 06:55:46 LabSZ sshd[24200]: ", "<38>Dec 10 06:55:46 LabSZ sshd[24200]: ",
        "Dec 10 2025 06:55:46 LabSZ sshd[24200]: ", "Dec 10 06:55:46.000 LabSZ sshd-session[24200]: ",
        "2025-12-10T06:55:46Z LabSZ sshd[24200]: ", "2025-12-10T07:55:46+0100 LabSZ sshd[24200]: ",
        "2025-12-10T06:55:46.000000+00:00 LabSZ sshd[24200]: ", "1765349746.000000 LabSZ sshd[24200]: ",
        "<38>1 2025-12-10T06:55:46.000Z LabSZ sshd 24200 - - ",
        "<38>1 2025-12-10T06:55:46Z LabSZ sshd 24200 - [a@1 b=\"c \\\"]\"][d] \u{FEFF}",
        "Dec 10 06:55:46 LabSZ auth.info sshd[24200]: ",
        "Dec 10 06:55:46 LabSZ sshd[24200]: [ID 800047 auth.info] ",
    ])
    func everyFormOfALineIsRead(header: String) throws {
        let event = try read(header + Self.failure)
        #expect(event["time"] == .int(1_765_349_746_000))
        #expect(event["identity"] == .string("webmaster"))
        #expect(event["src_endpoint.ip"] == .string("173.234.31.186"))
        #expect(event["status_detail"] == .string("unknown user"))
        #expect(event["auth_protocol"] == .string("password"))
    }

    @Test func recordsOfTheJournalAreRead() throws {
        for extra in [#","_PID":"24200""#, "", #","_COMM":"sshd""#] {
            let event = try read(
                #"{"__REALTIME_TIMESTAMP":"1765349746000000","_HOSTNAME":"LabSZ","SYSLOG_IDENTIFIER":"sshd"\#(extra),"MESSAGE":"\#(Self.failure)"}"#
            )
            #expect(event["time"] == .int(1_765_349_746_000))
            #expect(event["identity"] == .string("webmaster"))
        }
        let wrapped = try read(#"{"message":"Dec 10 06:55:46 LabSZ sshd[24200]: \#(Self.failure)","host":"x"}"#)
        #expect(wrapped["time"] == .int(1_765_349_746_000))
        #expect(wrapped["status_id"] == .int(2))
        let other = try read(
            #"{"__REALTIME_TIMESTAMP":"1765349746000000","_HOSTNAME":"h","SYSLOG_IDENTIFIER":"su","MESSAGE":"\#(Self.failure)"}"#
        )
        #expect(other["class_uid"] == .missing)
    }

    @Test func logonsAndFailuresAreLogons() throws {
        let line = "Dec 10 06:55:46 LabSZ sshd[24200]: "
        let at = "from 173.234.31.186 port 38926 ssh2"
        for (message, status) in [
            ("Failed password for root \(at)", 2), ("Failed password for illegal user root \(at)", 2),
            ("Failed password for root from 173.234.31.186 port 38926", 2),
            ("Failed password for root \(at) [preauth]", 2),
            ("error: PAM: Authentication failure for root from 173.234.31.186", 2),
            (
                "error: PAM: User not known to the underlying authentication module for illegal user root from 173.234.31.186",
                2
            ),
            ("Failed keyboard-interactive for root \(at)", 2),
            ("Failed keyboard-interactive/bsdauth for root \(at)", 2),
            ("Accepted password for root \(at)", 1), ("Accepted keyboard-interactive/pam for root \(at)", 1),
            ("Accepted publickey for root \(at): RSA SHA256:AbC/+d", 1),
            (
                "Accepted publickey for root \(at): ED25519-CERT SHA256:x ID ana from home (serial 1) CA ED25519 SHA256:y",
                1
            ),
            ("message repeated 3 times: [ Failed password for root \(at)]", 2),
        ] {
            try expect(line + message, user: "root", activity: 1, status: Int64(status))
        }
        #expect(
            try read(line + "error: PAM: User account has expired for ana from 10.0.0.1")["status_detail"]
                == .string("User account has expired"))
    }

    @Test func whatAClientOffersOfItselfIsNoGuess() throws {
        let line = "Dec 10 06:55:46 LabSZ sshd[24200]: "
        let at = "from 173.234.31.186 port 38926 ssh2"
        for message in [
            "Failed none for root \(at)", "Failed publickey for root \(at): RSA SHA256:AbC",
            "Failed gssapi-with-mic for root \(at)",
            "Failed keyboard-interactive/pam for root \(at)", "Failed none for invalid user root \(at)",
            "error: maximum authentication attempts exceeded for root \(at) [preauth]",
            "User root from 173.234.31.186 not allowed because not listed in AllowUsers",
        ] {
            try expect(line + message, user: "root", activity: 99, status: 2)
        }
        try expect(
            line + "Disconnected from user root 173.234.31.186 port 38926", user: "root", activity: 2, status: 1)
        for message in [
            "Invalid user root from 173.234.31.186", "input_userauth_request: invalid user root [preauth]",
            "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=1.2.3.4  user=root",
            "PAM 5 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=1.2.3.4  user=root",
            "Connection closed by authenticating user root 1.2.3.4 port 22 [preauth]",
            "Postponed keyboard-interactive for root \(at) [preauth]", "Partial publickey for root \(at)", "",
        ] {
            #expect(try read(line + message)["class_uid"] == .missing, "\(message)")
        }
    }

    @Test func aNameThatLooksLikeTheRestOfTheLineDeceivesNobody() throws {
        let line = "Dec 10 06:55:46 LabSZ sshd[24200]: "
        for name in [
            "x from 10.0.0.1 port 22 ssh2", "x from 10.0.0.1", "root from 10.0.0.1 port 22 ssh2: RSA SHA256:x", "",
            " 0101", "a b",
            "for invalid user y", "sshd[1]: Accepted password for root from 10.0.0.1 port 1 ssh2", "\\n", "\u{1F4A5}",
        ] {
            try expect(
                line + "Failed password for invalid user \(name) from 173.234.31.186 port 38926 ssh2",
                user: name.isEmpty ? nil : name, activity: 1, status: 2)
            #expect(
                try read(line + "Failed publickey for invalid user \(name) from 1.2.3.4 port 5 ssh2: RSA SHA256:x")[
                    "src_endpoint.ip"] == .string("1.2.3.4"))
        }
        // Other programs may write what they like.
        for other in ["Dec 10 06:55:46 h ana: sshd[1]: ", "Dec 10 06:55:46 h sudo: ", "Dec 10 06:55:46 h sshdx[1]: "] {
            #expect(try read(other + "Accepted password for root from 10.0.0.1 port 1 ssh2")["class_uid"] == .missing)
        }
    }
}
