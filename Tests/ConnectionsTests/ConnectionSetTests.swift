// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Connections
import Testing
import YAMLDocument

@Suite("Connections and their addresses")
struct ConnectionSetTests {
    /// The faults of a text that is no set of connections.
    private func faults(_ yaml: String) -> [DocumentError] {
        do {
            _ = try connections(yaml)
            return []
        } catch let error as DocumentErrors {
            return error.errors
        } catch {
            return []
        }
    }

    @Test func `every preset loads`() throws {
        #expect(ConnectionSet.presetNames == ["openai", "chroma", "qdrant", "mlflow", "huggingface", "s3"])
        for name in ConnectionSet.presetNames {
            let connection = try preset(name)
            #expect(connection.settings.preset == name)
        }
    }

    @Test func `a request goes to the connection of its host and longest prefix`() throws {
        let set = try connections(
            """
            connections:
              - { name: root, path: /, upstream: "http://127.0.0.1:1", preset: openai }
              - { name: vectors, path: /vectors, upstream: "http://127.0.0.1:2/base/", preset: qdrant }
              - { name: deep, path: /vectors/eu/, upstream: "http://127.0.0.1:3", preset: qdrant }
              - { name: hub, host: [hub.example.com, hub.local], upstream: "https://127.0.0.1:4", preset: huggingface }
              - { name: hub-api, host: hub.example.com, path: /v, upstream: "https://127.0.0.1:4", preset: qdrant }
              - { name: s3, host: [s3.example.com, "*.s3.example.com"], upstream: "http://127.0.0.1:5", preset: s3 }
            """)
        func route(_ host: String?, _ path: String) -> String? {
            set.route(host: host, path: path).map { "\($0.connection.name) \($0.path)" }
        }
        #expect(route(nil, "/vectors/collections") == "vectors /collections")
        #expect(route("any:80", "/vectors/eu/collections") == "deep /collections")
        #expect(route("any", "/vectors") == "vectors /")
        #expect(route("any", "/vectors/") == "vectors /")
        #expect(route("any", "/vectorsX/a") == "root /vectorsX/a")
        #expect(route("any", "/%76ectors/a") == "root /%76ectors/a")
        #expect(route("any", "/v1/embeddings") == "root /v1/embeddings")
        #expect(route("Hub.Example.com:8443", "/acme") == "hub /acme")
        #expect(route("hub.example.com.", "/v/x") == "hub-api /x")
        #expect(route("s3.example.com", "/bucket/key") == "s3 /bucket/key")
        #expect(route("models.s3.example.com", "/a/b%2Fc") == "s3 /models/a/b%2Fc")
        #expect(route("models.s3.example.com:9000", "/") == "s3 /models")
        #expect(route(".s3.example.com", "/a") == "root /a")
        #expect(route("evils3.example.com", "/a") == "root /a")

        let vectors = try #require(set.route(host: nil, path: "/vectors/collections/a/points/query"))
        let match = try vectors.connection.match("POST", vectors.path, query: "timeout=5")
        #expect(match.upstreamTarget == "/base/collections/a/points/query?timeout=5")
        #expect(vectors.connection.settings.upstream == "http://127.0.0.1:2/base")
    }

    @Test func `a bucket in a host name that climbs is refused`() throws {
        let set = try connections(
            "connections: [{ name: s3, host: '*.s3.example.com', upstream: 'http://127.0.0.1:5', preset: s3 }]")
        let destination = try #require(set.route(host: "...s3.example.com", path: "/x"))
        #expect(refusal { try destination.connection.match("GET", destination.path) }?.kind == .ambiguousPath)
        #expect(set.route(host: nil, path: "/x") == nil)
        #expect(set.route(host: "s3.example.com", path: "/x") == nil)
    }

