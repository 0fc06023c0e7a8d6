// SPDX-License-Identifier: Apache-2.0

import CRdKafka

/// Builds librdkafka's configuration object out of properties; an error names the property that is wrong.
enum ClientConfiguration {
    /// Room for librdkafka's own words about a property or a failed start, in bytes.
    private static let errorCapacity = 512

    /// A client of the given kind. It reports to `context`, which the returned handle keeps alive.
    ///
    /// `configure` sets the callbacks that only this kind of client has.
    static func start(
        _ kind: rd_kafka_type_t, properties: KafkaProperties, context: ClientContext,
        configure: (OpaquePointer) -> Void = { _ in }
    ) throws(KafkaError) -> ClientHandle {
        guard let configuration = rd_kafka_conf_new() else {
            throw KafkaError(RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE, "librdkafka has no memory for a configuration.")
        }
        do throws(KafkaError) {
            // Sorted, so that of two wrong properties the same one is named each time.
            for (name, value) in properties.values.sorted(by: { $0.key < $1.key }) {
                try set(name, value, on: configuration)
            }
        } catch {
            rd_kafka_conf_destroy(configuration)
            throw error
        }
        rd_kafka_conf_set_opaque(configuration, Unmanaged.passUnretained(context).toOpaque())
        ClientContext.register(on: configuration)
        configure(configuration)

        var words = [CChar](repeating: 0, count: errorCapacity)
        guard let client = rd_kafka_new(kind, configuration, &words, words.count) else {
            rd_kafka_conf_destroy(configuration)  // rd_kafka_new takes it over only when it succeeds
            throw KafkaError(
                rd_kafka_last_error(), "The Kafka client does not start: \(text(words)). Correct the Kafka properties.")
        }
        return ClientHandle(client, context: context)
    }

    private static func set(_ name: String, _ value: String, on configuration: OpaquePointer) throws(KafkaError) {
        var words = [CChar](repeating: 0, count: errorCapacity)
        let result = rd_kafka_conf_set(configuration, name, value, &words, words.count)
        if result == RD_KAFKA_CONF_OK { return }
        if result == RD_KAFKA_CONF_UNKNOWN {
            throw KafkaError(
                RD_KAFKA_RESP_ERR__INVALID_ARG,
                "The Kafka property \"\(name)\" is not known to librdkafka \(String(cString: rd_kafka_version_str())): "
                    + "correct its name or remove it.")
        }
        // librdkafka's words repeat the value, which for these may be a secret.
        let secret = ["password", "secret", "key", "token", "jaas", "oauthbearer"].contains { name.contains($0) }
        throw KafkaError(
            RD_KAFKA_RESP_ERR__INVALID_ARG,
            "The value of the Kafka property \"\(name)\" is not valid\(secret ? "" : ": \(text(words))"). Correct it.")
    }

    private static func text(_ words: [CChar]) -> String {
        String(decoding: words.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
