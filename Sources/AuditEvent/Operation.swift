// SPDX-License-Identifier: Apache-2.0

/// What kind of asset an operation reaches: the reach of an identity is measured in these.
package enum AccessClass: String, Sendable, Equatable, CaseIterable {
    case inference
    case vectors
    case weights
    case trainingData = "training_data"
    case config
    /// Health checks, version questions and what else touches no asset.
    case none
}

/// What a request does, in the words that events, detectors, connections and orders use (DESIGN §2): the one list of operations.
package enum Operation: String, Sendable, Equatable, CaseIterable {
    case embeddingsCreate = "embeddings.create"
    case vectorsQuery = "vectors.query"
    case vectorsUpsert = "vectors.upsert"
    case vectorsDelete = "vectors.delete"
    case vectorsExport = "vectors.export"
    case collectionChange = "collection.change"
    case checkpointList = "checkpoint.list"
    case checkpointDownload = "checkpoint.download"
    case checkpointUpload = "checkpoint.upload"
    case corpusRead = "corpus.read"
    case corpusWrite = "corpus.write"
    case configChange = "config.change"
    case policyChange = "policy.change"
    case sqlQuery = "sql.query"
    case sessionOpen = "session.open"
    case sessionClose = "session.close"
    case other

    /// Whether a name in a list of operations stands for any: an operation, or a family such as `config.*`. Nothing else ever
    /// meets an operation; all of them are meant by leaving the list out.
    package static func isNamed(by name: String) -> Bool {
        if name.hasSuffix(".*") { return allCases.contains { $0.rawValue.hasPrefix(name.dropLast()) } }
        return Operation(rawValue: name) != nil
    }

    /// All of them and how a family is written, to end a sentence about a name that is none.
    package static let known =
        "Write one of \(allCases.map(\.rawValue).joined(separator: ", ")), or a family such as config.*."

    /// The access class that the operation belongs to.
    package var accessClass: AccessClass {
        switch self {
        case .embeddingsCreate: .inference
        case .vectorsQuery, .vectorsUpsert, .vectorsDelete, .vectorsExport, .collectionChange: .vectors
        case .checkpointList, .checkpointDownload, .checkpointUpload: .weights
        case .corpusRead, .corpusWrite: .trainingData
        case .configChange, .policyChange: .config
        case .sqlQuery, .sessionOpen, .sessionClose, .other: .none
        }
    }

    /// What it does to its resource, unless the route says otherwise.
    package var activity: Activity {
        switch self {
        case .vectorsQuery, .sqlQuery: .query
        case .vectorsUpsert: .write
        case .vectorsDelete: .delete
        case .vectorsExport: .read
        case .collectionChange, .configChange, .policyChange: .update
        case .embeddingsCreate, .checkpointUpload, .corpusWrite, .sessionOpen: .create
        case .sessionClose: .delete
        case .checkpointList, .checkpointDownload, .corpusRead, .other: .read
        }
    }

    /// Whether a lockdown asks for approval of it, unless the route says otherwise: it takes out, destroys, plants or
    /// changes what others rely on. Single queries and listings are not: people under lockdown still work.
    package var isSensitive: Bool {
        switch self {
        case .vectorsDelete, .vectorsExport, .collectionChange, .checkpointDownload, .checkpointUpload, .corpusRead,
            .corpusWrite, .configChange, .policyChange:
            true
        default: false
        }
    }
}

/// What is done, as OCSF's activities name it.
package enum Activity: String, Sendable, Equatable, CaseIterable {
    case create, read, update, delete, query, write, connect, list

    /// `activity_id` of API Activity (6003): 1 Create, 2 Read, 3 Update, 4 Delete. What that has no word for is taken for the
    /// nearest one.
    package var id: Int {
        switch self {
        case .create: 1
        case .read, .query, .connect, .list: 2
        case .update, .write: 3
        case .delete: 4
        }
    }
}
