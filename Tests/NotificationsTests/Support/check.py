# SPDX-License-Identifier: Apache-2.0
"""Reads what Gatewatch sends with programs that are not Gatewatch's: webhook SECRET | ocsf | mail, from standard input as
one JSON object; prints what was read as JSON. Exit status 1 if it cannot be accepted."""
import base64
import email
import email.policy
import json
import sys


def webhook(message, secret):
    from standardwebhooks.webhooks import Webhook

    return Webhook(secret).verify(message["body"], message["headers"])


# The models ask for more than the schema, in which one of name and uid is enough
# (schema.ocsf.io/1.1.0/objects/technique and /service).
STRICTER = {("technique", "name"), ("service", "uid"), ("service", "version")}


def ocsf(message):
    from py_ocsf_models.events.findings.detection_finding import DetectionFinding
    from pydantic import ValidationError

    try:
        DetectionFinding.model_validate(message)
    except ValidationError as error:
        for fault in error.errors():
            if fault["type"] != "missing" or tuple(fault["loc"][-2:]) not in STRICTER:
                raise
    return {"uid": message["finding_info"]["uid"]}


def mail(message):
    parsed = email.message_from_bytes(base64.b64decode(message["content"]), policy=email.policy.default)
    return {
        "headers": [[name, str(value)] for name, value in parsed.items()],
        "defects": [str(defect) for part in parsed.walk() for defect in part.defects],
        "text": parsed.get_body(("plain",)).get_content(),
        "html": parsed.get_body(("html",)).get_content(),
        "to": [str(address) for address in parsed["To"].addresses],
    }


what = sys.argv[1]
message = json.load(sys.stdin)
try:
    result = webhook(message, sys.argv[2]) if what == "webhook" else {"ocsf": ocsf, "mail": mail}[what](message)
except Exception as error:  # whatever the library finds wrong
    sys.exit(f"{type(error).__name__}: {error}")
json.dump(result, sys.stdout)
