#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records what the real Python clients send, for ClientCaptureTests.

    python3 -m venv venv && venv/bin/pip install chromadb openai qdrant-client mlflow huggingface_hub boto3
    venv/bin/python record_clients.py            # writes Captures/*.ndjson beside this file

Each client talks to a small recording server on loopback. Chroma and MLflow requests go on to their real servers; the others get
just enough of an answer for the client to go on. One line per request: the step (what the script asked the client for), method,
path, query, content type and encoding, body (text, or base64), and the start of a JSON answer where it is counted.
"""
import base64
import hashlib
import http.client
import http.server
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from importlib.metadata import version

os.environ.update(
    HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_TELEMETRY="1", ANONYMIZED_TELEMETRY="False", MLFLOW_DISABLE_TELEMETRY="true",
    DO_NOT_TRACK="1", MLFLOW_ENABLE_ASYNC_TRACE_LOGGING="false", AWS_EC2_METADATA_DISABLED="true", HF_TOKEN="hf_example",
    GIT_PYTHON_REFRESH="quiet",
)
OUT = pathlib.Path(__file__).parent / "Captures"
MAXIMUM_BODY = 4096


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Recorder:
    """A server that keeps every request, and answers by a function or from an upstream."""

    def __init__(self, name, answer=None, upstream=None):
        self.name, self.answer, self.upstream = name, answer, upstream
        self.step, self.lines, self.lock = "start", [], threading.Lock()
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def handle_any(self):
                recorder.handle(self)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def body(self, request):
        if request.headers.get("Transfer-Encoding", "").lower() == "chunked":
            data = b""
            while size := int(request.rfile.readline().split(b";")[0], 16):
                data += request.rfile.read(size)
                request.rfile.readline()
            while request.rfile.readline().strip():
                pass
            return data
        return request.rfile.read(int(request.headers.get("Content-Length") or 0))

    def handle(self, request):
        body = self.body(request)
        if self.upstream:
            status, headers, answer = self.forward(request, body)
        else:
            status, headers, answer = self.answer(self, request.command, request.path, body, request.headers)
        path, _, query = request.path.partition("?")
        line = {
            "step": self.step, "method": request.command, "path": path, "query": query or None,
            "content_type": request.headers.get("Content-Type"), "content_encoding": request.headers.get("Content-Encoding"),
        }
        if len(body) <= MAXIMUM_BODY:
            try:
                line["body"] = body.decode()
            except UnicodeDecodeError:
                line["body_base64"] = base64.b64encode(body).decode()
        else:
            line["body_length"] = len(body)
        kind = {k.lower(): v for k, v in headers.items()}.get("content-type", "")
        if "json" in kind and len(answer) <= MAXIMUM_BODY and status < 300 and request.command != "HEAD":
            line["answer"] = answer.decode()
        # Where a hub lets its clients upload to is not the hub.
        if not path.startswith("/lfs-store/"):
            with self.lock:
                self.lines.append({k: v for k, v in line.items() if v is not None})
        request.send_response(status)
        for key, value in headers.items():
            request.send_header(key, value)
        if "content-length" not in {k.lower() for k in headers}:
            request.send_header("Content-Length", str(len(answer)))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(answer)

    def forward(self, request, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=60)
        dropped = {"host", "connection", "transfer-encoding", "content-length", "accept-encoding"}
        headers = {k: v for k, v in request.headers.items() if k.lower() not in dropped}
        connection.request(request.command, request.path, body=body or None, headers=headers)
        response = connection.getresponse()
        answer = response.read()
        kept = {k: v for k, v in response.getheaders() if k.lower() in ("content-type", "location", "content-disposition")}
        connection.close()
        return response.status, kept, answer

    def write(self, packages):
        OUT.mkdir(exist_ok=True)
        with open(OUT / f"{self.name}.ndjson", "w") as file:
            versions = {package: version(package) for package in packages}
            file.write(json.dumps({"recorded_with": versions}) + "\n")
            for line in self.lines:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
        print(f"{self.name}: {len(self.lines)} requests", file=sys.stderr)

    def run(self, step, call, *args, **kwargs):
        self.step = step
        try:
            return call(*args, **kwargs)
        except Exception as error:  # An answer that the client does not like: the request was recorded all the same.
            print(f"  {self.name}: {step}: {type(error).__name__}: {str(error)[:160]}", file=sys.stderr)
            return None


def answer_json(value, status=200, **headers):
    return status, {"Content-Type": "application/json", **headers}, json.dumps(value).encode()


def wait_for(url, process):
    host = url.removeprefix("http://").split("/")[0]
    path = "/" + url.removeprefix("http://").partition("/")[2]
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError(f"the server of {url} has ended")
        try:
            connection = http.client.HTTPConnection(host, timeout=2)
            connection.request("GET", path)
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"nothing answers at {url}")


def openai_client():
    import openai

    def answer(recorder, method, path, body, headers):
        if path.endswith("/embeddings"):
            given = json.loads(body)["input"]
            count = len(given) if isinstance(given, list) and not isinstance(given[0], int) else 1
            vector = base64.b64encode(b"\0\0\x80\x3f" * 3).decode()
            data = [{"object": "embedding", "index": i, "embedding": vector} for i in range(count)]
            return answer_json({"object": "list", "data": data, "model": "text-embedding-3-small",
                                "usage": {"prompt_tokens": 1, "total_tokens": 1}})
        if path.endswith("/chat/completions") or path.endswith("/completions") or path.endswith("/responses"):
            return answer_json({"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": []})
        if method == "DELETE":
            return answer_json({"id": "ft:example", "object": "model", "deleted": True})
        return answer_json({"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "x"}],
                            "has_more": False, "id": "f", "bytes": 1, "created_at": 1, "filename": "f", "purpose": "fine-tune",
                            "status": "processed"})

    r = Recorder("openai", answer)
    client = openai.OpenAI(base_url=r.url + "/v1", api_key="sk-example", max_retries=0)
    model = "text-embedding-3-small"
    r.run("embed one text", client.embeddings.create, model=model, input="grüße 🙂")
    r.run("embed three texts", client.embeddings.create, model=model, input=["a", "bb", "ccc"], dimensions=3)
    r.run("embed one token array", client.embeddings.create, model=model, input=[1, 2, 3, 4])
    r.run("embed two token arrays", client.embeddings.create, model=model, input=[[1, 2], [3]])
    r.run("embed as floats", client.embeddings.create, model=model, input="x", encoding_format="float")
    r.run("list models", lambda: list(client.models.list()))
    r.run("retrieve model", client.models.retrieve, "ft:gpt-4o:acme::1")
    r.run("delete model", client.models.delete, "ft:gpt-4o:acme::1")
    r.run("chat", client.chat.completions.create, model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
    r.run("upload file", client.files.create, file=("train.jsonl", b'{"messages": []}\n'), purpose="fine-tune")
    r.run("download file", client.files.content, "file-1")
    r.run("create tuning job", client.fine_tuning.jobs.create, model="gpt-4o-mini", training_file="file-1")
    r.write(["openai"])


def chroma_client():
    folder, port = tempfile.mkdtemp(), free_port()
    chroma = pathlib.Path(sys.executable).parent / "chroma"
    process = subprocess.Popen([chroma, "run", "--path", folder, "--port", str(port), "--host", "127.0.0.1"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}/api/v2/heartbeat", process)
        import chromadb

        r = Recorder("chroma", upstream=port)
        client = r.run("connect", chromadb.HttpClient, host="127.0.0.1", port=r.port)
        c = r.run("create collection", client.create_collection, "papers", embedding_function=None)
        r.run("add three", c.add, ids=["a", "b", "c"], embeddings=[[1, 0, 0], [0, 1, 0], [0, 0, 1]], documents=["x", "y", "z"],
              metadatas=[{"team": "hr"}, {"team": "it"}, {"team": "hr"}])
        r.run("upsert one", c.upsert, ids=["d"], embeddings=[[1, 1, 0]])
        r.run("update two", c.update, ids=["a", "b"], metadatas=[{"team": "x"}, {"team": "y"}])
        r.run("query two embeddings", c.query, query_embeddings=[[1, 0, 0], [0, 1, 0]], n_results=2)
        r.run("query by default", c.query, query_embeddings=[[1, 0, 0]], where={"team": "hr"})
        r.run("get everything", c.get)
        r.run("get ids", c.get, ids=["a", "b"], include=["embeddings", "documents"])
        r.run("get limited", c.get, limit=2, offset=1)
        r.run("peek", c.peek, limit=3)
        r.run("count", c.count)
        r.run("delete ids", c.delete, ids=["d"])
        r.run("delete where", c.delete, where={"team": "hr"})
        r.run("list collections", client.list_collections)
        r.run("count collections", client.count_collections)
        r.run("get collection", client.get_collection, "papers", embedding_function=None)
        r.run("rename collection", c.modify, name="papers-2")
        r.run("delete collection", client.delete_collection, "papers-2")
        admin = chromadb.AdminClient(chromadb.Settings(
            chroma_api_impl="chromadb.api.fastapi.FastAPI", chroma_server_host="127.0.0.1", chroma_server_http_port=r.port))
        r.run("create tenant", admin.create_tenant, "acme")
        r.run("create database", admin.create_database, "hr-data", "acme")
        r.run("list databases", admin.list_databases, tenant="acme")
        r.run("delete database", admin.delete_database, "hr-data", "acme")
        r.run("version", client.get_version)
        r.write(["chromadb"])
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def qdrant_client():
    from qdrant_client import QdrantClient, models as m

    def answer(recorder, method, path, body, headers):
        def ok(result):
            return answer_json({"result": result, "status": "ok", "time": 0.001})

        point = {"id": 1, "version": 1, "score": 0.5, "payload": {"n": 1}}
        if path == "/":
            return answer_json({"title": "qdrant - vector search engine", "version": "1.15.0", "commit": "x"})
        if "/points/query/batch" in path:
            return ok([{"points": [point]} for _ in json.loads(body)["searches"]])
        if "/points/query/groups" in path:
            return ok({"groups": [{"hits": [point, point], "id": "g"}]})
        if "/points/query" in path:
            return ok({"points": [point, {**point, "id": 2}]})
        if "/points/scroll" in path:
            return ok({"points": [{"id": 1, "payload": {}}], "next_page_offset": None})
        if "/points/count" in path:
            return ok({"count": 4})
        if "/facet" in path:
            return ok({"hits": [{"value": 1, "count": 2}]})
        if "/points/batch" in path:
            return ok([{"operation_id": i, "status": "completed"} for i, _ in enumerate(json.loads(body)["operations"])])
        if "/snapshots" in path and method in ("GET", "POST"):
            one = {"name": "s.snapshot", "size": 3, "creation_time": None}
            return ok(one if method == "POST" else [one])
        if path.split("?")[0].endswith("/points") and method == "POST":
            return ok([{"id": 1, "payload": {}}, {"id": 2, "payload": {}}])
        if path == "/collections":
            return ok({"collections": [{"name": "papers"}]})
        if path.endswith("/exists"):
            return ok({"exists": True})
        if "/points" in path or "/index" in path:
            return ok({"operation_id": 1, "status": "completed"})
        if path.endswith("/aliases") and method == "GET":
            return ok({"aliases": []})
        return ok(True)

    r = Recorder("qdrant", answer)
    c = QdrantClient(url=r.url, api_key="example", check_compatibility=False, timeout=10)
    vector = m.VectorParams(size=3, distance=m.Distance.COSINE)
    r.run("create collection", c.create_collection, "papers", vectors_config=vector)
    points = [m.PointStruct(id=i, vector=[0.1, 0.2, 0.3], payload={"n": i}) for i in (1, 2, 3)]
    r.run("upsert three", c.upsert, "papers", points=points)
    r.run("upsert batch of two", c.upsert, "papers", points=m.Batch(ids=[1, 2], vectors=[[1, 2, 3], [4, 5, 6]]))
    r.run("query", c.query_points, "papers", query=[0.1, 0.2, 0.3], limit=5)
    r.run("query by default", c.query_points, "papers", query=[0.1, 0.2, 0.3])
    r.run("query by the other collection", c.query_points, "papers", query=7, limit=2,
          lookup_from=m.LookupLocation(collection="hr-files"))
    r.run("query with prefetch", c.query_points, "papers", query=m.FusionQuery(fusion=m.Fusion.RRF), limit=4, prefetch=[
        m.Prefetch(query=[0.1, 0.2, 0.3], limit=20), m.Prefetch(query=3, lookup_from=m.LookupLocation(collection="hr-files"))])
    requests = [m.QueryRequest(query=[1, 2, 3], limit=3), m.QueryRequest(query=[3, 2, 1])]
    r.run("query batch", c.query_batch_points, "papers", requests=requests)
    r.run("query groups", c.query_points_groups, "papers", query=[1, 2, 3], group_by="n", limit=4, group_size=2)
    r.run("scroll", c.scroll, "papers", limit=100, with_vectors=True)
    r.run("scroll by default", c.scroll, "papers")
    r.run("retrieve two", c.retrieve, "papers", ids=[1, 2], with_vectors=True)
    r.run("count", c.count, "papers")
    r.run("facet", c.facet, "papers", key="n")
    r.run("delete two", c.delete, "papers", points_selector=[1, 2])
    everything = m.FilterSelector(filter=m.Filter(must=[m.FieldCondition(key="n", match=m.MatchValue(value=1))]))
    r.run("delete by filter", c.delete, "papers", points_selector=everything)
    r.run("set payload", c.set_payload, "papers", payload={"a": 1}, points=[1])
    r.run("update vectors", c.update_vectors, "papers", points=[m.PointVectors(id=1, vector=[1, 2, 3])])
    batch = [m.UpsertOperation(upsert=m.PointsList(points=points[:2])), m.DeleteOperation(delete=m.PointIdsList(points=[3]))]
    r.run("batch update", c.batch_update_points, "papers", update_operations=batch)
    r.run("create index", c.create_payload_index, "papers", field_name="n", field_schema=m.PayloadSchemaType.INTEGER)
    r.run("create snapshot", c.create_snapshot, "papers")
    r.run("list snapshots", c.list_snapshots, "papers")
    r.run("delete snapshot", c.delete_snapshot, "papers", "s.snapshot")
    r.run("recover snapshot", c.recover_snapshot, "papers", location="http://127.0.0.1/s.snapshot")
    r.run("create full snapshot", c.create_full_snapshot)
    r.run("list collections", c.get_collections)
    r.run("exists", c.collection_exists, "papers")
    r.run("change collection", c.update_collection, "papers", optimizers_config=m.OptimizersConfigDiff(indexing_threshold=1))
    alias = m.CreateAliasOperation(create_alias=m.CreateAlias(collection_name="papers", alias_name="live"))
    r.run("change aliases", c.update_collection_aliases, change_aliases_operations=[alias])
    r.run("delete collection", c.delete_collection, "papers")
    r.write(["qdrant-client"])


def mlflow_client():
    folder, port = tempfile.mkdtemp(), free_port()
    process = subprocess.Popen(
        [pathlib.Path(sys.executable).parent / "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
         "--backend-store-uri", f"sqlite:///{folder}/m.db", "--artifacts-destination", f"{folder}/artifacts",
         "--allowed-hosts", "*"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process)
        r = Recorder("mlflow", upstream=port)
        import mlflow
        from mlflow import MlflowClient

        mlflow.set_tracking_uri(r.url)
        c = MlflowClient(r.url, r.url)
        experiment = r.run("create experiment", c.create_experiment, "ranking")
        run = r.run("create run", c.create_run, experiment).info.run_id
        r.run("log metric", c.log_metric, run, "loss", 0.5)
        r.run("log parameter", c.log_param, run, "lr", "0.1")
        file = pathlib.Path(folder) / "weights 1.bin"
        file.write_bytes(b"\0\1\2weights")
        r.run("upload artifact", c.log_artifact, run, str(file), "model")
        r.run("list artifacts", c.list_artifacts, run, "model")
        r.run("download artifact", c.download_artifacts, run, "model/weights 1.bin", folder)
        r.run("search runs", c.search_runs, [experiment], max_results=50)
        r.run("search experiments", c.search_experiments)
        r.run("create model", c.create_registered_model, "churn")
        r.run("create version", c.create_model_version, "churn", f"runs:/{run}/model", run)
        r.run("get model", c.get_registered_model, "churn")
        r.run("search models", c.search_registered_models, max_results=7)
        r.run("search versions", c.search_model_versions, "name='churn'")
        r.run("set alias", c.set_registered_model_alias, "churn", "champion", "1")
        r.run("by alias", c.get_model_version_by_alias, "churn", "champion")
        r.run("download uri", c.get_model_version_download_uri, "churn", "1")
        r.run("set version tag", c.set_model_version_tag, "churn", "1", "k", "v")
        r.run("delete version", c.delete_model_version, "churn", "1")
        r.run("delete model", c.delete_registered_model, "churn")
        r.run("delete run", c.delete_run, run)
        r.run("delete experiment", c.delete_experiment, experiment)
        r.write(["mlflow"])
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def huggingface_client():
    folder = tempfile.mkdtemp()
    os.environ["HF_HOME"] = folder
    content = b"weights!"
    commit = "a" * 40

    def answer(recorder, method, path, body, headers):
        clean = path.split("?")[0]
        if "/resolve/" in clean:
            etag = hashlib.sha256(content).hexdigest()
            common = {"ETag": f'"{etag}"', "X-Repo-Commit": commit, "Content-Type": "application/octet-stream"}
            if "Range" in headers and method == "GET":
                first, _, last = headers["Range"].removeprefix("bytes=").partition("-")
                part = content[int(first):int(last) + 1 if last else None]
                return 206, {**common, "Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"}, part
            return 200, {**common, "Content-Length": str(len(content))}, content
        if "/tree/" in clean:
            return answer_json([{"type": "file", "oid": "1", "size": 8, "path": "model.bin"},
                                {"type": "directory", "oid": "2", "size": 0, "path": "sub"}])
        if "/paths-info/" in clean:
            return answer_json([{"type": "file", "oid": "1", "size": 8, "path": "model.bin"}])
        if "/preupload/" in clean:
            files = json.loads(body)["files"]
            mode = ["lfs" if f["path"].endswith(".bin") else "regular" for f in files]
            return answer_json({"files": [{"path": f["path"], "uploadMode": m, "shouldIgnore": False} for f, m in zip(files, mode)]})
        if clean.endswith("/info/lfs/objects/batch"):
            objects = json.loads(body)["objects"]
            href = f"{recorder.url}/lfs-store/{{}}"
            return 200, {"Content-Type": "application/vnd.git-lfs+json"}, json.dumps({"transfer": "basic", "objects": [
                {**o, "actions": {"upload": {"href": href.format(o["oid"])}}} for o in objects]}).encode()
        if "/commit/" in clean:
            return answer_json({"success": True, "commitOid": commit, "commitUrl": f"{recorder.url}/acme/ranker/commit/{commit}",
                                "hookOutput": ""})
        if clean == "/api/validate-yaml":
            return answer_json({"errors": [], "warnings": []})
        if clean == "/api/repos/create":
            return answer_json({"url": f"{recorder.url}/acme/ranker"})
        if clean == "/api/whoami-v2":
            return answer_json({"type": "user", "name": "alice", "auth": {}})
        if clean in ("/api/models", "/api/datasets"):
            return answer_json([{"id": "acme/ranker"}, {"id": "acme/other"}])
        if clean.endswith("/refs"):
            return answer_json({"branches": [], "converts": [], "tags": []})
        if clean.startswith("/api/models/") or clean.startswith("/api/datasets/"):
            return answer_json({"id": "acme/ranker", "sha": commit, "siblings": [{"rfilename": "model.bin"}], "private": True,
                                "downloads": 0, "likes": 0, "tags": [], "createdAt": "2026-01-01T00:00:00.000Z"})
        return answer_json({})

    r = Recorder("huggingface", answer)
    os.environ["HF_ENDPOINT"] = r.url
    from huggingface_hub import CommitOperationAdd, HfApi

    api = HfApi(endpoint=r.url, token="hf_example")
    r.run("download file", api.hf_hub_download, "acme/ranker", "sub dir/model.bin")
    r.run("download file of a revision", api.hf_hub_download, "acme/ranker", "model.bin", revision="refs/pr/1")
    r.run("download dataset file", api.hf_hub_download, "acme/corpus", "data/train.parquet", repo_type="dataset")
    r.run("download canonical", api.hf_hub_download, "gpt2", "config.json")
    r.run("download snapshot", api.snapshot_download, "acme/ranker")
    r.run("metadata", __import__("huggingface_hub").get_hf_file_metadata, f"{r.url}/acme/ranker/resolve/main/model.bin")
    r.run("tree", lambda: list(api.list_repo_tree("acme/ranker", recursive=True)))
    r.run("dataset tree", lambda: list(api.list_repo_tree("acme/corpus", "data", repo_type="dataset")))
    r.run("paths info", api.get_paths_info, "acme/ranker", ["model.bin", "config.json"])
    r.run("model info", api.model_info, "acme/ranker")
    r.run("dataset info", api.dataset_info, "acme/corpus", revision="main")
    r.run("list models", lambda: list(api.list_models(author="acme", limit=5)))
    r.run("list datasets", lambda: list(api.list_datasets(author="acme")))
    r.run("refs", api.list_repo_refs, "acme/ranker")
    r.run("upload two files", api.create_commit, "acme/ranker", commit_message="two", operations=[
        CommitOperationAdd("config.json", b'{"a": 1}'), CommitOperationAdd("model.bin", b"\0\1" * 8)])
    r.run("upload to dataset", api.upload_file, path_or_fileobj=b"a,b\n", path_in_repo="data/x.csv", repo_id="acme/corpus",
          repo_type="dataset")
    r.run("delete file", api.delete_file, "model.bin", "acme/ranker")
    r.run("create repository", api.create_repo, "acme/ranker", exist_ok=True)
    r.run("change settings", api.update_repo_settings, "acme/ranker", private=False)
    r.run("create branch", api.create_branch, "acme/ranker", branch="dev")
    r.run("create tag", api.create_tag, "acme/ranker", tag="v1")
    r.run("delete repository", api.delete_repo, "acme/ranker")
    r.run("whoami", api.whoami)
    r.write(["huggingface_hub"])
    shutil.rmtree(folder, ignore_errors=True)


def s3_client():
    import boto3
    from botocore.config import Config

    def answer(recorder, method, path, body, headers):
        clean, _, query = path.partition("?")
        xml = {"Content-Type": "application/xml"}
        if "list-type=2" in query:
            return 200, xml, (b'<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>'
                              b"<KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>")
        if method == "POST" and query.startswith("uploads"):
            return 200, xml, (b'<InitiateMultipartUploadResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>b</Bucket>'
                              b"<Key>k</Key><UploadId>u1</UploadId></InitiateMultipartUploadResult>")
        if method == "POST" and "uploadId" in query:
            return 200, xml, (b'<CompleteMultipartUploadResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><ETag>"e"</ETag>'
                              b"</CompleteMultipartUploadResult>")
        if method == "POST" and query.startswith("delete"):
            return 200, xml, b'<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></DeleteResult>'
        if clean == "/" and method == "GET":
            return 200, xml, (b'<ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Buckets></Buckets>'
                              b"</ListAllMyBucketsResult>")
        if "x-amz-copy-source" in {k.lower() for k in headers}:
            return 200, xml, (b'<CopyObjectResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><ETag>"e"</ETag>'
                              b"</CopyObjectResult>")
        if method == "DELETE":
            return 204, {}, b""
        if query:
            return 200, xml, b"<X/>"
        content = b"x" * 10
        common = {"ETag": '"e"', "Last-Modified": "Sat, 21 Nov 2026 00:00:00 GMT", "Accept-Ranges": "bytes"}
        if method == "HEAD":
            return 200, {**common, "Content-Length": str(len(content))}, b""
        return 200, common, content if method == "GET" else b""

    r = Recorder("s3", answer)
    settings = dict(endpoint_url=r.url, region_name="us-east-1", aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="example")
    s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}), **settings)
    corpus, models = "corpus-eu", "models-prod"
    r.run("list buckets", s3.list_buckets)
    r.run("list objects", s3.list_objects_v2, Bucket=corpus, Prefix="2026/")
    r.run("list seven objects", s3.list_objects_v2, Bucket=models, MaxKeys=7)
    r.run("get object", s3.get_object, Bucket=corpus, Key="2026/ü a+b;c.parquet")
    r.run("get model", s3.get_object, Bucket=models, Key="llm/weights.safetensors", Range="bytes=0-3")
    r.run("head object", s3.head_object, Bucket=models, Key="llm/weights.safetensors")
    r.run("put object", s3.put_object, Bucket=corpus, Key="new/x.csv", Body=b"a,b\n1,2\n", ContentType="text/csv")
    r.run("put model", s3.put_object, Bucket=models, Key="llm/new.bin", Body=b"\0\1")
    r.run("delete object", s3.delete_object, Bucket=corpus, Key="new/x.csv")
    r.run("delete three objects", s3.delete_objects, Bucket=corpus, Delete={"Objects": [{"Key": k} for k in "abc"]})
    upload = r.run("begin multipart", s3.create_multipart_upload, Bucket=models, Key="big")["UploadId"]
    part = r.run("upload part", s3.upload_part, Bucket=models, Key="big", UploadId=upload, PartNumber=1, Body=b"part")
    parts = {"Parts": [{"PartNumber": 1, "ETag": '"e"'}]}
    r.run("complete multipart", s3.complete_multipart_upload, Bucket=models, Key="big", UploadId=upload, MultipartUpload=parts)
    r.run("abort multipart", s3.abort_multipart_upload, Bucket=models, Key="big", UploadId=upload)
    r.run("copy object", s3.copy_object, Bucket=corpus, Key="stolen", CopySource={"Bucket": models, "Key": "big"})
    r.run("put policy", s3.put_bucket_policy, Bucket=corpus, Policy="{}")
    r.run("put object acl", s3.put_object_acl, Bucket=corpus, Key="new/x.csv", ACL="public-read")
    r.run("put lifecycle", s3.put_bucket_lifecycle_configuration, Bucket=corpus, LifecycleConfiguration={
        "Rules": [{"ID": "x", "Status": "Enabled", "Prefix": "", "Expiration": {"Days": 1}}]})
    r.run("get location", s3.get_bucket_location, Bucket=corpus)
    r.run("head bucket", s3.head_bucket, Bucket=corpus)
    r.run("create bucket", s3.create_bucket, Bucket="new-bucket")
    r.run("delete bucket", s3.delete_bucket, Bucket="new-bucket")
    r.write(["boto3"])


if __name__ == "__main__":
    clients = dict(openai=openai_client, chroma=chroma_client, qdrant=qdrant_client, mlflow=mlflow_client,
                   huggingface=huggingface_client, s3=s3_client)
    for name in sys.argv[1:] or clients:
        clients[name]()
