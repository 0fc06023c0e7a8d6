// SPDX-License-Identifier: Apache-2.0

import Testing

/// Where other engines depart from the specification, or from pySigma where it is silent: one event for each, on detections.
@Suite("What other engines get wrong")
struct OtherEnginesTests {
    @Test(
        "is right here",
        arguments: [
            (
                "neq over a list is not one of the values, rather than not one or not the other",
                Row("a|neq: [x, y]", #"{"a":"x"}"#, false)
            ),
            ("neq counts after fieldref", Row("a|fieldref|neq: b", #"{"a":"x","b":"x"}"#, false)),
            ("null exists", Row("a|exists: true", #"{"a":null}"#, true)),
            ("wildcards count inside endswith", Row("a|endswith: 'c?d*e'", #"{"a":"abcXdYe"}"#, true)),
            // `cmd` at offset 0 is `Y21k`; at 2 its last character depends on what follows.
            (
                "base64offset leaves out what the next byte decides",
                Row("a|base64offset|contains: cm", #"{"a":"eGNtZA=="}"#, true)
            ),
            ("windash changes a leading slash", Row("a|windash: '/x'", #"{"a":"-x"}"#, true)),
            ("keywords may all be asked for", Row("'|all': [one, two]", #"{"a":"one","b":"two"}"#, true)),
            ("fieldref goes with startswith", Row("a|fieldref|startswith: b", #"{"a":"xyz","b":"xy"}"#, true)),
            ("hour goes with gte", Row("a|hour|gte: 18", #"{"a":"2026-11-21T19:00:00Z"}"#, true)),
            ("dotted keys are found below the top", Row("a.b.c: x", #"{"a":{"b.c":"x"}}"#, true)),
            ("missing is null", Row("a: null", "{}", true)),
            ("null is null", Row("a: null", #"{"a":null}"#, true)),
            ("an empty text is not null", Row("a: null", #"{"a":""}"#, false)),
            ("utf16le is a modifier", Row("a|utf16le|base64: x", #"{"a":"eAA="}"#, true)),
            ("the mark of utf16 is FF FE", Row("a|utf16|base64: x", #"{"a":"//54AA=="}"#, true)),
            ("wide goes beyond ASCII", Row("a|wide|base64: é", #"{"a":"6QA="}"#, true)),
        ])
    func deviation(_ claim: String, _ row: Row) throws { try row.check() }
}
