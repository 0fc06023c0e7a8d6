// SPDX-License-Identifier: Apache-2.0

/// The components of a file, with their lines, before anything is interpreted.
struct CalendarFile {
    /// One VEVENT: its own properties, those of nested components (VALARM) left out.
    struct Event {
        let line: Int
        let properties: [ContentLine]
    }

    /// One VCALENDAR; a stream may hold several (RFC 5545 §3.4).
    struct Object {
        var properties: [ContentLine] = []
        var events: [Event] = []
    }

    private(set) var objects: [Object] = []

    init(_ bytes: [UInt8], file: String) throws(CalendarError) {
        func fault(_ line: Int?, _ component: String?, _ problem: String, _ remedy: String) -> CalendarError {
            CalendarError(file: file, line: line, component: component, problem: problem, remedy: remedy)
        }
        guard bytes.count <= CalendarLimits.fileBytes else {
            throw fault(
                nil, nil, "the file has \(bytes.count) bytes, more than \(CalendarLimits.fileBytes)",
                "Export the deployment calendar alone, or split it")
        }
        // A byte order mark is what some editors leave; it carries no meaning in UTF-8.
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let lines = try ContentLine.parse(bytes.starts(with: mark) ? Array(bytes.dropFirst(3)) : bytes, file: file)
        guard let first = lines.first else {
            throw fault(nil, nil, "the file is empty", "Give an iCalendar file with at least one VEVENT")
        }
        guard first.name == "BEGIN", first.value.uppercased() == "VCALENDAR" else {
            throw fault(
                first.line, nil, "the file does not begin with BEGIN:VCALENDAR", "Give an iCalendar (.ics) file")
        }
        var stack: [(name: String, line: Int)] = []
        var properties: [ContentLine] = []
        var total = 0
        for line in lines {
            switch line.name {
            case "BEGIN":
                let name = line.value.uppercased()
                guard stack.isEmpty == (name == "VCALENDAR"), stack.count < CalendarLimits.depth else {
                    throw line.error(
                        "\(name) may not stand here", "Check the BEGIN and END lines", component: stack.last?.name)
                }
                stack.append((name, line.line))
                if name == "VCALENDAR" { objects.append(Object()) }
                if name == "VEVENT", stack.count == 2 { properties = [] }
            case "END":
                let name = line.value.uppercased()
                guard let open = stack.popLast() else {
                    throw line.error("END:\(name) closes nothing", "Remove it or add its BEGIN", component: nil)
                }
                guard open.name == name else {
                    throw line.error(
                        "END:\(name) stands where END:\(open.name) is due (begun on line \(open.line))",
                        "Check the BEGIN and END lines", component: open.name)
                }
                guard name == "VEVENT", stack.count == 1 else { continue }
                total += 1
                guard total <= CalendarLimits.events else {
                    throw line.error(
                        "the file has more than \(CalendarLimits.events) events", "Split it or remove old ones")
                }
                objects[objects.count - 1].events.append(Event(line: open.line, properties: properties))
            default:
                guard let open = stack.last else {
                    throw line.error("\(line.name) stands outside of VCALENDAR", "Move it inside", component: nil)
                }
                if open.name == "VEVENT", stack.count == 2 {
                    properties.append(line)
                } else if open.name == "VCALENDAR" {
                    objects[objects.count - 1].properties.append(line)
                }
            }
        }
        if let open = stack.last {
            throw fault(
                open.line, open.name, "the file ends before END:\(open.name): it is truncated",
                "Export or copy it again")
        }
        guard total > 0 else {
            throw fault(
                nil, "VCALENDAR", "the file has no VEVENT, so every change would count as outside",
                "Add a VEVENT per deployment window")
        }
    }
}
