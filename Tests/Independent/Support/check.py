# SPDX-License-Identifier: Apache-2.0
"""Reads what Gatewatch sends with programs and published schemas that are not Gatewatch's: check.py WHAT [ARGUMENT], a JSON
array of messages on standard input. Prints an array with {"result": what was read} or {"error": why it cannot be accepted}
for each."""
import base64
import email
import email.policy
import functools
import importlib.util
import json
import os
import sys


class Refused(Exception):
    pass


def valid(validator, message):
    """Refuses what a JSON schema does not allow, with every place."""
    faults = [f"{'/'.join(map(str, fault.absolute_path))}: {fault.message[:300]}" for fault in validator.iter_errors(message)]
    if faults:
        raise Refused("; ".join(faults[:10]))


def webhook(message, secret):
    from standardwebhooks.webhooks import Webhook

    return Webhook(secret).verify(message["body"], message["headers"])



def html(message):
    """A page, by the parsing algorithm of the HTML standard: every parse error refuses it."""
    import html5lib

    parser = html5lib.HTMLParser()
    document = parser.parse(message)
    if parser.errors:
        raise Refused("; ".join(f"line {place[0]}: {code} {data}" for place, code, data in parser.errors[:10]))
    return {"elements": sum(1 for _ in document.iter())}


# MARK: OCSF


@functools.cache
def ocsf_schema(version):
    """OCSF's schema of a version, as schema.ocsf.io exports it."""
    from ocsf_json_schema import get_ocsf_schema

    return get_ocsf_schema(version=version)


@functools.cache
def ocsf_validator(version, class_uid, profiles):
    """The published JSON schema of an event class: attributes that it does not have are refused."""
    from jsonschema import Draft202012Validator
    from ocsf_json_schema import OcsfJsonSchemaEmbedded

    schema = OcsfJsonSchemaEmbedded(ocsf_schema(version))
    name = schema.lookup_class_name_from_uid(class_uid)
    return name, Draft202012Validator(schema.get_class_schema(class_name=name, profiles=list(profiles)))


def captions(value, attributes, objects, path=""):
    """A name beside a number must be the number's (`severity` beside `severity_id`), but for 99, Other."""
    for key, attribute in attributes.items():
        if key not in value:
            continue
        if "enum" in attribute and attribute.get("sibling") in value and value[key] != 99:
            caption = attribute["enum"][str(value[key])]["caption"]
            if value[attribute["sibling"]] != caption:
                raise Refused(f"{path}{attribute['sibling']} is not {caption}")
        inner = objects.get(attribute.get("object_type"))
        if inner:
            for item in value[key] if isinstance(value[key], list) else [value[key]]:
                captions(item, inner["attributes"], objects, f"{path}{key}/")


def ocsf(message):
    metadata = message["metadata"]
    version = metadata["version"]
    name, validator = ocsf_validator(version, message["class_uid"], tuple(metadata.get("profiles", [])))
    valid(validator, message)
    schema = ocsf_schema(version)
    captions(message, schema["classes"][name]["attributes"], schema["objects"])
    if message["type_uid"] != message["class_uid"] * 100 + message["activity_id"]:
        raise Refused("type_uid is not of class_uid and activity_id")
    if name == "detection_finding":
        ocsf_model(message, schema["objects"])
    return {"class": name, "version": version}


def ocsf_model(message, objects):
    """Amazon's models read it, but for what they require and the published schema does not."""
    from py_ocsf_models.events.findings.detection_finding import DetectionFinding
    from pydantic import ValidationError

    try:
        DetectionFinding.model_validate(message)
    except ValidationError as error:
        for fault in error.errors():
            holder, key = fault["loc"][-2:]
            required = objects.get(holder, {}).get("attributes", {}).get(key, {}).get("requirement", "required")
            if fault["type"] != "missing" or required == "required":
                raise


# MARK: Chat and pagers


def slack(message):
    """Slack's own models of blocks, with their limits; what they do not know gets lost on the way through them."""
    from slack_sdk.models.blocks import Block

    if not message.keys() <= {"text", "mrkdwn", "blocks"} or not isinstance(message["text"], str):
        raise Refused("a webhook has text, mrkdwn and blocks")
    blocks = [block.to_dict() for block in Block.parse_all(message["blocks"])]
    if blocks != message["blocks"]:
        raise Refused(f"Slack reads {json.dumps(blocks)[:2000]}")
    return {"blocks": len(blocks)}


@functools.cache
def card_validator(version):
    """The schema that adaptivecards.io publishes, as a package carries it."""
    from jsonschema import Draft6Validator, FormatChecker

    folder = importlib.util.find_spec("adaptive_cards").submodule_search_locations[0]
    with open(os.path.join(folder, "schemas", f"schema-{version}.json"), encoding="utf-8") as file:
        return Draft6Validator(json.load(file), format_checker=FormatChecker())


def teams(message):
    (attachment,) = message["attachments"]
    card = dict(attachment["content"])
    # Teams' own addition: learn.microsoft.com, "Format cards in Microsoft Teams", full width.
    if card.pop("msteams", {"width": "Full"}) != {"width": "Full"}:
        raise Refused("msteams")
    valid(card_validator(card["version"]), card)
    return {"version": card["version"]}


