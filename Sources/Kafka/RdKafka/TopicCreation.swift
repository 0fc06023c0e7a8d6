// SPDX-License-Identifier: Apache-2.0

import CRdKafka

/// The CreateTopics request (Kafka protocol, key 19) for one topic.
enum TopicCreation {
    static func run(
        _ topic: TopicSpecification, on client: OpaquePointer, _ timeoutMilliseconds: Int32
    ) throws(KafkaError) {
        let what = "The topic \"\(topic.name)\" was not created"
        var words = [CChar](repeating: 0, count: 512)
        var request = rd_kafka_NewTopic_new(
            topic.name, topic.partitions, topic.replicationFactor, &words, words.count)
        guard request != nil else {
            let text = String(decoding: words.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, "\(what): \(text).")
        }
        defer { rd_kafka_NewTopic_destroy(request) }
        for (name, value) in topic.configuration {
            let code = rd_kafka_NewTopic_set_config(request, name, value)
            if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(code, "\(what): \(name): \(code.text).") }
        }
        let queue = rd_kafka_queue_new(client)
        defer { rd_kafka_queue_destroy(queue) }
        let options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_CREATETOPICS)
        defer { rd_kafka_AdminOptions_destroy(options) }
        rd_kafka_AdminOptions_set_request_timeout(options, timeoutMilliseconds, &words, words.count)
        // The broker answers when the topic is known everywhere, so that the next request finds it.
        rd_kafka_AdminOptions_set_operation_timeout(options, timeoutMilliseconds, &words, words.count)
        rd_kafka_CreateTopics(client, &request, 1, options, queue)

        // librdkafka answers by itself after the request's timeout; the margin is for that answer.
        guard let event = rd_kafka_queue_poll(queue, timeoutMilliseconds + 5000) else {
            throw KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT, "\(what): no broker answered.")
        }
        defer { rd_kafka_event_destroy(event) }
        let code = rd_kafka_event_error(event)
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(code, "\(what): \(code.text).") }
        var count = 0
        guard let answer = rd_kafka_event_CreateTopics_result(event),
            let results = rd_kafka_CreateTopics_result_topics(answer, &count), count > 0
        else { throw KafkaError(RD_KAFKA_RESP_ERR__BAD_MSG, "\(what): the broker's answer names no topic.") }
        let result = rd_kafka_topic_result_error(results[0])
        if result == RD_KAFKA_RESP_ERR_NO_ERROR { return }
        let reason = rd_kafka_topic_result_error_string(results[0]).map { String(cString: $0) } ?? result.text
        throw KafkaError(result, "\(what): \(reason).")
    }
}
