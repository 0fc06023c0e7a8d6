// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import Logging
import Synchronization

/// What librdkafka's callbacks reach through the client's opaque pointer.
///
/// The log callback comes from librdkafka's own threads, the others from whoever polls: everything in this class is safe
/// from any thread.
class ClientContext {
    struct Observed {
        var statistics: String?
        var lastError: KafkaError?
        var fatal: KafkaError?
    }

    let logger: Logger
    let observed = Mutex(Observed())
    let repeats = RepeatLimiter()
    private let servers: String

    init(properties: KafkaProperties, logger: Logger) {
        self.logger = logger
        self.servers = properties["bootstrap.servers"] ?? properties["metadata.broker.list"] ?? "(none configured)"
    }

    /// Keeps the error for `lastError` and logs it, once a minute per kind.
    func report(_ error: KafkaError, kind: String? = nil) {
        observed.withLock { observed in
            observed.lastError = error
            if error.isFatal { observed.fatal = error }
        }
        guard let held = repeats.admit(kind ?? error.code) else { return }
        let again = held > 0 ? " (\(held) more like it since the last line)" : ""
        logger.log(
            level: error.isFatal ? .critical : .error, "\(error.sentence)\(again)",
            metadata: ["code": "\(error.code)"])
    }

    /// Sets the callbacks that every client has.
    static func register(on configuration: OpaquePointer) {
        rd_kafka_conf_set_log_cb(configuration) { client, level, facility, text in
            guard let client, let context = ClientContext.of(rd_kafka_opaque(client)), let text else { return }
            context.log(level, facility.map { String(cString: $0) } ?? "", String(cString: text))
        }
        rd_kafka_conf_set_error_cb(configuration) { client, code, text, opaque in
            guard let client, let context = ClientContext.of(opaque) else { return }
            let reason = text.map { String(cString: $0) } ?? ""
            context.clientError(client, rd_kafka_resp_err_t(rawValue: code), reason)
        }
        rd_kafka_conf_set_stats_cb(configuration) { _, json, count, opaque in
            guard let json, let context = ClientContext.of(opaque) else { return 0 }
            let text = String(decoding: UnsafeRawBufferPointer(start: json, count: count), as: UTF8.self)
            context.observed.withLock { $0.statistics = text }
            return 0  // librdkafka frees its text
        }
    }

    static func of(_ opaque: UnsafeMutableRawPointer?) -> ClientContext? {
        opaque.map { Unmanaged<ClientContext>.fromOpaque($0).takeUnretainedValue() }
    }

    /// librdkafka uses syslog's levels (RFC 5424, section 6.2.1).
    private func log(_ syslog: Int32, _ facility: String, _ text: String) {
        let level: Logger.Level =
            switch syslog {
            case ...2: .critical
            case 3: .error
            case 4: .warning
            case 5: .notice
            case 6: .info
            default: .debug
            }
        // A broker that is away brings a FAIL line for each attempt to connect.
        var again = ""
        if facility == "FAIL" || facility == "ERROR" {
            guard let held = repeats.admit("log \(facility)") else { return }
            if held > 0 { again = " (\(held) more like it since the last line)" }
        }
        logger.log(level: level, "\(text)\(again)", metadata: ["librdkafka": "\(facility)"])
    }

    private func clientError(_ client: OpaquePointer, _ code: rd_kafka_resp_err_t, _ reason: String) {
        if code == RD_KAFKA_RESP_ERR__FATAL {
            var words = [CChar](repeating: 0, count: 512)
            let original = rd_kafka_fatal_error(client, &words, words.count)
            let text = String(decoding: words.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            report(
                KafkaError(
                    original, "The Kafka client cannot go on: \(text). It must be closed and started again.",
                    isFatal: true))
            return
        }
        let sentence =
            switch code {
            case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__TRANSPORT:
                "No Kafka broker answers at \(servers): \(reason). "
                    + "Check that it is up and the address is right; the client keeps trying."
            case RD_KAFKA_RESP_ERR__RESOLVE:
                "The Kafka address \(servers) does not resolve: \(reason). Correct bootstrap.servers or DNS."
            case RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR__SSL:
                "Kafka at \(servers) does not let this client in: \(reason). Check its SASL and TLS properties."
            default:
                "Kafka at \(servers) reports: \(reason). The client keeps trying."
            }
        // librdkafka tells of one outage with several of these codes.
        report(KafkaError(code, sentence), kind: sentence.hasPrefix("No Kafka broker") ? "brokers away" : nil)
    }
}
