"""Compares traces in Jaeger's JSON: the collector's with those of the real Jaeger, which keeps less of what it receives.

`as_jaeger` makes of the collector's answer what the real one must answer to the same bytes. Each rule says what
Jaeger 1.76 does; all else must be equal.
"""

import json

DROPPED = {"otel.dropped_attributes_count", "otel.dropped_events_count", "otel.dropped_links_count"}
KINDS = {"client", "server", "producer", "consumer", "internal"}
NEGATIVE = "Negative duration detected"


def flat(answer):
    """Returns an answer without what may differ: the order of spans and tags, and the names of processes."""
    data = [dict(trace) for trace in answer["data"]]
    for trace in data:
        processes = {name: {**it, "tags": flat_tags(it["tags"])} for name, it in trace.pop("processes").items()}
        spans = [flat_span(span, processes) for span in trace["spans"]]
        trace["spans"] = sorted(spans, key=lambda span: (span["spanID"], json.dumps(span)))
    return {**answer, "data": data}


def flat_span(span, processes):
    flat = {**span, "tags": flat_tags(span["tags"]), "process": processes[span["processID"]]}
    flat["logs"] = [{**log, "fields": flat_tags(log["fields"])} for log in span["logs"]]
    del flat["processID"]
    # What the warning quotes is the end that Jaeger did not keep.
    flat["warnings"] = [it[:len(NEGATIVE)] for it in span["warnings"] or []]
    return flat


def flat_tags(tags):
    """Tags by key; those of one key keep their order."""
    return sorted((flat_tag(tag) for tag in tags), key=lambda tag: tag["key"])


def flat_tag(tag):
    value = tag["value"]
    if tag["type"] == "float64":
        # Go writes 3.0 as 3: the same number of JSON.
        value = float(value)
    elif tag["type"] == "string" and value[:1] in ("[", "{"):
        # Go escapes five characters of JSON in text that would be valid as they are: the same JSON.
        for code in (0x26, 0x3C, 0x3E, 0x2028, 0x2029):
            value = value.replace(f"\\u{code:04x}", chr(code))
    return {**tag, "value": value}


def as_jaeger(answer, thrift):
    """Returns the collector's answer as Jaeger must answer to the same Thrift, or to the same OTLP."""
    answer = flat(answer)
    for trace in answer["data"]:
        trace["spans"] = sorted((span_as_jaeger(span, thrift) for span in trace["spans"]),
                                key=lambda span: (span["spanID"], json.dumps(span)))
    return answer


def span_as_jaeger(span, thrift):
    span = dict(span)
    # Jaeger keeps no flags.
    span.pop("flags", None)
    span["startTime"], span["duration"], span["warnings"] = times(span["startTime"], span["duration"])
    span["tags"], span["logs"] = without_counts(span["tags"]), [log_as_jaeger(log, thrift) for log in span["logs"]]
    if thrift:
        span["tags"], span["references"] = tags_of_thrift(span["tags"]), parent_first(span)
        span["process"] = process_of_thrift(span["process"])
    return span


def without_counts(tags):
    """Jaeger keeps no counts of what the client left out."""
    return [tag for tag in tags if tag["key"] not in DROPPED]


def times(start, duration):
    """Jaeger holds start and end in nanoseconds of 64 bits, and writes microseconds without a sign."""
    begin, end = signed(start * 1000), signed((start + duration) * 1000)
    # A span that does not end after its start lasts no time and gets a warning, also if both are the same.
    negative = end <= begin
    return micros(begin), 0 if negative else micros(end - begin), [NEGATIVE] if negative else []


def signed(nanoseconds):
    return (nanoseconds + 2**63) % 2**64 - 2**63


