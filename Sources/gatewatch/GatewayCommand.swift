// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Gateway
import Kafka
import Logging
import NIOCore
import ServiceLifecycle
import Telemetry
import UnixSignals
import YAMLDocument

struct GatewayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway",
        abstract: "Stands in front of embedding services, vector databases, model registries and corpora.",
        discussion: """
            gatewatch gateway --config /etc/gatewatch.yml
            gatewatch gateway --config /etc/gatewatch.yml --check     # read all, say what is wrong, serve nothing

            Each request needs a token of a trusted issuer, is judged by orders and policy, and is recorded before it is \
            answered. SIGHUP reads connections, policies, identities and trusted keys anew (a bad set is refused, the old one stays);
            SIGTERM lets running requests end.
            """)

    @OptionGroup var kafka: KafkaOptions
    @OptionGroup var log: LogOptions

    @Option(help: "host:port to listen on, before what the file says; port 0 takes a free one.")
    var listen: String?
    @Option(help: "Folder of the spool and of the orders in force, before what the file says.")
    var state: String?
    @Option(help: "host:port of health and metrics; port 0 takes a free one.")
    var admin: String?
    @Flag(help: "Read the configuration, say whether it can be used, and end.")
    var check = false

    func run() async throws {
        let metrics = startMetrics()
        let logger = log.logger("gatewatch.gateway")
        let file = try kafka.file()
        let properties = try kafka.properties(file)
        var settings = try file.gatewaySettings(kafka: properties)
        let configuration = try file.gatewayConfiguration()
        if let listen {
            guard let address = parseAddress(listen) else {
                throw ValidationError("--listen \(listen): write host:port.")
            }
            settings.listen.host = address.host
            settings.listen.port = address.port
        }
        if let state { settings.stateFolder = state }
        let partitions = try file.gatewayPartitions()
        if check { return Terminal.print("the configuration can be used") }
        if settings.listen.tls == nil, !["127.0.0.1", "::1", "localhost"].contains(settings.listen.host) {
            logger.warning("tokens come in plain text on \(settings.listen.host): give certificate and private_key")
        }
        let topics = GatewayTopics(settings: settings, partitions: partitions, logger: logger)
        // Made before anyone asks for them where Kafka is there. Where it is away, requests are served all the same,
        // and orders of before hold: the start must not wait for it.
        let areMade = await topics.make(timeoutMilliseconds: 3000)
        let (host, kafkaOptions, key) = (settings.listen.host, kafka, settings.key)
        let service = try GatewayService(
            settings: settings, configuration: configuration, logger: logger,
            onListening: { port in logger.notice("requests on \(host):\(port)") })
        let address = try adminAddress(admin, file.gateway, port: 9463)
        let server = AdminServer(
            host: address.host, port: address.port, metrics: metrics, logger: logger,
            onListening: { port in logger.notice("health and metrics on http://\(address.host):\(port)") },
            health: { HealthReport(service.health) })
        let reload = OnHangup(logger: logger) {
            let file = try kafkaOptions.file()
            service.reload(try file.gatewayConfiguration(), trustedKeys: try file.trustedKeys(for: key))
        }
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = [
            .init(service: Listening(address: "\(address.host):\(address.port)", key: "admin", service: server)),
            .init(service: reload),
            .init(
                service: Listening(
                    address: "\(settings.listen.host):\(settings.listen.port)", key: "listen", service: service),
                failureTerminationBehavior: .gracefullyShutdownGroup),
        ]
        if !areMade { services.append(.init(service: topics, successTerminationBehavior: .ignore)) }
        let group = ServiceGroup(
            configuration: .init(
                services: services,
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }
}

/// Makes the gateway's topics that are not there yet; as a service, again and again until Kafka has answered.
private struct GatewayTopics: Service {
    let settings: GatewaySettings
    let partitions: Int32
    let logger: Logger

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            var pause = 1
            repeat {
                try await Task.sleep(for: .seconds(pause))
                pause = min(pause * 2, 30)
            } while await !make(timeoutMilliseconds: 3000)
        }
    }

    /// False when no broker answered. What else goes wrong is logged, and does not get better by doing it again: the
    /// rights to make topics may be someone else's.
    func make(timeoutMilliseconds: Int32) async -> Bool {
        await withCheckedContinuation { done in
            // The calls block.
            DispatchQueue.global().async {
                do {
                    let compact = ["cleanup.policy": "compact"]
                    try KafkaAdmin(properties: settings.kafka, logger: logger).createTopics(
                        [
                            TopicSpecification(name: settings.auditTopic, partitions: partitions),
                            TopicSpecification(name: settings.recordings.topic, partitions: partitions),
                            TopicSpecification(name: settings.ordersTopic, partitions: 4, configuration: compact),
                            TopicSpecification(name: settings.approvalsTopic, partitions: 4, configuration: compact),
                        ], timeoutMilliseconds: timeoutMilliseconds)
                    done.resume(returning: true)
                } catch let error as KafkaError where error.isRetriable {
                    logger.warning("Kafka is away, so topics are made later: \(error)")
                    done.resume(returning: false)
                } catch {
                    logger.warning("topics were not made: \(error)")
                    done.resume(returning: true)
                }
            }
        }
    }
}

/// A service that binds an address, which the system's own error does not name.
private struct Listening: Service {
    let address: String
    /// Where it is configured.
    let key: String
    let service: any Service

    struct CannotListen: Error, CustomStringConvertible {
        let description: String
    }

    func run() async throws {
        do {
            try await service.run()
        } catch let error as IOError {
            throw CannotListen(
                description:
                    "cannot listen on \(address): \(String(cString: strerror(error.errnoCode))). "
                    + "Give another address with gateway.\(key) or --\(key)."
            )
        }
    }
}

/// Does something on SIGHUP; what fails is logged and changes nothing.
struct OnHangup: Service {
    let logger: Logger
    let action: @Sendable () throws -> Void

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            do {
                try action()
                logger.notice("the configuration was read anew")
            } catch {
                logger.error("what is on disk cannot be used, the old set stays: \(error)")
            }
        }
    }
}
