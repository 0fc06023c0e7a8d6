// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

/// A room of ours: a library target with the settings that all of them share.
func room(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

/// The tests of one room.
func tests(_ room: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(room)Tests", dependencies: [.target(name: room)] + dependencies, swiftSettings: settings)
}

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let metricsCore = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")

let package = Package(
    name: "gatewatch",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // C boundaries: a header and as little else as possible.
        .target(name: "CSimdJSON", cxxSettings: [.unsafeFlags(["-O3"])], linkerSettings: [.linkedLibrary("simdjson")]),
        .systemLibrary(name: "CRdKafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
        .systemLibrary(name: "CICal", pkgConfig: "libical", providers: [.apt(["libical-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        // Reading what people write.
        room("YAMLDocument", [yams]),
        room("Calendar", ["CICal"]),

        // AuditEvent <- Sigma <- Detection <- Pipeline.
        room(
            "AuditEvent", ["CSimdJSON", "YAMLDocument"],
            resources: ["ocsf", "teleport", "cloudtrail", "hoop"].map { .embedInCode("Mappings/\($0).yml") }),
        room("Sigma", ["AuditEvent", "YAMLDocument", "CPCRE2"]),
        room("Detection", ["AuditEvent", "Sigma", "Calendar", crypto, heap]),
        room("Detectors", ["AuditEvent", "Sigma", "Detection", "Calendar", "YAMLDocument", "CZlib"]),
        room(
            "Pipeline", ["AuditEvent", "Sigma", "Detection", "Detectors", "Kafka", "Telemetry", grdb, logging, metrics]),

        // The other processes and what all of them use.
        room("Kafka", ["CRdKafka", logging]),
        room("Telemetry", [hummingbird, lifecycle, logging, metricsCore, metrics, nioCore, httpTypes]),
        room("Delivery", ["CCurl", crypto, grdb, logging, metrics]),
        room("Hub", ["Delivery", "Kafka", "Telemetry", grdb, logging, metrics, lifecycle]),
        room("Fixtures"),

        .executableTarget(
            name: "gatewatch",
            dependencies: [
                "AuditEvent", "Calendar", "CZlib", "Delivery", "Detection", "Detectors", "Fixtures", "Hub", "Kafka",
                "Pipeline", "Sigma",
                "Telemetry", "YAMLDocument", argumentParser, crypto, hummingbird, lifecycle, unixSignals, logging,
                metrics,
                nioCore, httpTypes,
            ], swiftSettings: settings),

        .executableTarget(
            name: "gatewatch-bench",
            dependencies: [
                "AuditEvent", "Calendar", "Detection", "Detectors", "Fixtures", "Kafka", "Pipeline", logging,
            ], path: "Benchmarks/gatewatch-bench", swiftSettings: settings),

        tests("AuditEvent", ["YAMLDocument"]),
        tests("Calendar"),
        tests("Sigma", ["AuditEvent", "YAMLDocument"]),
        tests("Detection", ["AuditEvent", "Sigma", "Calendar"]),
        tests("Kafka", [logging]),
        tests("Pipeline", ["AuditEvent", "Detection", "Detectors", "Kafka", "Telemetry", "YAMLDocument", logging]),
        tests("Delivery", [crypto, grdb, hummingbird, nioCore, httpTypes, logging]),
        tests("Hub", ["Delivery", "Kafka", "Telemetry", lifecycle, grdb, hummingbird, nioCore, httpTypes, logging]),
        tests("Telemetry", [hummingbird, logging, metrics]),
        tests("Detectors", ["AuditEvent", "Calendar", "Detection", "Sigma", "YAMLDocument"]),
        tests("Fixtures", ["Calendar", "CZlib"]),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "Delivery", "Kafka", "Fixtures", grdb, hummingbird, nioCore, httpTypes, logging,
                .target(name: "gatewatch"),
            ], swiftSettings: settings),
    ],
    cxxLanguageStandard: .cxx17
)
