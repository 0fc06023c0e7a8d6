// SPDX-License-Identifier: Apache-2.0

import CRdKafka
package import Logging

/// Topics of a cluster: list, count partitions, create what is missing. Every call blocks its thread.
package struct KafkaAdmin: Sendable {
    private let handle: ClientHandle
    private let logger: Logger
    private let embedded: EmbeddedBroker?

    /// Starts a client for administration; brokers need not be there yet.
    ///
    /// - Parameter embedded: the embedded broker that the properties point at, when they do. It does not offer the
    ///   protocol's CreateTopics, so topics are then made through this object.
    /// - Throws: `KafkaError` naming the property that is wrong.
    package init(properties: KafkaProperties, logger: Logger, embedded: EmbeddedBroker? = nil) throws {
        self.logger = logger
        self.embedded = embedded
        handle = try ClientConfiguration.start(
            RD_KAFKA_PRODUCER, properties: properties, context: ClientContext(properties: properties, logger: logger))
    }

    /// How many partitions each topic of the cluster has.
    ///
    /// - Throws: a retriable `KafkaError` when no broker answers in time.
    package func topics(timeoutMilliseconds: Int32 = 10_000) throws -> [String: Int] {
        try metadata(of: nil, timeoutMilliseconds)
    }

    /// How many partitions these topics have; one that does not exist is absent, and is not made by asking.
    package func partitionCounts(of names: [String], timeoutMilliseconds: Int32 = 10_000) throws -> [String: Int] {
        let wanted = Set(names)
        return try topics(timeoutMilliseconds: timeoutMilliseconds).filter { wanted.contains($0.key) }
    }

    /// Makes the topics that do not exist and returns their names. One that exists stays as it is; where it has fewer
    /// partitions than asked for, a line in the log says so.
    ///
    /// The embedded broker has no CreateTopics. Reached from another process it is asked for the topic instead, which makes
    /// it with 4 partitions, whatever was configured.
    ///
    /// - Throws: `KafkaError` naming the topic that could not be made; retriable when no broker answers.
    @discardableResult
    package func createTopics(
        _ specifications: [TopicSpecification], timeoutMilliseconds: Int32 = 30_000
    ) throws -> [String] {
        let existing = try topics(timeoutMilliseconds: timeoutMilliseconds)
        for topic in specifications {
            guard let partitions = existing[topic.name], partitions < Int(topic.partitions) else { continue }
            logger.warning(
                "the topic exists with fewer partitions than configured; add them with Kafka's tools if they are needed",
                metadata: ["topic": "\(topic.name)", "has": "\(partitions)", "configured": "\(topic.partitions)"])
        }
        let missing = specifications.filter { existing[$0.name] == nil }
        var created: [String] = []
        for topic in missing where try create(topic, timeoutMilliseconds) { created.append(topic.name) }
        return created
    }

    private func create(_ topic: TopicSpecification, _ timeoutMilliseconds: Int32) throws -> Bool {
        if let embedded {
            try embedded.createTopic(topic.name, partitions: Int(topic.partitions))
            return true
        }
        if isEmbeddedCluster(timeoutMilliseconds) {
            try createByAsking(topic, timeoutMilliseconds)
            return true
        }
        do {
            try TopicCreation.run(topic, on: handle.pointer, timeoutMilliseconds)
            return true
        } catch  where error.code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS.name {
            return false  // somebody else was faster
        }
    }

    /// librdkafka's embedded cluster names itself so (`rdkafka_mock.c`). It must be told apart beforehand: it has no
    /// controller, so CreateTopics would only time out, and a real cluster is never asked to make topics by itself.
    private func isEmbeddedCluster(_ timeoutMilliseconds: Int32) -> Bool {
        guard let id = rd_kafka_clusterid(handle.pointer, timeoutMilliseconds) else { return false }
        defer { rd_kafka_mem_free(handle.pointer, id) }
        return String(cString: id).hasPrefix("mockCluster")
    }

    private func createByAsking(_ topic: TopicSpecification, _ timeoutMilliseconds: Int32) throws {
        guard let partitions = try metadata(of: topic.name, timeoutMilliseconds)[topic.name] else {
            throw KafkaError(
                RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
                "The embedded broker did not make the topic \"\(topic.name)\" when asked for it: start it with that topic."
            )
        }
        logger.notice(
            "the embedded broker offers no CreateTopics: it made the topic when asked for it, with its own partition count",
            metadata: ["topic": "\(topic.name)", "has": "\(partitions)", "configured": "\(topic.partitions)"])
    }

    private func metadata(of name: String?, _ timeoutMilliseconds: Int32) throws -> [String: Int] {
        try ClusterQuery.partitionCounts(of: name, on: handle.pointer, timeoutMilliseconds)
    }
}