    @Test func `settings are read with their units and defaults`() throws {
        let set = try connections(
            """
            connections:
              - name: a
                path: /a
                upstream: http://127.0.0.1:1
                preset: qdrant
                credential: { secret: "file:/run/secrets/qdrant" }
                timeouts: { connect: 250ms, response: 2m }
              - name: b
                path: /b
                upstream: http://127.0.0.1:1
                preset: openai
                credential: { header: X-Key, format: "Key {}!", secret: "env:KEY" }
            """)
        let a = try #require(set.connections.first).settings
        let credential = try #require(a.credential)
        #expect(
            [credential.header, credential.format, credential.secret] == ["api-key", "{}", "file:/run/secrets/qdrant"])
        #expect([a.timeouts.connect, a.timeouts.response, a.timeouts.idle] == [250, 120_000, 60_000])
        #expect(a.unmatched == .deny)
        let b = try #require(set.connections.last).settings
        #expect(b.credential?.value(for: "s3cr{}t") == "Key s3cr{}t!")
        #expect(b.credential?.header == "x-key")
    }

    @Test(arguments: [
        ("{ name: a, path: /a, upstream: 'http://h', preset: qdrnt }", "Did you mean 'qdrant'"),
        ("{ name: a, path: /a, upstream: 'http://h', preset: s3, polcy: {} }", "Did you mean 'policy'"),
        ("{ path: /a, upstream: 'http://h', preset: s3 }", "'name' is missing"),
        ("{ name: a b, path: /a, upstream: 'http://h', preset: s3 }", "is no name"),
        ("{ name: a, upstream: 'http://h', preset: s3 }", "not addressed"),
        ("{ name: a, path: /a, upstream: 'ftp://h', preset: s3 }", "no URL"),
        ("{ name: a, path: /a, upstream: 'http://u:p@h', preset: s3 }", "Credentials go to"),
        ("{ name: a, path: /a, upstream: 'http://h/?x=1', preset: s3 }", "a query"),
        ("{ name: a, path: /a, upstream: 'http://h/a/../b', preset: s3 }", "'..' or empty segment"),
        ("{ name: a, path: a, upstream: 'http://h', preset: s3 }", "no path prefix"),
        ("{ name: a, path: /a//b, upstream: 'http://h', preset: s3 }", "no path prefix"),
        ("{ name: a, path: /a, upstream: 'http://h' }", "no routes"),
        ("{ name: a, host: 'http://x/', upstream: 'http://h', preset: s3 }", "no host name"),
        (
            "{ name: a, path: /a, upstream: 'http://h', preset: s3, credential: { secret: hunter2 } }",
            "env:NAME or file:PATH"
        ),
        (
            "{ name: a, path: /a, upstream: 'http://h', preset: s3, credential: { secret: 'env:A', format: x } }",
            "no {}"
        ),
        ("{ name: a, path: /a, upstream: 'http://h', preset: s3, timeouts: { idle: 5 } }", "no duration"),
        ("{ name: a, path: /a, upstream: 'http://h', preset: s3, policy: { limits: { items: -1 } } }", "negative"),
        (
            "{ name: a, path: /a, upstream: 'http://h', preset: s3, policy: { limits: { request_bytes: 5XB } } }",
            "no size"
        ),
        ("{ name: a, path: /a, upstream: 'http://h', preset: s3, policy: { approval: {} } }", "asks for no approval"),
        (
            "{ name: a, path: /a, upstream: 'http://h', preset: s3, policy: { approval: { operations: [x] } } }",
            "unknown operation"
        ),
        (
            "{ name: a, path: /a, upstream: 'http://h', preset: s3, policy: { approval: { items: 1, needed: 0 } } }",
            "1 to 100"
        ),
        (
            "{ name: a, path: /a, upstream: 'http://h', preset: s3, policy: { blocked_patterns: [{ pattern: '(' }] } }",
            "no PCRE2"
        ),
        (
            "{ name: a, path: /a, upstream: 'http://h', preset: s3, policy: { namespaces: { x: [] } } }",
            "names no group"
        ),
        (
            "{ name: a, path: /a, upstream: 'http://h', preset: s3, policy: { deployment_window: { calendar: no.ics } } }",
            "no.ics"
        ),
        ("{ name: a, path: /a, upstream: 'http://h', preset: s3, buckets: { x: models } }", "unknown content"),
        ("{ name: a, path: /a, upstream: 'http://h', routes: [{ match: GET x, operation: other }] }", "is no match"),
        ("{ name: a, path: /a, upstream: 'http://h', routes: [{ match: get /x, operation: other }] }", "upper case"),
        ("{ name: a, path: /a, upstream: 'http://h', routes: [{ match: 'GET /{x', operation: other }] }", "not closed"),
        (
            "{ name: a, path: /a, upstream: 'http://h', routes: [{ match: 'GET /{x}/{x}', operation: other }] }",
            "no new variable"
        ),
        (
            "{ name: a, path: /a, upstream: 'http://h', routes: [{ match: 'GET /{x+}/y', operation: other }] }",
            "last segment"
        ),
        (
            "{ name: a, path: /a, upstream: 'http://h', routes: [{ match: GET /x, operation: othr }] }",
            "Did you mean 'other'"
        ),
        (
            "{ name: a, path: /a, upstream: 'http://h', routes: [{ match: GET /x, operation: other, items: { from: x } }] }",
            "no JSON"
        ),
        (
            "{ name: a, path: /a, upstream: 'http://h', routes: [{ match: GET /x, operation: other, namespace: '{y}' }] }",
            "no variable of the path"
        ),
        (
            "{ name: a, path: /a, upstream: 'http://h', routes: [{ match: GET /x, operation: other, body: stream, items: { from: /l } }] }",
            "never read"
        ),
        (
            "{ name: a, path: /a, upstream: 'http://h', routes: [{ match: GET /x, operation: { corpus: other, checkpoint: other } }] }",
            "no {bucket}"
        ),
    ])
    func `what is wrong is said with its place`(connection: String, message: String) throws {
        let faults = faults("connections:\n  - \(connection)")
        let fault = try #require(faults.first)
        #expect(fault.description.contains(message), "\(fault)")
        #expect(fault.line == 2)
        #expect(!fault.description.contains("hunter2"))
    }

    @Test func `all faults are told at once`() {
        let faults = faults(
            """
            connections:
              - { name: a, path: /a, upstream: "ftp://h", preset: s3, policy: { limits: { items: x }, approval: {} } }
              - { name: b, path: /b, upstream: "http://h", preset: s3, routes: [{ match: GET /x }, { match: x, operation: other }] }
              - { name: c, path: /c, upstream: "http://h", preset: s3 }
              - { name: c, path: /d, upstream: "http://h", preset: s3 }
              - { name: d, path: /c/, upstream: "http://h", preset: s3 }
            """)
        #expect(faults.map(\.line).sorted() == [2, 2, 2, 3, 3, 5, 6])
    }

    @Test func `a route of the connection wins over the preset's`() throws {
        let connection = try preset(
            "qdrant",
            ", routes: [{ match: 'POST /collections/{c}/points/scroll', operation: vectors.export, sensitive: false }]")
        let match = try connection.match("POST", "/collections/a/points/scroll")
        #expect(match.operation == .vectorsExport)
        #expect(!match.isSensitive)
        #expect(try connection.match("POST", "/collections/a/points/query").operation == .vectorsQuery)
    }

    @Test func `operations have their activity and sensitivity`() throws {
        let qdrant = try preset("qdrant")
        let query = try qdrant.match("POST", "/collections/a/points/query")
        #expect(query.activityID == 2)
        #expect(query.accessClass == .vectors)
        #expect(!query.isSensitive)
        let export = try qdrant.match("POST", "/collections/a/snapshots")
        #expect(export.activityID == 2)
        #expect(export.isSensitive)
        let delete = try qdrant.match("DELETE", "/collections/a")
        #expect(delete.activityID == 4)
        let s3 = try preset("s3")
        #expect(try s3.match("GET", "/b/k").activityID == 2)
        #expect(try s3.match("DELETE", "/b/k").activityID == 4)
        #expect(try s3.match("PUT", "/b/k").activityID == 1)
        #expect(Operation.allCases.count == 17)
        let batch = try qdrant.match("POST", "/collections/a/points/batch")
        #expect(batch.operation == .vectorsUpsert)
        let facts = try batch.facts(
            body: Array(#"{"operations": [{"delete": {"points": [1]}}]}"#.utf8), contentType: nil, contentEncoding: nil)
        #expect(facts.operation == .vectorsDelete)
        #expect(facts.activityID == 4)
        #expect(facts.isSensitive)
    }

    @Test func `a git-lfs download is told from an upload by its body`() throws {
        let hub = try preset("huggingface")
        let path = "/acme/ranker.git/info/lfs/objects/batch"
        let down = try hub.facts("POST", path, #"{"operation": "download", "objects": [{"oid": "1"}, {"oid": "2"}]}"#)
        #expect(down.operation == .checkpointDownload)
        #expect(down.items == 2)
        #expect(try hub.facts("POST", path, #"{"operation": "upload", "objects": []}"#).operation == .checkpointUpload)
        #expect(try hub.facts("POST", "/datasets\(path)", #"{"operation":"download"}"#).operation == .corpusRead)
    }

    @Test func `an mlflow GET is read in its query and in its body`() throws {
        let mlflow = try preset("mlflow")
        let path = "/api/2.0/mlflow/registered-models/get"
        #expect(try mlflow.facts("GET", path, query: "name=a", "").namespaces == ["a"])
        #expect(try mlflow.facts("GET", path, #"{"name": "b"}"#).namespaces == ["b"])
        #expect(try mlflow.facts("GET", path, query: "name=a", #"{"name": "b"}"#).namespaces == ["a", "b"])
        let artifacts = "/api/2.0/mlflow-artifacts/artifacts"
        let list = try mlflow.match("GET", artifacts, query: "path=1/run/artifacts")
        #expect(try list.facts(contentLength: nil).namespaces == ["experiments/1"])
        for climbing in ["1/../2", "..", "1/%252e%252e/2", "/2", "1\\2", "./1"] {
            let match = try mlflow.match("GET", artifacts, query: "path=\(climbing.replacing("\\", with: "%5C"))")
            #expect(refusal { try match.facts(contentLength: nil) }?.kind == .ambiguousQuery, "\(climbing)")
        }
    }
}
