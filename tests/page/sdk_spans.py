"""Spans of OpenTelemetry's Python SDK, sent in each form of OTLP over HTTP."""

import base64
import gzip
import json
import logging
import random
from types import SimpleNamespace

from google.protobuf import json_format
from opentelemetry import trace as api
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import RandomIdGenerator, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from recording_relay import request

# The SDK warns of each attribute over the limits, which is meant.
logging.getLogger("opentelemetry").setLevel(logging.ERROR)
IDS = {"traceId", "spanId", "parentSpanId"}


class JsonExporter(SpanExporter):
    """Sends the messages that the SDK's exporter makes as OTLP's JSON, which the SDK cannot write."""

    def __init__(self, port, compress):
        self._port, self._compress = port, compress

    def export(self, spans):
        status, _, answer = post(self._port, encode_spans(spans), "application/json", self._compress)
        assert status == 200, answer
        return SpanExportResult.SUCCESS


def post(port, message, content_type, compress=False):
    body = message.SerializeToString() if content_type == "application/x-protobuf" else to_json(message)
    headers = {"Content-Type": content_type}
    if compress:
        body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
    return request(port, "/v1/traces", headers, body)


def to_json(message):
    """OTLP's JSON is protobuf's with ids in hexadecimal and enumerations by number."""
    def with_hex(value):
        if isinstance(value, list):
            return [with_hex(it) for it in value]
        if isinstance(value, dict):
            return {key: base64.b64decode(it).hex() if key in IDS else with_hex(it) for key, it in value.items()}
        return value

    return json.dumps(with_hex(json_format.MessageToDict(message, use_integers_for_enums=True))).encode()


class ShortIds(RandomIdGenerator):
    """Makes trace ids of 64 bits."""

    def generate_trace_id(self):
        return random.getrandbits(64) | 1


def exporter(port, content_type, compress):
    if content_type == "application/json":
        return JsonExporter(port, compress)
    compression = Compression.Gzip if compress else Compression.NoCompression
    return OTLPSpanExporter(endpoint=f"http://127.0.0.1:{port}/v1/traces", compression=compression)


def send(port, content_type, compress):
    """Sends spans of three processes, and returns their traces with the number of spans."""
    def provider(resource, **settings):
        made = TracerProvider(resource=Resource(resource), **settings)
        made.add_span_processor(BatchSpanProcessor(exporter(port, content_type, compress)))
        return made

    shop = provider({"service.name": "shop é", "zone": "a", "host.name": "h", "shards": [1, 2], "live": True, "raw": b"\1", "deep": {"a": {"b": 1}}})
    store = provider({"service.name": "store"}, id_generator=ShortIds())
    limits = SpanLimits(max_span_attributes=1, max_events=1, max_links=1, max_event_attributes=1)
    cut = provider({"service.name": "cut"}, span_limits=limits)
    small = over_limits(cut.get_tracer("cut"))
    spans = [*values(shop.get_tracer("library", "1.2")), *kinds(store.get_tracer("library")), *relations(shop.get_tracer("x"), store), small]
    for span in reversed(spans):
        span.end()
    for made in shop, store, cut:
        # Shutting down sends what waits.
        made.shutdown()
    traces = [span.get_span_context().trace_id for span in spans]
    return SimpleNamespace(traces={trace: traces.count(trace) for trace in traces}, cut=small.get_span_context().trace_id)


def values(tracer):
    attributes = {"text": "é€𝄞 <&> \u2028 \0", "empty": "", "zero": 0, "small": -5, "exact": 2**53 - 1, "wide": 2**53, "most": 2**63 - 1,
                  "least": -2**63, "half": 0.5, "whole": 3.0, "tiny": 5e-324, "huge": 1e300, "true": True, "false": False,
                  "none": None, "bytes": b"\0\xff", "no bytes": b"", "texts": ["é", "", "<&>\u2028\n\0"],
                  "numbers": [1, -2, 2**53], "truths": [True, False], "nothing": [],
                  "doubles": [0.5, 3.0, -0.0, 1e-6, 1e-7, 1e15, 1e16, 1e20, 1e21, 1.5e300, 123456789012345680.0],
                  "map": {"z": 1, "a": {"b": [b"\1\2", None, {}]}, "ö": "<"}, "mixed": [1, "a", 0.5, True, [1]], "otel.scope.name": "mine"}
    first = tracer.start_span("värde", attributes=attributes)
    first.add_event("event é", {"turn": 1, "half": 0.5, "list": ["a"], "bytes": b"\1"})
    first.add_event("", {"a": ""})
    first.add_event("name", {"event": "another"}, timestamp=1_000)
    try:
        raise ValueError("broken é")
    except ValueError as error:
        first.record_exception(error)
    return [first, tracer.start_span(""), tracer.start_span("old", start_time=1_000), tracer.start_span("far", start_time=2**63 - 2_000)]


def kinds(tracer):
    made = [tracer.start_span("kind", kind=kind) for kind in SpanKind]
    for span, status in zip(made, (Status(StatusCode.OK), Status(StatusCode.ERROR, "bad é"), Status(StatusCode.ERROR), Status(StatusCode.UNSET))):
        span.set_status(status)
    made[4].set_attributes({"error": False, "http.status_code": 500, "span.kind": "client", "otel.status_code": "OK", "hostname": "h"})
    return made


def relations(tracer, store):
    root = tracer.start_span("root")
    below = api.set_span_in_context(root)
    child = store.get_tracer("other", "2").start_span("child", context=below, links=[Link(root.get_span_context(), {"a": 1})])
    child_of = {"opentracing.ref_type": "child_of"}
    far = SpanContext(random.getrandbits(128), 7, True, TraceFlags(1), TraceState([("k", "v"), ("l", "w")]))
    linked = tracer.start_span("linked", links=[Link(far), Link(root.get_span_context(), child_of), Link(child.get_span_context())])
    both = store.get_tracer("other").start_span("both", context=below, links=[Link(root.get_span_context(), child_of), Link(root.get_span_context())])
    remote = tracer.start_span("remote", context=api.set_span_in_context(api.NonRecordingSpan(far)))
    return [root, child, linked, both, remote]


def over_limits(tracer):
    context = SpanContext(9, 9, True, TraceFlags(1))
    span = tracer.start_span("cut", links=[Link(context)] * 3, attributes={"a": 1, "b": 2, "c": 3})
    for _ in range(3):
        span.add_event("event", {"a": 1, "b": 2, "c": 3})
    return span


def send_not_finite(port):
    """Sends one span with the numbers that JSON lacks, and returns its trace."""
    provider = TracerProvider(resource=Resource({"service.name": "odd"}))
    provider.add_span_processor(BatchSpanProcessor(exporter(port, "application/x-protobuf", False)))
    span = provider.get_tracer("x").start_span("odd", attributes={"nan": float("nan"), "more": float("inf"), "less": float("-inf")})
    span.end()
    provider.shutdown()
    return span.get_span_context().trace_id


def not_finite(answer):
    """Returns the numbers of the one span of a trace in OTLP's JSON."""
    span = answer["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    return {it["key"]: it["value"] for it in span["attributes"] if it["key"] in ("nan", "more", "less")}
