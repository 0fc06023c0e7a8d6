// SPDX-License-Identifier: Apache-2.0

/// librdkafka properties, passed through as they are (`bootstrap.servers`, `security.protocol`, ...).
///
/// Names and values: librdkafka's CONFIGURATION.md. The values may hold secrets, so the description shows names only.
package struct KafkaProperties: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// Value by property name.
    package var values: [String: String]

    /// Properties as they stand in the configuration.
    package init(_ values: [String: String] = [:]) {
        self.values = values
    }

    /// The value of one property, or nil when it is not set.
    package subscript(key: String) -> String? {
        get { values[key] }
        set { values[key] = newValue }
    }

    /// These properties with those of `other` on top: where both name one, `other` wins.
    package func merging(_ other: KafkaProperties) -> KafkaProperties {
        KafkaProperties(values.merging(other.values) { _, new in new })
    }

    /// The names only, because values may be passwords.
    package var description: String {
        "KafkaProperties(\(values.keys.sorted().joined(separator: ", ")))"
    }

    /// The names only, because values may be passwords.
    package var debugDescription: String { description }

    /// Keeps `dump` and test failure messages from printing values.
    package var customMirror: Mirror { Mirror(self, children: ["names": values.keys.sorted()]) }
}
