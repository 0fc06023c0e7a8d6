// SPDX-License-Identifier: Apache-2.0

/// The deployment calendar of the fixture company (RFC 5545), around the fixture day.
enum DeploymentCalendar {
    /// Tuesday and Thursday 22:00–02:00 and Wednesday 10:00–12:00 in Berlin, one night left out, one extra window, one freeze.
    static func text(around date: FixtureDate, daysBefore: Int = 28) -> String {
        let start = date.adding(-daysBefore)
        let freeze = date.adding(9).onOrAfter(weekday: 5)
        // The last Thursday night before the freeze does not take place.
        let skipped = freeze.adding(-1)
        let extra = date.onOrAfter(weekday: 6)
        func local(_ name: String, _ day: FixtureDate, _ time: String) -> String {
            "\(name);TZID=Europe/Berlin:\(day.basic)T\(time)"
        }
        func event(_ uid: String, _ summary: String, _ lines: [String]) -> [String] {
            ["BEGIN:VEVENT", "UID:\(uid)@example.com", "DTSTAMP:\(start.basic)T080000Z", "SUMMARY:\(summary)"] + lines
                + ["END:VEVENT"]
        }
        func window(_ uid: String, _ summary: String, weekday: Int, day: String, _ extra: [String] = []) -> [String] {
            let first = start.onOrAfter(weekday: weekday)
            let night = weekday != 3
            return event(
                uid, summary,
                [
                    local("DTSTART", first, night ? "220000" : "100000"),
                    local("DTEND", first.adding(night ? 1 : 0), night ? "020000" : "120000"),
                    "RRULE:FREQ=WEEKLY;BYDAY=\(day)",
                ] + extra)
        }
        var lines = [
            "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Gatewatch//Fixtures//EN", "X-WR-CALNAME:Deployment windows",
            "X-WR-TIMEZONE:Europe/Berlin",
        ]
        lines += window("night-tue", "Deployment night (Tuesday)", weekday: 2, day: "TU")
        lines += window(
            "night-thu", "Deployment night (Thursday)", weekday: 4, day: "TH", [local("EXDATE", skipped, "220000")])
        lines += window("day-wed", "Deployment hours (Wednesday)", weekday: 3, day: "WE")
        lines += event("extra", "Database upgrade", [local("DTSTART", extra, "200000"), "DURATION:PT2H"])
        lines += event(
            "freeze", "Change freeze: campaign weekend",
            [
                "DTSTART;VALUE=DATE:\(freeze.basic)", "DTEND;VALUE=DATE:\(freeze.adding(4).basic)", "CATEGORIES:FREEZE",
                "TRANSP:TRANSPARENT",
            ])
        lines.append("END:VCALENDAR")
        return lines.joined(separator: "\r\n") + "\r\n"
    }
}
