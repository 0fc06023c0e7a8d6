// SPDX-License-Identifier: Apache-2.0

import Foundation
import Recordings
import Testing

@Suite struct MaskTests {
    private func masked(_ text: String, isJSON: Bool = true, isTruncated: Bool = false) -> String {
        Array(text.utf8).withUnsafeBytes {
            String(decoding: BodyMask.masked($0, isJSON: isJSON, isTruncated: isTruncated), as: UTF8.self)
        }
    }

    private func vector(_ count: Int) -> String {
        (0..<count).map { "\($0 % 2 == 0 ? "-" : "")0.0\($0)e-\($0 % 3)" }.joined(separator: ", ")
    }

    @Test func sevenNumbersStayAndEightAreAVector() {
        #expect(masked("[1,2,3,4,5,6,7]") == "[1,2,3,4,5,6,7]")
        #expect(masked("[1,2,3,4,5,6,7,8]") == #""[8 numbers]""#)
        #expect(
            masked(#"{"vector": [ \#(vector(1536)) ], "limit": 3}"#) == #"{"vector": "[1536 numbers]", "limit": 3}"#)
        #expect(masked("[[\(vector(9))],\n[\(vector(8))]]") == "[\"[9 numbers]\",\n\"[8 numbers]\"]")
    }

    @Test func vectorsInOtherClothesAreVectors() {
        #expect(masked(#"{"v":"[\#(vector(20))]"}"#) == #"{"v":"[20 numbers]"}"#)
        #expect(masked(#"{"v":"{\"a\":[\#(vector(20))]}"}"#) == #"{"v":"{\"a\":[20 numbers]}"}"#)
        #expect(masked(#"["0.1","0.2","0.3","0.4","0.5","0.6","0.7","0.8"]"#) == #"["[8 numbers]"]"#)
        #expect(masked("id;\(vector(8))\n", isJSON: false) == "id;[8 numbers]\n")
        #expect(masked("[1,2,3,4,5,6,7,8,null,\"x\"]") == #"["[8 numbers]",null,"x"]"#)
        let base64 = String(repeating: "QUJD+/x_", count: 16)
        #expect(masked(#"{"embedding":"\#(base64)="}"#) == #"{"embedding":"[129 characters]"}"#)
        #expect(masked(#"{"e":"\#(base64.dropLast())"}"#) == #"{"e":"\#(base64.dropLast())"}"#)
        #expect(
            masked(#"{"embedding":"\#(base64.replacingOccurrences(of: "/", with: "\\/"))"}"#).contains("characters]"))
    }

    @Test func aVectorThatIsCutIsOneHoweverShort() {
        for count in 1...9 {
            let text = #"{"limit":5,"v":[\#(vector(count))"#
            for cut in 12...text.utf8.count {
                let result = masked(String(text.prefix(cut)), isTruncated: true)
                #expect(!result.contains("0.0"), "\(text.prefix(cut)) gives \(result)")
            }
        }
        let data = #"{"e":"\#(String(repeating: "QUJD", count: 10))"#
        #expect(masked(data, isTruncated: true) == #"{"e":"[40 characters]"#)
    }

    @Test func otherNumbersStay() {
        for text in [
            #"{"ids":[1,2,3],"at":"2026-11-22T10:20:30Z","n":-1.5e3}"#,
            #"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8}"#,
            #"["8fa2c1d0-1111-4222-8333-444455556666","v1.2.3.4"]"#,
            "{\"usage\":{\"prompt_tokens\":5,\"max_tokens\":7}}",
        ] { #expect(masked(text) == text) }
    }

    @Test(arguments: [
        (#"{"password":"hunter2"}"#, #"{"password":"[masked]"}"#),
        (#"{"api_key" : "a\"b","x":1}"#, #"{"api_key" : "[masked]","x":1}"#),
        (#"{"clientSecret":12345,"x":"y"}"#, #"{"clientSecret":"[masked]","x":"y"}"#),
        (#"{"X-Api-Key":["a","b"],"x":[1]}"#, #"{"X-Api-Key":"[masked]","x":[1]}"#),
        (#"{"credentials":{"user":"u","pw":"}"},"x":1}"#, #"{"credentials":"[masked]","x":1}"#),
        (#"{"token":null,"secret":true}"#, #"{"token":null,"secret":true}"#),
        (#"{"e":"{\"password\": \"hunter2\", \"x\": 1}"}"#, #"{"e":"{\"password\": \"[masked]\", \"x\": 1}"}"#),
        (#"{"log":"Authorization: Bearer abc.def-ghi\nok"}"#, #"{"log":"Authorization: [masked]\nok"}"#),
        (#"{"h":"use Bearer abcdefgh12 now"}"#, #"{"h":"use Bearer [masked] now"}"#),
        (#"{"h":"Basic dXNlcjpwYXNzd29yZA=="}"#, #"{"h":"Basic [masked]"}"#),
        (#"{"h":"a basic idea"}"#, #"{"h":"a basic idea"}"#),
        (#"{"j":"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"}"#, #"{"j":"[masked]"}"#),
        (#"{"token": "cut in the mid"#, #"{"token": "[masked]"#),
        (#"{'password': 'hunter2', 'x': 'y'}"#, #"{'password': '[masked]', 'x': 'y'}"#),
        ("grant=x&client_secret=abc&scope=read", "grant=x&client_secret=[masked]&scope=read"),
        ("prefix=a&X-Amz-Signature=abc%20&sig=1", "prefix=a&X-Amz-Signature=[masked]&sig=[masked]"),
        ("<r><SecretAccessKey>abc</SecretAccessKey></r>", "<r><SecretAccessKey>[masked]</SecretAccessKey></r>"),
        ("AWS_SECRET_ACCESS_KEY=abc\nHOME=/root", "AWS_SECRET_ACCESS_KEY=[masked]\nHOME=/root"),
    ])
    func whatNamesItselfASecretIsMasked(text: String, expected: String) {
        #expect(masked(text, isJSON: text.hasPrefix("{\"")) == expected)
    }

    @Test func jsonStaysJSON() throws {
        let text = #"{"a":[\#(vector(99))],"password":{"x":[1]},"b":"q\"\\","token":7,"c":[[\#(vector(8))],2],"d":"ü"}"#
        let value = try JSONSerialization.jsonObject(with: Data(masked(text).utf8)) as? [String: Any]
        #expect(value?["a"] as? String == "[99 numbers]" && value?["token"] as? String == "[masked]")
        #expect(value?["b"] as? String == "q\"\\" && value?["d"] as? String == "ü")
    }

    @Test func anyBytesAreTaken() {
        var random = SystemRandomNumberGenerator()
        let alphabet = Array(#"{}[]"':,;=<>\ .0123-+eEpassword:tokenBearer eyJ.&"#.utf8) + [0, 0xFF, 0xC3, 0x0A]
        for _ in 0..<3000 {
            let bytes = (0..<Int.random(in: 0...80, using: &random)).map { _ in
                alphabet.randomElement(using: &random) ?? 0
            }
            for isJSON in [true, false] {
                for isTruncated in [true, false] {
                    let result = bytes.withUnsafeBytes {
                        BodyMask.masked($0, isJSON: isJSON, isTruncated: isTruncated)
                    }
                    #expect(result.count <= bytes.count * 12 + 16)
                }
            }
        }
    }

    @Test func aKnownSecretIsFoundAnywhereAlsoCutAtTheEnd() {
        var secrets = KnownSecrets()
        secrets.add("Bearer upstream-secret-1")
        secrets.add("short")
        var text = Array("x upstream-secret-1 short upstream-secret-1".utf8)
        secrets.hide(in: &text, isTruncated: false)
        #expect(String(decoding: text, as: UTF8.self) == "x [masked] short [masked]")
        text = Array("x upstream-sec".utf8)
        secrets.hide(in: &text, isTruncated: true)
        #expect(String(decoding: text, as: UTF8.self) == "x [masked]")
        #expect(secrets.hiding("a") == "a" && secrets.hiding("upstream-secret-1") == "[masked]")
    }
}
