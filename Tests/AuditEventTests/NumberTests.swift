// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Testing

@Suite struct NumberTests {
    @Test(arguments: [
        ("0", Value.int(0)), ("-0", .int(0)), ("-1", .int(-1)), ("999999999999999999", .int(999_999_999_999_999_999)),
        ("9223372036854775807", .int(.max)), ("-9223372036854775808", .int(.min)),
        ("9223372036854775808", .double(0x1p63)),
        ("-9223372036854775809", .double(-0x1p63)), ("10000000000000000000", .double(1e19)), ("1.0", .double(1)),
        ("1e5", .double(100_000)), ("1E+5", .double(100_000)), ("-0.0", .double(-0.0)), ("1e-400", .double(0)),
        ("1.7976931348623157e308", .double(.greatestFiniteMagnitude)), ("5e-324", .double(.leastNonzeroMagnitude)),
        ("0.1000000000000000055511151231257827021181583404541015625", .double(0.1)),
    ])
    func numbersAreExact(text: String, value: Value) throws {
        #expect(try Reader(["a"]).read("{\"a\":\(text)}") == [value])
        #expect(try Reader(["a"]).read("{\"a\":[ \(text)\r\n]}") == [value])
    }

    @Test(arguments: [
        "01", "-01", "00", "+1", "1.", ".5", "-.5", "-", "1e", "1e+", "0x10", "1_000", "Infinity", "-Infinity", "1e400",
        "-1e400", "1.2.3",
        "1-2", "--1", "1e5.5", "12a",
    ])
    func whatIsNoNumberIsRefused(text: String) throws {
        #expect(throws: EventError.self) { try Reader(["a"]).read("{\"a\":\(text)}") }
    }

    @Test(
        arguments: [
            ("12", 12.0), ("007", 7), ("-1.5", -1.5), ("1e3", 1000), ("9223372036854775808", 0x1p63), ("", nil),
            ("-", nil), ("1.", nil),
            ("inf", nil), ("-nan", nil), ("1e400", nil), (" 1", nil), ("0x1", nil), ("1,5", nil),
        ] as [(String, Double?)])
    func numericTextsHaveANumber(text: String, value: Double?) {
        #expect(Array(text.utf8).withUnsafeBytes { ASCII.number($0) } == value)
    }

    @Test func decimalsAreWrittenAsTheyAreRead() {
        for value in [Int64.min, -1, 0, 1, 10, 1_234_567_890, .max] {
            let text = ASCII.withDecimal(value) { String(decoding: $0, as: UTF8.self) }
            #expect(text == String(value))
            #expect(Array(text.utf8).withUnsafeBytes { ASCII.integer($0) } == value)
        }
    }

    @Test func lettersFoldAndNothingElse() {
        for byte in UInt8.min...UInt8.max {
            let expected = (0x41...0x5A).contains(byte) ? byte + 32 : byte
            #expect(ASCII.lower(byte) == expected)
            let word = UInt64(byte) &* 0x0101_0101_0101_0101
            #expect(ASCII.lower(word) == UInt64(expected) &* 0x0101_0101_0101_0101)
        }
    }

    @Test func aTableFindsWhatItHolds() {
        let keys = ["", "a", "Alice@Example.com", "alice", "ALICE-but-longer-than-eight", "é"]
        let table = ByteTable(keys.enumerated().map { (Array($1.utf8), Int32($0)) }, foldingCase: true)
        func find(_ text: String) -> Int32 { Array(text.utf8).withUnsafeBytes { table.find($0) } }
        for (index, key) in keys.enumerated() { #expect(find(key) == Int32(index)) }
        #expect(find("ALICE@eXAMPLE.com") == 2)
        #expect(find("alice-BUT-longer-than-eight") == 4)
        #expect(find("É") == -1)
        #expect(find("bob") == -1)
        #expect(table.find(UnsafeRawBufferPointer(start: nil, count: 0)) == 0, "no address is the empty text too")
        let cased = ByteTable([(Array("a".utf8), 0)])
        #expect(Array("A".utf8).withUnsafeBytes { cased.find($0) } == -1)
    }

    @Test func theHashIsTheSameOnEveryRun() {
        func hash(_ text: String) -> UInt64 { Array(text.utf8).withUnsafeBytes { stableHash($0) } }
        #expect(hash("") == stableHash(UnsafeRawBufferPointer(start: nil, count: 0)))
        #expect(Set((0..<10_000).map { hash("identity-\($0)") }).count == 10_000)
        #expect(hash("u-0001") == 15_587_800_536_049_728_508)
        #expect(hash("checkpoint.download") == 5_844_943_278_079_750_505)
    }
}