def micros(nanoseconds):
    # Go rounds towards zero.
    return (abs(nanoseconds) // 1000 * (1 if nanoseconds >= 0 else -1)) % 2**64


def parent_first(span):
    """A reference in the same trace, a child-of one if there is any, becomes the parent of a span that names none."""
    found = span["references"]
    here = [it for it in found if it["traceID"] == span["traceID"]]
    parent = next((it for it in here if it["refType"] == "CHILD_OF"), here[0] if here else None)
    return [parent] + [it for it in found if it != parent] if parent else found


def log_as_jaeger(log, thrift):
    fields = without_counts(log["fields"])
    if thrift:
        fields = last_of_each_key(fields)
        # The field `event` becomes the event's name, which is a text, and is left out where it is empty.
        fields = [it for it in fields if it["key"] != "event" or (it["type"] == "string" and it["value"])]
    return {"timestamp": micros(signed(log["timestamp"] * 1000)), "fields": fields}


def last_of_each_key(tags):
    return sorted({tag["key"]: tag for tag in tags}.values(), key=lambda tag: tag["key"])


def process_of_thrift(process):
    tags = last_of_each_key(process["tags"])
    for tag in tags:
        # Two tags are renamed to what OpenTelemetry calls them.
        if tag["key"] == "hostname":
            tag["key"] = "host.name"
        elif tag["key"] == "jaeger.version":
            tag.update(key="opencensus.exporterversion", value=f"Jaeger-{tag['value']}")
    return {**process, "tags": sorted(tags, key=lambda tag: tag["key"])}


def tags_of_thrift(tags):
    """Kind and status become fields of their own, and tags again when they are read: the same ones, where they are valid."""
    tags = {tag["key"]: tag for tag in tags}
    kind = tags.get("span.kind")
    if kind and kind["value"] not in KINDS:
        del tags["span.kind"]
    code, message = status(tags, kind and kind["value"])
    if code:
        tags["otel.status_code"] = text("otel.status_code", code)
    if code == "ERROR":
        # Beside a tag `error` that is not `true` there are two of this key.
        tags["error", code] = {"key": "error", "type": "bool", "value": True}
    if message:
        tags["otel.status_description"] = text("otel.status_description", message)
    return sorted(tags.values(), key=lambda tag: tag["key"])


def status(tags, kind):
    """Takes the tags of the status out of the tags and returns its code and its message."""
    code, message = None, tags.get("http.status_message", {}).get("value")
    error = tags.get("error", {})
    named = tags.pop("otel.status_code", {}).get("value")
    if error.get("value") is True:
        del tags["error"]
        code = "ERROR"
    elif named:
        code, message = (named.upper() if named.upper() in ("OK", "ERROR") else None), None
    elif "http.status_code" in tags:
        code = "ERROR" if is_error(int(tags["http.status_code"]["value"]), kind) else None
    else:
        return None, None
    if error.get("value") is True or named:
        message = tags.pop("otel.status_description", {}).get("value", message)
    return code, message


def is_error(http, kind):
    """A server is not to blame for 4xx, and 399 counts as an error."""
    return not 100 <= http < 399 and not (400 <= http < 500 and kind == "server")


def text(key, value):
    return {"key": key, "type": "string", "value": value}


def differences(expected, shown, at="answer"):
    """Returns the number of fields compared, and the differences."""
    if isinstance(expected, dict) and isinstance(shown, dict):
        pairs = [(f".{key}", expected.get(key, "(absent)"), shown.get(key, "(absent)")) for key in sorted({**expected, **shown})]
    elif isinstance(expected, list) and isinstance(shown, list) and len(expected) == len(shown):
        pairs = [(f"[{number}]", *pair) for number, pair in enumerate(zip(expected, shown))]
    else:
        # `True` equals 1 in Python, and not in JSON.
        same = expected == shown and isinstance(expected, bool) == isinstance(shown, bool)
        return 1, [] if same else [f"{at}: expected {json.dumps(expected)}, Jaeger shows {json.dumps(shown)}"]
    inner = [differences(a, b, at + name) for name, a, b in pairs]
    return sum(fields for fields, _ in inner), [line for _, lines in inner for line in lines]