def pagerduty(message):
    """PagerDuty's own client makes the same event of the same words."""
    from pagerduty import EventsApiV2Client

    sent = []

    class Client(EventsApiV2Client):
        def post(self, path, json):
            sent.append((path, json))
            raise Sent

    class Sent(Exception):
        pass

    event = {key: value for key, value in message.items() if key not in ("routing_key", "client", "client_url")}
    client, action, key = Client(message["routing_key"]), event["event_action"], event.get("dedup_key")
    try:
        if action == "trigger":
            payload = dict(event["payload"])
            named = [payload.pop(name) for name in ("summary", "source")]
            client.trigger(
                *named, dedup_key=key, severity=payload.pop("severity"), custom_details=payload.pop("custom_details"),
                payload=payload, links=event.get("links"))
        elif action == "acknowledge":
            client.acknowledge(key)
        elif action == "resolve":
            client.resolve(key)
        else:
            client.send_event(action, dedup_key=key)
    except Sent:
        pass
    if sent != [("/v2/enqueue", event)]:
        raise Refused(f"PagerDuty's client sends {json.dumps(sent)[:2000]}")
    return {"action": action}


def pagerduty_schema(message, path):
    """PagerDuty's OpenAPI document: github.com/PagerDuty/api-schema, reference/events-v2/openapiv3.json."""
    from openapi_schema_validator import OAS30Validator
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT4

    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    schema = document["paths"]["/enqueue"]["post"]["requestBody"]["content"]["application/json"]["schema"]

    def absolute(value):
        if isinstance(value, dict):
            return {key: "urn:events" + item if key == "$ref" else absolute(item) for key, item in value.items()}
        return [absolute(item) for item in value] if isinstance(value, list) else value

    registry = Registry().with_resource("urn:events", Resource(contents=absolute(document), specification=DRAFT4))
    valid(OAS30Validator(absolute(schema), registry=registry), message)
    return {"action": message["event_action"]}


# MARK: Lines and files


def cef(message):
    """Two packages: one takes a line apart, the other knows the extension's keys, their types and lengths."""
    import pycef
    from cefevent import CEFEvent

    line = message["line"]
    values = pycef.parse(line)
    if values is None or values["CEFVersion"] != "0":
        raise Refused("no CEF line")
    event = CEFEvent(strict=True)
    event.set_prefix("severity", values["DeviceSeverity"])
    header = {"DeviceVendor", "DeviceProduct", "DeviceVersion", "DeviceEventClassID", "Name", "DeviceName", "Severity",
              "DeviceSeverity", "CEFVersion"}
    # The package puts a custom field under its label's name: its own key stands in the line.
    labels = {token.split("=", 1)[1]: token.split("Label=")[0] for token in message["labels"]}
    for key, value in values.items():
        # The one key of the standard that the package lacks: eventOutcome, a string of 63.
        if key in header or key == "outcome" and len(value) <= 63:
            continue
        key = labels.get(key, key)
        types = (event.get_field_metadata(key) or {}).get("data_type", [])
        event.set_field(key, int(value) if {"Integer", "Long"} & set(types) else value)
    for label, key in labels.items():
        event.set_field(f"{key}Label", label)
    return values


def mail(message):
    parsed = email.message_from_bytes(base64.b64decode(message["content"]), policy=email.policy.default)
    return {
        "headers": [[name, str(value)] for name, value in parsed.items()],
        "defects": [str(defect) for part in parsed.walk() for defect in part.defects],
        "text": parsed.get_body(("plain",)).get_content(),
        "html": parsed.get_body(("html",)).get_content(),
        "to": [str(address) for address in parsed["To"].addresses],
    }


def junit(message):
    from junitparser import JUnitXml

    suites = JUnitXml.fromstring(message["text"].encode())
    cases = [case for suite in suites for case in suite]
    for suite in suites:
        failures = sum(1 for case in suite if any(type(result).__name__ == "Failure" for result in case.result))
        if (suite.tests, suite.failures) != (len(list(suite)), failures):
            raise Refused(f"{suite.name} counts {suite.tests} tests and {suite.failures} failures")
    return {"tests": len(cases), "failed": [case.name for case in cases if not case.is_passed]}


def problem(message):
    from jentic.problem_details import ProblemDetail

    read = ProblemDetail.model_validate(message, strict=True)
    return {"status": read.status, "title": read.title}


def prometheus(message):
    from prometheus_client.parser import text_string_to_metric_families

    families = list(text_string_to_metric_families(message["text"]))
    if any(family.type == "unknown" for family in families):
        raise Refused("a series has no type")
    return {sample.name + json.dumps(sample.labels, sort_keys=True): sample.value for f in families for sample in f.samples}


CHECKS = {
    "webhook": webhook, "ocsf": ocsf, "slack": slack, "teams": teams, "pagerduty": pagerduty,
    "pagerduty-schema": pagerduty_schema, "cef": cef, "mail": mail, "junit": junit, "problem": problem,
    "prometheus": prometheus, "html": html,
}

check, arguments = CHECKS[sys.argv[1]], sys.argv[2:]
answers = []
for message in json.load(sys.stdin):
    try:
        answers.append({"result": check(message, *arguments)})
    except Exception as error:  # whatever the library finds wrong
        answers.append({"error": f"{type(error).__name__}: {error}"})
json.dump(answers, sys.stdout)
