// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

/// The routes of a well-known API, part of the program.
struct Preset {
    /// The names that a connection's `preset:` may have.
    static let names = ["openai", "chroma", "qdrant", "mlflow", "huggingface", "s3"]

    let routes: [Route]
    /// How the API takes its credential: header (lower case) and format.
    let header: String
    let format: String

    init(named name: String, errors: inout [DocumentError]) throws(DocumentError) {
        let bytes: [UInt8]
        switch name {
        case "openai": bytes = PackageResources.openai_yml
        case "chroma": bytes = PackageResources.chroma_yml
        case "qdrant": bytes = PackageResources.qdrant_yml
        case "mlflow": bytes = PackageResources.mlflow_yml
        case "huggingface": bytes = PackageResources.huggingface_yml
        case "s3": bytes = PackageResources.s3_yml
        default: throw DocumentError(file: name, message: unknownKey(name, known: Self.names, what: "preset"))
        }
        let file = "preset \(name)"
        let documents = try YAMLReader.documents(text: String(decoding: bytes, as: UTF8.self), file: file)
        guard let document = documents.first else { throw DocumentError(file: file, message: "is empty.") }
        try document.refuseKeys(except: ["credential", "routes"])
        header = try document["credential"]?["header"]?.headerName() ?? "authorization"
        format = try document["credential"]?["format"]?.text() ?? (header == "authorization" ? "Bearer {}" : "{}")
        routes = RouteReader.routes(document["routes"], errors: &errors)
    }
}
