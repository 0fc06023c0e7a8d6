// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Foundation

/// One attempt to log on.
struct LogonAttempt {
    /// ms since the epoch.
    var time: Int64
    var user: String
    var address: String
    var succeeds: Bool
    /// Whether there is such an account.
    var isKnown = true
}

/// Attempts of many people and machines, mixed, and how each product writes them down.
struct RealLoginLog {
    /// How a log is written.
    enum Form: String, CaseIterable, Sendable {
        case syslog, journal, journalJSON, teleport, cloudtrail, ocsf

        var mapping: String {
            switch self {
            case .syslog, .journal, .journalJSON: "sshd"
            default: rawValue
            }
        }

        var fileName: String { mapping == "sshd" && self != .journalJSON ? "auth.log" : "log.ndjson" }
    }

    /// Wednesday 2026-11-18 08:00 UTC.
    static let start: Int64 = 1_795_003_200_000 - 4 * 3_600_000
    static let hours: Int64 = 6

    private var random: LoginRandom
    private(set) var attempts: [LogonAttempt] = []

    init(seed: UInt64) {
        random = LoginRandom(state: seed)
    }

    private func at(_ seconds: Int64) -> Int64 { Self.start + seconds * 1000 }

    mutating func add(_ user: String, from address: String, at seconds: Int64, succeeds: Bool, isKnown: Bool = true) {
        attempts.append(
            LogonAttempt(time: at(seconds), user: user, address: address, succeeds: succeeds, isKnown: isKnown))
    }

    /// Forty people who log on some times a day and mistype up to three times before.
    mutating func addPeople() {
        for person in 0..<40 {
            let user =
                ["ana", "ben", "cleo"].indices.contains(person) ? ["ana", "ben", "cleo"][person] : "user\(person)"
            var second = Int64.random(in: 0..<3600, using: &random)
            for _ in 0..<3 {
                for _ in 0..<Int.random(in: 0...3, using: &random) {
                    add(user, from: "10.1.0.\(person + 1)", at: second, succeeds: false)
                    second += Int64.random(in: 3...20, using: &random)
                }
                add(user, from: "10.1.0.\(person + 1)", at: second, succeeds: true)
                second += Int64.random(in: 4200...6000, using: &random)
            }
        }
    }

    /// Thousands of guesses from many addresses at many names, none of them right.
    mutating func addScanners() {
        let names = ["root", "admin", "test", "oracle", "postgres", "ubuntu", "git", "pi", "0101", "a b"]
        for _ in 0..<4000 {
            let second = Int64.random(in: 0..<(Self.hours * 3600), using: &random)
            let name =
                Int.random(in: 0..<3, using: &random) == 0
                ? "u\(Int.random(in: 0..<900, using: &random))" : names.randomElement(using: &random) ?? "root"
            add(
                name, from: "203.0.113.\(Int.random(in: 1...60, using: &random))", at: second, succeeds: false,
                isKnown: name == "root")
        }
    }

    /// Guesses at one name at the speed at which sshd lets them in, then perhaps the right one.
    mutating func addGuesses(_ count: Int, at user: String, from address: String, seconds: Int64, getsIn: Bool) {
        for guess in 0..<Int64(count) { add(user, from: address, at: seconds + guess * 4, succeeds: false) }
        if getsIn { add(user, from: address, at: seconds + Int64(count) * 4, succeeds: true) }
    }

    /// The lines in the order of their times.
    func lines(_ form: Form) -> [String] {
        var lines: [(time: Int64, text: String)] = []
        for (number, attempt) in attempts.sorted(by: { $0.time < $1.time }).enumerated() {
            switch form {
            case .syslog, .journal, .journalJSON:
                for message in Self.messages(attempt, number) {
                    lines.append((attempt.time, Self.line(message, attempt.time, process: 20_000 + number, form)))
                }
            case .teleport: lines.append((attempt.time, Self.teleport(attempt, number)))
            case .cloudtrail: lines.append((attempt.time, Self.cloudtrail(attempt, number)))
            case .ocsf: lines.append((attempt.time, Self.ocsf(attempt, number)))
            }
        }
        return lines.map(\.text)
    }

    // MARK: Forms

