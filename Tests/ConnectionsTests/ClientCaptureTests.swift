// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Connections
import Testing

/// What the real Python clients send (see record_clients.py) is what the presets read.
@Suite("Presets on requests of the real clients")
struct ClientCaptureTests {
    /// What one request must come to.
    struct Expected {
        let operation: Operation
        var items: Int?
        var resource: String?
        var namespace: String?
        /// What the recorded answer returned.
        var returned: Int?

        init(
            _ operation: Operation, _ items: Int? = nil, _ resource: String? = nil, in namespace: String? = nil,
            returned: Int? = nil
        ) {
            self.operation = operation
            self.items = items
            self.resource = resource
            self.namespace = namespace
            self.returned = returned
        }
    }

    /// Checks every request of a capture against the expectation of its step; those of one step in their order.
    private func check(_ name: String, _ connection: Connection, _ expected: [String: [Expected]]) throws {
        var steps: [String: Int] = [:]
        for capture in try Capture.all(name) {
            let index = steps[capture.step, default: 0]
            steps[capture.step] = index + 1
            let label = Comment(rawValue: "\(name): \(capture.step) [\(index)]: \(capture.method) \(capture.path)")
            let list = expected[capture.step] ?? []
            guard list.indices.contains(index) else {
                Issue.record("nothing is expected of \(label)")
                continue
            }
            let want = list[index]
            let match = try connection.match(capture.method, capture.path, query: capture.query)
            let facts: RequestFacts
            if case .inspect = match.body {
                facts = try match.facts(
                    body: capture.bytes, contentType: capture.content_type, contentEncoding: capture.content_encoding)
            } else {
                facts = try match.facts(contentLength: capture.bytes.count)
            }
            #expect(facts.operation == want.operation, label)
            #expect(facts.items == want.items, label)
            if let resource = want.resource { #expect(facts.resources.contains { $0.name == resource }, label) }
            if let namespace = want.namespace { #expect(facts.namespaces.contains(namespace), label) }
            if let returned = want.returned {
                var counter = try #require(match.responseCounter(), label)
                for byte in (capture.answer ?? "").utf8 { counter.feed([byte]) }
                #expect(counter.finish() == returned, label)
            }
            #expect(match.upstreamTarget == capture.path + (capture.query.map { "?\($0)" } ?? ""), label)
        }
        #expect(steps.keys.sorted() == expected.keys.sorted(), "\(name): every step was sent")
    }

    @Test func `openai embeds one, several, tokens`() throws {
        let model = "text-embedding-3-small"
        try check(
            "openai", try preset("openai"),
            [
                "embed one text": [.init(.embeddingsCreate, 1, model, in: model, returned: 1)],
                "embed three texts": [.init(.embeddingsCreate, 3, model, returned: 3)],
                "embed one token array": [.init(.embeddingsCreate, 1, model, returned: 1)],
                "embed two token arrays": [.init(.embeddingsCreate, 2, model, returned: 2)],
                "embed as floats": [.init(.embeddingsCreate, 1, model)],
                "list models": [.init(.other, returned: 1)],
                "retrieve model": [.init(.other, nil, "ft:gpt-4o:acme::1")],
                "delete model": [.init(.configChange, nil, "ft:gpt-4o:acme::1")],
                "chat": [.init(.other, nil, "gpt-4o")],
                "upload file": [.init(.corpusWrite, 1)],
                "download file": [.init(.corpusRead, 1, "file-1")],
                "create tuning job": [.init(.configChange, nil, "fine_tuning/gpt-4o-mini")],
            ])
    }

    @Test func `chroma queries, gets and changes`() throws {
        let space = "default_tenant/default_database"
        try check(
            "chroma", try preset("chroma"),
            [
                "connect": [.init(.other), .init(.other), .init(.other, nil, nil, in: space)],
                "create collection": [.init(.collectionChange, nil, "papers", in: space)],
                "add three": [.init(.other), .init(.vectorsUpsert, 3, in: space)],
                "upsert one": [.init(.vectorsUpsert, 1)],
                "update two": [.init(.vectorsUpsert, 2)],
                "query two embeddings": [.init(.vectorsQuery, 4, in: space, returned: 4)],
                "query by default": [.init(.vectorsQuery, 10, returned: 1)],
                "get everything": [.init(.vectorsQuery, Int.max, returned: 4)],
                "get ids": [.init(.vectorsQuery, 2, returned: 2)],
                "get limited": [.init(.vectorsQuery, 2, returned: 2)],
                "peek": [.init(.vectorsQuery, 3, returned: 3)],
                "count": [.init(.vectorsQuery, 0)],
                "delete ids": [.init(.vectorsDelete, 1)],
                "delete where": [.init(.vectorsDelete, Int.max)],
                "list collections": [.init(.vectorsQuery, 0)],
                "count collections": [.init(.vectorsQuery, 0)],
                "get collection": [.init(.vectorsQuery, 0, "papers")],
                "rename collection": [.init(.collectionChange)],
                "delete collection": [.init(.collectionChange, nil, "papers-2")],
                "create tenant": [.init(.collectionChange, nil, "acme", in: "acme")],
                "create database": [.init(.collectionChange, nil, "acme/hr-data", in: "acme/hr-data")],
                "list databases": [.init(.other, nil, nil, in: "acme")],
                "delete database": [.init(.collectionChange, nil, "acme/hr-data", in: "acme/hr-data")],
                "version": [.init(.other)],
            ])
    }

    @Test func `qdrant searches, writes and exports`() throws {
        let papers = "papers"
        try check(
            "qdrant", try preset("qdrant"),
            [
                "create collection": [.init(.collectionChange, nil, papers)],
                "upsert three": [.init(.vectorsUpsert, 3, papers, in: papers)],
                "upsert batch of two": [.init(.vectorsUpsert, 2, papers)],
                "query": [.init(.vectorsQuery, 5, papers, in: papers, returned: 2)],
                "query by default": [.init(.vectorsQuery, 10, papers)],
                "query by the other collection": [.init(.vectorsQuery, 2, papers, in: "hr-files")],
                "query with prefetch": [.init(.vectorsQuery, 4, papers, in: "hr-files")],
                "query batch": [.init(.vectorsQuery, 13, papers, returned: 2)],
                "query groups": [.init(.vectorsQuery, 8, papers, returned: 2)],
                "scroll": [.init(.vectorsQuery, 100, papers, returned: 1)],
                "scroll by default": [.init(.vectorsQuery, 10, papers)],
                "retrieve two": [.init(.vectorsQuery, 2, papers, returned: 2)],
                "count": [.init(.vectorsQuery, 0, papers)],
                "facet": [.init(.vectorsQuery, 10, papers)],
                "delete two": [.init(.vectorsDelete, 2, papers)],
                "delete by filter": [.init(.vectorsDelete, Int.max, papers)],
                "set payload": [.init(.vectorsUpsert, 1, papers)],
                "update vectors": [.init(.vectorsUpsert, 1, papers)],
                "batch update": [.init(.vectorsDelete, 3, papers)],
                "create index": [.init(.collectionChange, nil, papers)],
                "create snapshot": [.init(.vectorsExport, Int.max, papers)],
                "list snapshots": [.init(.vectorsQuery, 0, papers)],
                "delete snapshot": [.init(.vectorsDelete, nil, papers)],
                "recover snapshot": [.init(.collectionChange, nil, papers)],
                "create full snapshot": [.init(.vectorsExport, Int.max, "*")],
                "list collections": [.init(.vectorsQuery, 0)],
                "exists": [.init(.vectorsQuery, 0, papers)],
                "change collection": [.init(.collectionChange, nil, papers)],
                "change aliases": [.init(.collectionChange, nil, "live", in: papers)],
                "delete collection": [.init(.collectionChange, nil, papers)],
            ])
    }

    @Test func `s3 reads, writes and lists by what the bucket holds`() throws {
        let s3 = try preset("s3", ", buckets: { 'models-*': checkpoint, '*': corpus }")
        let weights = "models-prod/llm/weights.safetensors"
        var expected: [String: [Expected]] = [
            "list buckets": [.init(.other)],
            "list objects": [.init(.corpusRead, 1000, "corpus-eu", in: "corpus-eu")],
            "list seven objects": [.init(.checkpointList, 7, "models-prod")],
            "get object": [.init(.corpusRead, 1, "corpus-eu/2026/ü a+b;c.parquet", in: "corpus-eu")],
            "get model": [.init(.checkpointDownload, 1, weights, in: "models-prod")],
            "head object": [.init(.checkpointList, 0, weights)],
            "put object": [.init(.corpusWrite, 1, "corpus-eu/new/x.csv")],
            "put model": [.init(.checkpointUpload, 1, "models-prod/llm/new.bin")],
            "delete object": [.init(.corpusWrite, 1, "corpus-eu/new/x.csv")],
            "delete three objects": [.init(.corpusWrite, nil, "corpus-eu")],
            "begin multipart": [.init(.checkpointUpload, 0, "models-prod/big")],
            "upload part": [.init(.checkpointUpload, 0, "models-prod/big")],
            "complete multipart": [.init(.checkpointUpload, 1, "models-prod/big")],
            "abort multipart": [.init(.checkpointUpload, 0, "models-prod/big")],
        ]
        expected.merge(
            [
                "copy object": [.init(.corpusWrite, 1, "corpus-eu/stolen")],
                "put policy": [.init(.policyChange, nil, "corpus-eu")],
                "put object acl": [.init(.policyChange, nil, "corpus-eu/new/x.csv")],
                "put lifecycle": [.init(.configChange, nil, "corpus-eu")],
                "get location": [.init(.other)],
                "head bucket": [.init(.other)],
                "create bucket": [.init(.configChange, nil, "new-bucket")],
                "delete bucket": [.init(.configChange, nil, "new-bucket")],
            ]) { $1 }
        try check("s3", s3, expected)

        let copied = refusal {
            try s3.match(method: "PUT", path: "/corpus-eu/stolen", query: nil) { $0 == "x-amz-copy-source" }
        }
        #expect(copied?.kind == .forbiddenHeader)
        #expect(copied?.status == 403)
    }

    @Test func `huggingface downloads, lists and commits`() throws {
        let hub = try preset("huggingface")
        let ranker = "acme/ranker"
        let corpus = "acme/corpus"
        let train = "acme/corpus/data/train.parquet"
        let upload = try Capture.all("huggingface").filter { $0.path.hasPrefix("/lfs-store") }
        #expect(upload.isEmpty, "the storage behind the hub is no part of it")
        var expected: [String: [Expected]] = [
            "download file": [
                .init(.checkpointList, 0, "acme/ranker/sub dir/model.bin"),
                .init(.checkpointDownload, 1, "acme/ranker/sub dir/model.bin", in: ranker),
            ],
            "download file of a revision": [.init(.checkpointList, 0, "acme/ranker/model.bin", in: ranker)],
            "download dataset file": [.init(.corpusRead, 0, train), .init(.corpusRead, 1, train, in: corpus)],
            "download canonical": [
                .init(.checkpointList, 0, "gpt2/config.json"),
                .init(.checkpointDownload, 1, "gpt2/config.json", in: "gpt2"),
            ],
            "download snapshot": [
                .init(.checkpointList, 0, ranker), .init(.checkpointList, 0, ranker, returned: 2),
            ],
            "metadata": [.init(.checkpointList, 0, "acme/ranker/model.bin")],
            "tree": [.init(.checkpointList, 0, ranker, returned: 2)],
            "dataset tree": [.init(.corpusRead, 0, corpus, returned: 2)],
            "paths info": [.init(.checkpointList, 0, ranker)],
            "model info": [.init(.checkpointList, 0, ranker)],
            "dataset info": [.init(.corpusRead, 0, corpus, in: corpus)],
            "list models": [.init(.checkpointList, 0, returned: 2)],
            "list datasets": [.init(.corpusRead, 0)],
        ]
        expected.merge(
            [
                "refs": [.init(.checkpointList, 0, ranker)],
                "upload two files": [
                    .init(.checkpointUpload, 0, ranker), .init(.checkpointUpload, 1, ranker, in: ranker),
                    .init(.checkpointUpload, 2, ranker, in: ranker),
                ],
                "upload to dataset": [.init(.corpusWrite, 0, corpus), .init(.corpusWrite, 1, corpus, in: corpus)],
                "delete file": [.init(.checkpointUpload, 1, ranker)],
                "create repository": [.init(.configChange, nil, ranker, in: ranker)],
                "change settings": [.init(.policyChange, nil, ranker)],
                "create branch": [.init(.configChange, nil, ranker)],
                "create tag": [.init(.configChange, nil, ranker)],
                "delete repository": [.init(.configChange, nil, ranker)],
                "whoami": [.init(.other)],
            ]) { $1 }
        try check("huggingface", hub, expected)
    }

    @Test func `mlflow keeps runs, artifacts and the registry`() throws {
        let runID = try #require(
            try Capture.all("mlflow").first { $0.step == "delete run" }?.body?.split(separator: "\"").dropFirst(3).first
        )
        let run = Expected(.other, nil, nil, in: "runs/\(runID)")
        let weights = "1/\(runID)/artifacts/model/weights 1.bin"
        let model = Expected(.checkpointList, 1, "churn", in: "churn")
        let found = Expected(.checkpointList, 100, nil, in: "experiments/1", returned: 0)
        let change = Expected(.configChange, nil, "churn", in: "churn")
        try check(
            "mlflow", try preset("mlflow"),
            [
                "create experiment": [.init(.other)],
                "create run": [.init(.other, nil, nil, in: "experiments/1")],
                "log metric": [.init(.other)],
                "log parameter": [run],
                "upload artifact": [run, .init(.checkpointUpload, 1, weights, in: "experiments/1")],
                "list artifacts": [run, .init(.checkpointList, 0, in: "experiments/1", returned: 1), run, found],
                "download artifact": [
                    run, .init(.checkpointList, 0, in: "experiments/1"), .init(.other),
                    .init(.checkpointDownload, 1, weights, in: "experiments/1"), run, found,
                ],
                "search runs": [.init(.other, 50, nil, in: "experiments/1", returned: 1)],
                "search experiments": [.init(.other)],
                "create model": [change],
                "create version": [.init(.checkpointUpload, 1, "churn", in: "churn")],
                "get model": [model],
                "search models": [.init(.checkpointList, 7, returned: 1)],
                "search versions": [.init(.checkpointList, 10000, returned: 1)],
                "set alias": [model, change],
                "by alias": [model],
                "download uri": [model, model],
                "set version tag": [model, change],
                "delete version": [model, change],
                "delete model": [model, change],
                "delete run": [.init(.configChange, nil, "runs/\(runID)")],
                "delete experiment": [.init(.configChange, nil, "experiments/1")],
            ])
    }
}
