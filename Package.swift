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

/// Test code is not optimized, in a release build neither: what it tests is, and it compiles in a third of the time.
let testSettings = settings + [.unsafeFlags(["-Onone"])]

/// The tests of one room.
func tests(_ room: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .testTarget(
        name: "\(room)Tests", dependencies: [.target(name: room)] + dependencies, exclude: exclude,
        swiftSettings: testSettings)
}

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let sqlite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTLS = Target.Dependency.product(name: "HummingbirdTLS", package: "hummingbird")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let metricsCore = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioFoundation = Target.Dependency.product(name: "NIOFoundationCompat", package: "swift-nio")
let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioExtras = Target.Dependency.product(name: "NIOExtras", package: "swift-nio-extras")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let jwtKit = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
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
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        // C boundaries: a header and as little else as possible.
        .target(name: "CSimdJSON", cxxSettings: [.unsafeFlags(["-O3"])], linkerSettings: [.linkedLibrary("simdjson")]),
        .systemLibrary(name: "CRdKafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .target(name: "CPrefetch"),
        .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
        .systemLibrary(name: "CICal", pkgConfig: "libical", providers: [.apt(["libical-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        room("JSONText"),

        // Reading what people write.
        room("YAMLDocument", [yams]),
        room("PCRE2", ["CPCRE2"]),
        room("Calendar", ["CICal"]),

        // AuditEvent <- Sigma <- Detection <- Pipeline.
        room(
            "AuditEvent", ["CSimdJSON", "PCRE2", "YAMLDocument"],
            resources: ["ocsf", "teleport", "cloudtrail", "hoop", "sshd"].map { .embedInCode("Mappings/\($0).yml") }),
        room("Sigma", ["AuditEvent", "YAMLDocument", "PCRE2"]),
        room("Baseline"),
        room("Detection", ["AuditEvent", "Baseline", "CPrefetch", "Sigma", "Calendar", "JSONText", crypto, heap]),
        room("Detectors", ["AuditEvent", "Sigma", "Detection", "Calendar", "JSONText", "YAMLDocument", "CZlib"]),
        room(
            "Pipeline",
            [
                "AuditEvent", "Sigma", "Detection", "Detectors", "Kafka", "Orders", "Signing", "Telemetry", grdb,
                logging,
                metrics, sqlite,
            ]),

        // The other processes and what all of them use.
        room("Kafka", ["CRdKafka", logging]),
        room("Telemetry", [hummingbird, lifecycle, logging, metricsCore, metrics, nioCore, httpTypes]),
        room("Addresses", ["YAMLDocument"]),
        room("Following", ["Kafka", "Telemetry", logging, metrics]),
        room("Delivery", ["Addresses", "CCurl", "Kafka", crypto, grdb, logging, metrics]),
        room(
            "Notifications",
            [
                "Addresses", "AuditEvent", "Delivery", "Finding", "JSONText", "Kafka", "Sigma", "YAMLDocument", crypto,
                mustache,
            ]),
        room("Finding"),
        room("Paging", [grdb]),
        room("ServerTLS", [nioSSL]),
        room("Routing", ["Finding", "JSONText", "PCRE2", "YAMLDocument", crypto, grdb]),
        room("Incidents", ["Approvals", "Finding", "JSONText", "Orders", "Paging", "Signing", "Telemetry", grdb]),
        room(
            "Hub",
            [
                "Activity",
                "Delivery", "Finding", "Following", "Incidents", "Kafka", "Notifications", "Orders", "Paging",
                "Recordings",
                "Routing", "Signing", "Telemetry", grdb, logging, metrics, lifecycle,
            ]),
        // What people look at.
        room("Charts"),
        room(
            "Desk",
            [
                "Activity", "Approvals", "AuditEvent", "Delivery", "Hub", "Incidents", "Kafka", "Notifications",
                "Orders", "Paging",
                "Recordings", "Routing",
                "Signing", "Telemetry", crypto, grdb, logging,
            ]),
        // What people see and do. Desk <- Web <- Console, API.
        room(
            "Web",
            [
                "Addresses", "Desk", "JSONText", "OIDC", "ServerTLS", "Telemetry", asyncHTTPClient, crypto, grdb,
                httpTypes,
                hummingbird,
                hummingbirdCore, hummingbirdTLS, lifecycle, logging, metrics, nioCore, nioPosix, nioSSL,
            ]),
        room(
            "Console",
            [
                "Activity", "Approvals", "Charts", "Delivery", "Desk", "Finding", "Hub", "Incidents", "Notifications",
                "Orders", "Paging",
                "Routing",
                "Telemetry", "Web", crypto, grdb, httpTypes, hummingbird, lifecycle, logging, mustache, nioCore,
            ],
            resources: [.embedInCode("Templates"), .embedInCode("Assets")]),
        room(
            "API",
            [
                "Activity", "Approvals", "AuditEvent", "Delivery", "Desk", "Finding", "Hub", "Incidents", "JSONText",
                "Notifications", "Orders", "Paging",
                "Recordings", "Routing", "Signing", "Telemetry", "Web", httpTypes, hummingbird, nioCore,
            ]),

        room(
            "Report",
            [
                "Activity", "AuditEvent", "Calendar", "Charts", "Delivery", "Finding", "Incidents", "Notifications",
                "Orders", "Signing", "Telemetry", crypto, grdb, lifecycle, logging,
            ]),
        room(
            "Activity",
            ["AuditEvent", "Baseline", "Following", "JSONText", "Kafka", "Paging", "Telemetry", grdb, logging, metrics]),
        room("Fixtures", ["JSONText"]),
        room(
            "FixtureHub",
            [
                "Activity", "Approvals", "AuditEvent", "Delivery", "Detection", "Detectors", "Fixtures", "Hub",
                "Incidents",
                "Kafka", "Notifications", "Orders", "Pipeline", "Signing", crypto, grdb, logging,
            ]),
        room(
            "LocalServices", [asyncHTTPClient, crypto, hummingbird, lifecycle, logging, nioCore, nioHTTP1, httpTypes]),

        // Enforcement, and the data path that it acts on.
        room("Signing", ["JSONText", "YAMLDocument", crypto]),
        room("Orders", ["Signing"]),
        room("Approvals", ["Signing"]),
        room("Recordings", ["CZlib", "JSONText", "Paging", "Signing", crypto, grdb]),
        room(
            "OIDC",
            ["JSONText", "Signing", asyncHTTPClient, jwtKit, crypto, logging, metrics, nioCore, nioHTTP1, nioSSL]),
        room(
            "Connections", ["AuditEvent", "YAMLDocument", "Calendar", "PCRE2", "CZlib"],
            resources: ["openai", "chroma", "qdrant", "mlflow", "huggingface", "s3"].map {
                .embedInCode("Presets/\($0).yml")
            }),
        room("AuditSpool", ["Kafka", logging, metrics]),
        room(
            "Gateway",
            [
                "Addresses", "AuditEvent", "AuditSpool", "Approvals", "Connections", "Delivery", "JSONText", "Kafka",
                "OIDC",
                "Orders", "Recordings", "ServerTLS",
                "Signing", "Telemetry", "YAMLDocument", asyncHTTPClient, crypto, grdb, lifecycle, logging, metrics,
                nioCore, nioHTTP1, nioHTTP2, nioPosix, nioSSL, nioTLS, nioExtras,
            ]),

        .executableTarget(
            name: "gatewatch",
            dependencies: [
                "Activity", "Addresses", "API",
                "Approvals", "AuditEvent", "AuditSpool", "Baseline", "Calendar", "Charts", "Connections", "Console",
                "CZlib",
                "Delivery", "Desk", "Detection", "Detectors", "Finding", "FixtureHub", "Fixtures", "Gateway", "Hub",
                "Incidents", "JSONText", "Kafka", "LocalServices", "Web",
                "Notifications", "OIDC",
                "Orders", "Paging", "Pipeline", "Recordings", "Report", "Routing", "Sigma", "Signing", "Telemetry",
                "YAMLDocument",
                argumentParser,
                asyncHTTPClient, crypto, grdb, hummingbird, lifecycle, unixSignals, logging, metrics, nioCore, nioHTTP1,
                nioFoundation, httpTypes,
            ], swiftSettings: settings),

        .executableTarget(
            name: "gatewatch-bench",
            dependencies: [
                "Activity", "AuditEvent", "Calendar", "Connections", "Delivery", "Detection", "Detectors", "Finding",
                "Fixtures",
                "Gateway", "Hub",
                "Kafka",
                "LocalServices", "OIDC", "Orders", "Paging", "Pipeline", "Recordings", "Report", "Routing", "Sigma",
                "Signing",
                "YAMLDocument", grdb,
                asyncHTTPClient, hummingbird, httpTypes, logging,
            ], path: "Benchmarks/gatewatch-bench", swiftSettings: settings),

        // Damaged input for all that reads: what is fed, the program that does it for long, a short run among the tests.
        .target(
            name: "Fuzzing",
            dependencies: ["AuditEvent", "Calendar", "Detection", "Detectors", "Sigma", "YAMLDocument"],
            path: "Tests/Fuzzing", swiftSettings: settings),
        .executableTarget(
            name: "gatewatch-fuzz", dependencies: ["Fuzzing", argumentParser], path: "Benchmarks/gatewatch-fuzz",
            swiftSettings: settings),
        tests("Fuzzing"),

        // What reads with programs that are not ours, for several of the tests below.
        .target(
            name: "Independent", dependencies: ["Children"], path: "Tests/Independent", exclude: ["Support"],
            swiftSettings: testSettings),
        // How tests start programs.
        .target(name: "Children", dependencies: ["Kafka"], path: "Tests/Children", swiftSettings: testSettings),
        // What several tests send to, and how they wait.
        .target(
            name: "TestSupport", dependencies: ["Delivery", hummingbird, httpTypes, logging, nioCore],
            path: "Tests/TestSupport", swiftSettings: testSettings),

        tests("Addresses"),
        tests("AuditEvent", ["Children", "YAMLDocument"]),
        tests("Calendar"),
        tests("JSONText"),
        tests("Sigma", ["AuditEvent", "YAMLDocument"]),
        tests("Baseline", ["Fixtures"]),
        tests("Charts"),
        tests(
            "Report",
            ["Activity", "Delivery", "Hub", "Incidents", "Independent", "Notifications", "Signing", grdb, logging]),
        tests("Detection", ["AuditEvent", "Sigma", "Calendar"]),
        tests("Kafka", ["Children", logging]),
        tests(
            "Pipeline",
            [
                "AuditEvent", "Detection", "Detectors", "Kafka", "Orders", "Signing", "Telemetry", "YAMLDocument",
                logging,
            ]),
        tests("Delivery", ["Addresses", "Children", "Kafka", "TestSupport", crypto, grdb]),
        tests("Finding"),
        tests("Routing", ["Finding", "YAMLDocument", grdb]),
        tests("Incidents", ["Approvals", "Paging", "Finding", "JSONText", "Orders", "Signing", grdb]),
        tests(
            "Notifications",
            ["Children", "Delivery", "Independent", "Kafka", "TestSupport", "YAMLDocument"]),
        tests(
            "Hub",
            [
                "Delivery", "Incidents", "Kafka", "Notifications", "Orders", "Recordings", "Routing", "Signing",
                "Telemetry", "TestSupport", "YAMLDocument", lifecycle, grdb,
            ]),
        tests(
            "Desk",
            [
                "Activity", "Approvals", "AuditEvent", "Delivery", "Finding", "Hub", "Incidents", "Kafka",
                "Notifications", "Orders", "Paging",
                "Routing", "Signing", "TestSupport", lifecycle, grdb,
            ]),
        tests(
            "Activity", ["Paging", "AuditEvent", "Fixtures", "Following", "Kafka", "Telemetry", "TestSupport", grdb]),
        tests(
            "API",
            [
                "Activity", "Approvals", "AuditEvent", "Children", "Delivery", "Desk", "Finding", "Hub", "Incidents",
                "Independent", "Kafka",
                "Notifications", "OIDC",
                "Orders",
                "Recordings", "Signing", "Web", asyncHTTPClient, grdb, lifecycle, logging, nioCore, nioHTTP1,
            ]),
        tests("Signing", ["YAMLDocument", crypto]),
        tests("Orders", ["Signing", crypto]),
        tests("Recordings", ["Paging", "Signing", crypto, grdb]),
        tests("Approvals", ["Signing", crypto]),
        tests(
            "OIDC",
            ["Children", "TestSupport", asyncHTTPClient, jwtKit, crypto, metrics, nioCore, nioHTTP1],
            exclude: ["Support/issuer.py"]),
        tests(
            "Connections", ["AuditEvent", "YAMLDocument", "Calendar", "CZlib"],
            exclude: ["Captures", "record_clients.py"]),
        tests("AuditSpool", ["Children", "Kafka", logging]),
        tests(
            "Gateway",
            [
                "Addresses", "Approvals", "AuditEvent", "AuditSpool", "CZlib", "Children", "Connections", "Independent",
                "Kafka",
                "LocalServices", "OIDC",
                "Orders",
                "Recordings", "Signing", "Telemetry", "YAMLDocument", asyncHTTPClient, lifecycle, logging, nioCore,
                nioHTTP1,
                nioHTTP2, nioPosix,
                nioSSL, nioTLS, hummingbird, httpTypes,
            ]),
        tests(
            "Web",
            [
                "Addresses", "Desk", "LocalServices", "OIDC", "Telemetry", asyncHTTPClient, grdb, httpTypes,
                hummingbird, logging,
                nioCore, nioHTTP1, nioSSL,
            ]),
        tests(
            "Console",
            [
                "Activity", "Approvals", "AuditEvent", "Delivery", "Desk", "Finding", "Hub", "Incidents",
                "Independent", "Kafka",
                "LocalServices",
                "Notifications",
                "OIDC", "Orders", "Recordings", "Signing", "TestSupport", "Web", asyncHTTPClient, grdb, hummingbird,
                lifecycle, nioCore, nioHTTP1,
            ]),
        tests("Telemetry", ["Independent", hummingbird, logging, metrics]),
        tests("Detectors", ["AuditEvent", "Calendar", "Detection", "Sigma", "YAMLDocument"]),
        tests("Fixtures", ["Calendar", "CZlib"]),
        tests("FixtureHub", ["Activity", "Fixtures", "Incidents", grdb]),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "Activity", "Children", "Delivery", "Kafka", "Finding", "Fixtures", "Incidents", "Independent",
                "LocalServices",
                "Orders",
                "Recordings", "Signing", "TestSupport", asyncHTTPClient, crypto, grdb, hummingbird,
                lifecycle, nioCore, nioHTTP1, nioFoundation, httpTypes, .target(name: "gatewatch"),
            ], exclude: ["clients", "report"], swiftSettings: settings),
    ],
    cxxLanguageStandard: .cxx17
)
