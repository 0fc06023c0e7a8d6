// SPDX-License-Identifier: Apache-2.0

import Connections
import Testing

@Suite("Counting what a response returns")
struct ResponseCounterTests {
    private func counter() throws -> ResponseCounter {
        let connection = try connection(
            routes: #"- { match: GET /x, operation: vectors.query, returned: ["/ids/*/*", "/data/*"] }"#)
        return try #require(try connection.match("GET", "/x").responseCounter())
    }

    @Test func `elements are counted chunk by chunk`() throws {
        let text = Array(#"{"ids": [["a", "b"], ["c"], []], "data": [1, null, {}], "other": [1, 2, 3]}"#.utf8)
        for step in [1, 3, 100] {
            var counter = try counter()
            for start in stride(from: 0, to: text.count, by: step) {
                counter.feed(Array(text[start..<min(start + step, text.count)]))
            }
            #expect(counter.items == 5)
            #expect(counter.finish() == 5)
        }
    }

    @Test func `a response that is cut off keeps its count so far`() throws {
        var counter = try counter()
        counter.feed(Array(#"{"ids": [["a", "b", "c"#.utf8))
        #expect(counter.items == 3)
        #expect(counter.finish() == nil)
    }

    @Test func `what is no JSON is not counted, and stops nothing`() throws {
        var counter = try counter()
        counter.feed(Array("<html>".utf8))
        counter.feed(Array(#"{"data": [1]}"#.utf8))
        #expect(counter.items == 0)
        #expect(counter.finish() == nil)
    }

    @Test func `duplicates and long texts are no fault of a response`() throws {
        var counter = try counter()
        counter.feed(
            Array(#"{"data": [1], "data": [2], "Data": [3], "\#(String(repeating: "n", count: 5_000))": 1}"#.utf8))
        #expect(counter.finish() == 2)
    }

    @Test func `a route that names nothing has no counter`() throws {
        let connection = try connection(routes: "- { match: GET /x, operation: other }")
        #expect(try connection.match("GET", "/x").responseCounter() == nil)
    }
}
