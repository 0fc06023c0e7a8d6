#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The MLflow client through the gateway to a real tracking server: mlflow_client.py GATEWAY_URL FOLDER. Its token is in
MLFLOW_TRACKING_TOKEN, as its users have it."""
import os
import pathlib
import sys

import mlflow
from mlflow import MlflowClient

url, folder = sys.argv[1], pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
mlflow.set_tracking_uri(url)
client = MlflowClient(url, url)

experiment = client.create_experiment("ranking")
run = client.create_run(experiment).info.run_id
client.log_metric(run, "loss", float("nan"))
client.log_param(run, "lr", "0.1")

# Longer than what the gateway holds of anything.
weights = os.urandom(1 << 20) * 8
file = folder / "weights 1.bin"
file.write_bytes(weights)
client.log_artifact(run, str(file), "model")
assert [f.path for f in client.list_artifacts(run, "model")] == ["model/weights 1.bin"]
(folder / "down").mkdir()
local = client.download_artifacts(run, "model/weights 1.bin", str(folder / "down"))
assert pathlib.Path(local).read_bytes() == weights

client.create_registered_model("churn")
version = client.create_model_version("churn", f"runs:/{run}/model", run)
client.set_registered_model_alias("churn", "champion", version.version)
assert client.get_model_version_by_alias("churn", "champion").run_id == run
assert [m.name for m in client.search_registered_models()] == ["churn"]
print(experiment, run)

os.environ["MLFLOW_TRACKING_TOKEN"] = "not-a-token"
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
try:
    client.get_registered_model("churn")
    raise SystemExit("a token that is none was taken")
except mlflow.exceptions.MlflowException as error:
    assert "401" in str(error) or "token" in str(error).lower(), repr(error)
