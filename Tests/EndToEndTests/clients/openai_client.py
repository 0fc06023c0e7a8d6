#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The openai client through the gateway: openai_client.py GATEWAY_URL TOKEN. Ends with 0 when everything came back as it should."""
import sys

import openai

gateway, token = sys.argv[1:]
client = openai.OpenAI(base_url=f"{gateway}/embeddings/v1", api_key=token, max_retries=0)

one = client.embeddings.create(model="small", input=["grüße"])
assert len(one.data) == 1, one
three = client.embeddings.create(model="small", input=["a", "bb", "ccc"])
assert [item.index for item in three.data] == [0, 1, 2] and len(three.data[0].embedding) == 3, three

# What policy refuses is an error of the client's own kind, with the problem in it.
try:
    client.embeddings.create(model="small", input=["x"] * 11)
    raise SystemExit("eleven inputs were taken")
except openai.APIStatusError as error:
    assert 400 <= error.status_code < 500 and "policy" in error.response.json()["type"], error

stranger = openai.OpenAI(base_url=f"{gateway}/embeddings/v1", api_key="sk-not-a-token", max_retries=0)
try:
    stranger.embeddings.create(model="small", input=["x"])
    raise SystemExit("a token that is none was taken")
except openai.AuthenticationError as error:
    assert error.response.headers["www-authenticate"].startswith("Bearer"), error.response.headers
