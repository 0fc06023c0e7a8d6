// SPDX-License-Identifier: Apache-2.0

/// An operation of the gateway with its OCSF class and the service that answers it.
enum FixtureOperation: String {
    case embeddingsCreate = "embeddings.create"
    case vectorsQuery = "vectors.query"
    case vectorsUpsert = "vectors.upsert"
    case vectorsExport = "vectors.export"
    case collectionChange = "collection.change"
    case checkpointList = "checkpoint.list"
    case checkpointDownload = "checkpoint.download"
    case corpusRead = "corpus.read"
    case corpusWrite = "corpus.write"
    case configChange = "config.change"
    case policyChange = "policy.change"
    case sqlQuery = "sql.query"
    case sessionOpen = "session.open"
    case sessionClose = "session.close"
    case other = "other"

    /// `activity_id` of API Activity: 1 Create, 2 Read, 3 Update, 4 Delete.
    var activity: Int {
        switch self {
        case .embeddingsCreate, .corpusWrite, .sessionOpen: 1
        case .vectorsQuery, .sqlQuery, .vectorsExport, .checkpointList, .checkpointDownload, .corpusRead, .other: 2
        case .vectorsUpsert, .collectionChange, .configChange, .policyChange: 3
        case .sessionClose: 4
        }
    }

    var service: String {
        switch self {
        case .embeddingsCreate: "embeddings-prod"
        case .vectorsQuery, .vectorsUpsert, .vectorsExport, .collectionChange: "vectors-prod"
        case .checkpointList, .checkpointDownload: "model-registry"
        case .corpusRead, .corpusWrite: "training-corpus"
        case .configChange, .policyChange: "gateway-admin"
        case .sqlQuery: "warehouse"
        case .sessionOpen, .sessionClose: "bastion"
        case .other: "portal"
        }
    }

    func request(_ resource: String) -> (method: String, path: String) {
        switch self {
        case .embeddingsCreate: ("POST", "/v1/embeddings")
        case .vectorsQuery: ("POST", "/collections/\(resource)/points/query")
        case .vectorsUpsert: ("PUT", "/collections/\(resource)/points")
        case .vectorsExport: ("POST", "/collections/\(resource)/points/scroll")
        case .collectionChange: ("PATCH", "/collections/\(resource)")
        case .checkpointList: ("GET", "/api/2.0/registry/artifacts/list")
        case .checkpointDownload: ("GET", "/api/2.0/registry/artifacts/\(resource)")
        case .corpusRead: ("GET", "/corpus/\(resource)")
        case .corpusWrite: ("PUT", "/corpus/\(resource)")
        case .configChange: ("PATCH", "/admin/config/\(resource)")
        case .policyChange: ("PUT", "/admin/policies/\(resource)")
        case .sqlQuery: ("POST", "/sql/\(resource)")
        case .sessionOpen: ("POST", "/sessions")
        case .sessionClose: ("DELETE", "/sessions/\(resource)")
        case .other: ("GET", "/portal/status")
        }
    }
}

/// Something that an event touches.
struct FixtureResource {
    let type: String
    let name: String

    static func model(_ name: String) -> FixtureResource { FixtureResource(type: "model", name: name) }
    static func checkpoint(_ name: String) -> FixtureResource { FixtureResource(type: "checkpoint", name: name) }
    static func corpus(_ name: String) -> FixtureResource { FixtureResource(type: "corpus", name: name) }
    static func collection(_ name: String) -> FixtureResource { FixtureResource(type: "collection", name: name) }
    static func configuration(_ name: String) -> FixtureResource {
        FixtureResource(type: "pipeline_config", name: name)
    }
    static func policy(_ name: String) -> FixtureResource { FixtureResource(type: "policy", name: name) }
    static func database(_ name: String) -> FixtureResource { FixtureResource(type: "database", name: name) }
}
