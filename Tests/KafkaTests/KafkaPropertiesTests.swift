// SPDX-License-Identifier: Apache-2.0

import Kafka
import Testing

@Suite struct KafkaPropertiesTests {
    @Test func mergedPropertiesLetTheOtherWin() {
        let merged = KafkaProperties(["a": "1", "b": "1"]).merging(KafkaProperties(["b": "2", "c": "3"]))
        #expect(merged.values == ["a": "1", "b": "2", "c": "3"])
        #expect(merged["b"] == "2")
        #expect(merged["d"] == nil)
    }

    @Test func descriptionShowsNoValues() {
        let properties = KafkaProperties(["sasl.password": "hunter2", "sasl.username": "gw"])
        #expect("\(properties)" == "KafkaProperties(sasl.password, sasl.username)")
        #expect(!String(reflecting: properties).contains("hunter2"))
        var dumped = ""
        dump(properties, to: &dumped)
        #expect(!dumped.contains("hunter2"))
    }
}
