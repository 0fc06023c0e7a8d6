#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The chromadb client through the gateway to a real Chroma server: chroma_client.py GATEWAY_PORT TOKEN."""
import sys

import chromadb

port, token = int(sys.argv[1]), sys.argv[2]
client = chromadb.HttpClient(host="127.0.0.1", port=port, headers={"Authorization": f"Bearer {token}"})

papers = client.create_collection("papers", embedding_function=None)
papers.add(ids=["a", "b", "c"], embeddings=[[1, 0, 0], [0, 1, 0], [0, 0, 1]], documents=["x", "y", "z"],
           metadatas=[{"team": "hr"}, {"team": "it"}, {"team": "hr"}])
papers.upsert(ids=["d"], embeddings=[[1, 1, 0]])
assert papers.count() == 4
found = papers.query(query_embeddings=[[1, 0, 0], [0, 1, 0]], n_results=2)
assert [len(ids) for ids in found["ids"]] == [2, 2] and found["ids"][0][0] == "a", found
everything = papers.get(limit=50, include=["embeddings", "documents"])
assert sorted(everything["ids"]) == ["a", "b", "c", "d"], everything
assert papers.get(ids=["a", "b"])["documents"] == ["x", "y"]
papers.delete(ids=["d"])
assert papers.count() == 3
assert [c.name for c in client.list_collections()] == ["papers"]
print(papers.id)

# More than policy allows at once, and everything that there is.
for call in [lambda: papers.query(query_embeddings=[[1, 0, 0]], n_results=500), lambda: papers.get()]:
    try:
        call()
    except Exception as error:
        assert "urn:gatewatch:problem:policy" in str(error), repr(error)
    else:
        raise SystemExit("more than 100 items were given")

client.delete_collection("papers")

try:
    chromadb.HttpClient(host="127.0.0.1", port=port)
except Exception as error:
    assert "token" in str(error).lower() or "401" in str(error), repr(error)
else:
    raise SystemExit("a client without a token was let in")