    /// What OpenSSH with PAM writes about one attempt, in its order.
    private static func messages(_ attempt: LogonAttempt, _ number: Int) -> [String] {
        let (user, address) = (attempt.user, attempt.address)
        let place = "from \(address) port \(30_000 + number % 30_000)"
        if attempt.succeeds {
            return [
                "Accepted password for \(user) \(place) ssh2",
                "pam_unix(sshd:session): session opened for user \(user) by (uid=0)",
                "Received disconnect \(place):11: disconnected by user",
                "Disconnected from user \(user) \(address) port 22",
                "pam_unix(sshd:session): session closed for user \(user)",
            ]
        }
        let pam = "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=\(address)"
        if attempt.isKnown {
            return [
                "\(pam)  user=\(user)", "Failed password for \(user) \(place) ssh2",
                "Connection closed by \(address) [preauth]",
            ]
        }
        return [
            "Invalid user \(user) from \(address)", "input_userauth_request: invalid user \(user) [preauth]",
            "pam_unix(sshd:auth): check pass; user unknown", "\(pam) ",
            "Failed none for invalid user \(user) \(place) ssh2",
            "Failed password for invalid user \(user) \(place) ssh2",
            "Received disconnect from \(address): 11: Bye Bye [preauth]",
        ]
    }

    private static func line(_ message: String, _ time: Int64, process: Int, _ form: Form) -> String {
        let iso = Timestamp.iso8601(time)
        switch form {
        case .journal: return "\(iso.prefix(19))+0000 gate1 sshd[\(process)]: \(message)"
        case .journalJSON:
            return #"{"__CURSOR":"s=1;i=\#(process)","__REALTIME_TIMESTAMP":"\#(time * 1000)","_HOSTNAME":"gate1","#
                + #""SYSLOG_IDENTIFIER":"sshd","PRIORITY":"6","_PID":"\#(process)","MESSAGE":"\#(message)"}"#
        default:
            return "Nov \(iso.dropFirst(8).prefix(2)) \(iso.dropFirst(11).prefix(8)) gate1 sshd[\(process)]: \(message)"
        }
    }

    private static func teleport(_ attempt: LogonAttempt, _ number: Int) -> String {
        let code = attempt.succeeds ? "T1000I" : "T1000W"
        let error = attempt.succeeds ? "" : #""error":"invalid username, password or second factor","#
        return
            #"{"ei":0,"event":"user.login","code":"\#(code)","uid":"t-\#(number)","time":"\#(Timestamp.iso8601(attempt.time))","#
            + #""cluster_name":"c","method":"local",\#(error)"success":\#(attempt.succeeds),"user":"\#(attempt.user)","addr.remote":"\#(attempt.address):44310"}"#
    }

    /// AWS hides the name where there is no such user, and has an ARN only where the logon succeeded.
    private static func cloudtrail(_ attempt: LogonAttempt, _ number: Int) -> String {
        let name = attempt.isKnown ? attempt.user : "HIDDEN_DUE_TO_SECURITY_REASONS"
        let arn =
            attempt.succeeds
            ? #""principalId":"AIDA\#(attempt.user)","arn":"arn:aws:iam::111122223333:user/\#(name)","# : ""
        let error =
            attempt.succeeds
            ? ""
            : #""errorMessage":"\#(attempt.isKnown ? "Failed authentication" : "No username found in supplied account")","#
        return
            #"{"eventVersion":"1.08","userIdentity":{"type":"IAMUser",\#(arn)"accountId":"111122223333","accessKeyId":"","userName":"\#(name)"},"#
            + #""eventTime":"\#(Timestamp.iso8601(attempt.time).prefix(19))Z","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin","#
            + #""awsRegion":"us-east-1","sourceIPAddress":"\#(attempt.address)","userAgent":"Mozilla/5.0",\#(error)"requestParameters":null,"#
            + #""responseElements":{"ConsoleLogin":"\#(attempt.succeeds ? "Success" : "Failure")"},"eventID":"c-\#(number)","eventType":"AwsConsoleSignIn"}"#
    }

    private static func ocsf(_ attempt: LogonAttempt, _ number: Int) -> String {
        #"{"class_uid":3002,"activity_id":1,"status_id":\#(attempt.succeeds ? 1 : 2),"time":\#(attempt.time),"metadata":{"uid":"o-\#(number)"},"#
            + #""user":{"uid":"\#(attempt.user)"},"src_endpoint":{"ip":"\#(attempt.address)"}}"#
    }
}

/// SplitMix64: the same numbers on every run.
struct LoginRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
