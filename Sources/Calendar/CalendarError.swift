// SPDX-License-Identifier: Apache-2.0

/// Why an iCalendar file cannot be used: a sentence for the operator with the place and what to do about it.
package struct CalendarError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file as the operator named it.
    package let file: String
    /// The 1-based line on which the trouble starts; nil when it concerns the whole file.
    package let line: Int?
    /// The component, such as `VEVENT` or `VCALENDAR`; nil when the trouble is outside of one.
    package let component: String?
    /// What is wrong.
    package let problem: String
    /// What to do.
    package let remedy: String

    package init(file: String, line: Int?, component: String?, problem: String, remedy: String) {
        self.file = file
        self.line = line
        self.component = component
        self.problem = problem
        self.remedy = remedy
    }

    package var description: String {
        var place = file
        if let line { place += ":\(line)" }
        if let component { place += ": \(component)" }
        return "\(place): \(problem). \(remedy)."
    }
}
