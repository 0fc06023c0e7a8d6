// SPDX-License-Identifier: Apache-2.0

import CRdKafka
package import Logging
package import Synchronization

/// librdkafka's own Kafka cluster inside this process (`rdkafka_mock.h`): the real protocol over TCP on 127.0.0.1, with
/// consumer groups, for demos and tests.
///
/// Memory only; each partition keeps about 5 MB and silently drops the oldest batches beyond (but always keeps the last
/// one). Compaction and retention do not exist. A topic that any client asks for, even one that only subscribes, is
/// made with 4 partitions if it is not there: make topics before clients start. A group's first join takes 3 s, and a
/// later rebalance the members' `session.timeout.ms` less 1 s.
///
/// `@unchecked Sendable`: the cluster's functions hand their work to its own thread; the pointers are used under the
/// mutex.
package final class EmbeddedBroker: @unchecked Sendable {
    private struct Cluster {
        let pointer: OpaquePointer
        let client: ClientHandle
    }

    /// Held while brokers go down, and to be held while a child process starts (`posix_spawn`).
    ///
    /// A child has this process's sockets until it becomes another program, those that close on exec as well. librdkafka closes a
    /// listening socket and binds its port anew: with a copy of the old one in a child that fails, and librdkafka aborts.
    package static let sockets = Mutex<Void>(())

    private let cluster: Mutex<Cluster?>
    private let count: Int

    /// `host:port` of each broker, comma-separated: the value for `bootstrap.servers`.
    package let bootstrapServers: String

    /// Starts the brokers on free ports and makes the topics.
    ///
    /// - Throws: `KafkaError` when it cannot listen, or a topic cannot be made.
    package init(
        brokers: Int = 1, topics: [(name: String, partitions: Int)] = [],
        logger: Logger = Logger(label: "kafka.embedded") { _ in SwiftLogNoOpLogHandler() }
    ) throws {
        let properties = KafkaProperties(["client.id": "embedded-broker"])
        let client = try ClientConfiguration.start(
            RD_KAFKA_PRODUCER, properties: properties, context: ClientContext(properties: properties, logger: logger))
        guard let pointer = rd_kafka_mock_cluster_new(client.pointer, Int32(clamping: brokers)),
            let servers = rd_kafka_mock_cluster_bootstraps(pointer)
        else {
            throw KafkaError(
                RD_KAFKA_RESP_ERR__FAIL, "The embedded Kafka broker cannot listen on 127.0.0.1: is a port free?")
        }
        count = brokers
        bootstrapServers = String(cString: servers)
        cluster = Mutex(Cluster(pointer: pointer, client: client))
        for topic in topics { try createTopic(topic.name, partitions: topic.partitions) }
    }

    deinit {
        close()
    }

    /// Makes a topic. One that exists is left as it is.
    ///
    /// - Throws: `KafkaError` when the numbers are out of range or the broker is closed.
    package func createTopic(_ name: String, partitions: Int, replicationFactor: Int = 1) throws {
        let code = try with { [count] cluster in
            rd_kafka_mock_topic_create(
                cluster, name, Int32(clamping: partitions), Int32(clamping: min(max(replicationFactor, 1), count)))
        }
        if code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS { return }
        throw KafkaError(code, "The embedded broker did not make the topic \"\(name)\": \(code.text).")
    }

    /// What a client of this cluster needs: where it is, and a short wait of an empty fetch.
    ///
    /// A real broker answers a waiting fetch when a record comes; this one only when `fetch.wait.max.ms` is over (500
    /// ms by default), which would be the delay of every first record after a pause.
    package var clientProperties: KafkaProperties {
        KafkaProperties(["bootstrap.servers": bootstrapServers, "fetch.wait.max.ms": "5"])
    }

    /// Cuts every connection and refuses new ones, as if the brokers were gone. What they hold stays.
    ///
    /// Records that are written but not yet confirmed are confirmed first: a real broker knows an idempotent producer's
    /// repeat by its sequence number and drops it, this one knows repeats of transactional producers only, and a
    /// confirmation that is lost would double its records.
    package func setDown() throws {
        // Fails only when the broker was closed meanwhile, and then there is nothing to clear.
        defer { try? with { rd_kafka_mock_clear_request_errors($0, Self.produceKey) } }
        try with { cluster in
            let refusals = [rd_kafka_resp_err_t](repeating: RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, count: 10_000)
            rd_kafka_mock_push_request_errors_array(cluster, Self.produceKey, refusals.count, refusals)
        }
        // From here nothing is written. Each order to the cluster's thread is done in a later round of its loop than
        // the one before, and what was answered in one round is sent in the next.
        for _ in 0..<4 { try expect("finish what it holds") { rd_kafka_mock_broker_set_rtt($0, -1, 0) } }
        try Self.sockets.withLock { _ in
            try expect("take its brokers down") { rd_kafka_mock_broker_set_down($0, -1) }
        }
    }

    /// The Produce request's key in the Kafka protocol.
    private static let produceKey: Int16 = 0

    /// Takes connections again.
    package func setUp() throws {
        try expect("bring its brokers up") { rd_kafka_mock_broker_set_up($0, -1) }
    }

    /// Makes clients hear that a topic does not exist (whatever it holds), or takes that back.
    ///
    /// For tests: these brokers make any topic that a client asks for, so none is ever unknown by itself.
    package func setTopic(_ name: String, missing: Bool) throws {
        try with { cluster in
            rd_kafka_mock_topic_set_error(
                cluster, name, missing ? RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART : RD_KAFKA_RESP_ERR_NO_ERROR)
        }
    }

    /// Ends the cluster and forgets everything. May be called again.
    package func close() {
        guard
            let last = cluster.withLock({ cluster in
                defer { cluster = nil }
                return cluster
            })
        else { return }
        rd_kafka_mock_cluster_destroy(last.pointer)
        withExtendedLifetime(last.client) {}
    }

    private func expect(_ what: String, _ call: @Sendable (OpaquePointer) -> rd_kafka_resp_err_t) throws {
        let code = try with(call)
        if code != RD_KAFKA_RESP_ERR_NO_ERROR {
            throw KafkaError(code, "The embedded broker could not \(what): \(code.text).")
        }
    }

    private func with<R: Sendable>(_ body: @Sendable (OpaquePointer) -> R) throws -> R {
        try cluster.withLock { cluster in
            guard let cluster else { throw KafkaError.closed("embedded broker") }
            return body(cluster.pointer)
        }
    }
}
