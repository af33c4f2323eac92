"""Requests of OTLP that clients may send and the Python SDK does not."""

import time

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span, Status

import sdk_spans

NOW_NS = int(time.time()) * 10**9 + 7


def send(port, content_type, number):
    """Sends the requests with trace ids of this number's own, and returns the traces with their numbers of spans."""
    sent = {}
    for at, make in enumerate((times, kinds, events, links, same_keys, *(named(names) for names in SERVICES))):
        trace = (0xB0D1E5 << 104) + (number << 64) + at
        message = make(trace)
        status, _, answer = sdk_spans.post(port, message, content_type)
        assert status == 200, answer
        sent[trace] = sum(len(scope.spans) for resource in message.resource_spans for scope in resource.scope_spans)
    return sent


def times(trace):
    far = 2**63
    moments = [(NOW_NS, NOW_NS), (NOW_NS, NOW_NS - 5_000), (0, 0), (0, NOW_NS), (NOW_NS, 0),
               (far - 1_000_808, far - 808), (far - 1_000_808, far + 192), (far + 192, far + 7_192)]
    return request([span(trace, number, start_time_unix_nano=start, end_time_unix_nano=end) for number, (start, end) in enumerate(moments, 1)])


def kinds(trace):
    statuses = [Status(), Status(code=1, message="fine"), Status(code=2, message="bad"), Status(message="unset"), Status(code=7)]
    spans = [span(trace, number + 1, kind=number, status=status) for number, status in enumerate(statuses)]
    same = {"span.kind": "client", "error": False, "otel.status_code": "OK", "otel.scope.name": "q", "w3c.tracestate": "x",
            "otel.status_description": "z"}
    spans.append(span(trace, 9, kind=5, status=Status(code=2, message="bad"), trace_state="a=b,c=d", flags=0x301, attributes=attributes(same)))
    spans.append(span(trace, 10, dropped_attributes_count=3, dropped_events_count=4, dropped_links_count=5))
    return request(spans, InstrumentationScope(version="3", attributes=attributes({"scope": 1})))


def events(trace):
    found = [Span.Event(name="e", time_unix_nano=NOW_NS), Span.Event(time_unix_nano=1_000),
             Span.Event(name="n", attributes=attributes({"event": "x"}), dropped_attributes_count=3),
             Span.Event(name="n", attributes=attributes({"event": 4}), time_unix_nano=2**63 + 192)]
    return request([span(trace, 1, events=found)])


def links(trace):
    child_of, follows = attributes({"opentracing.ref_type": "child_of"}), attributes({"opentracing.ref_type": "follows_from"})
    one, two, far = (trace, 1, ()), (trace, 2, ()), (7, 1, ())
    lists = [(0, [one, one]), (1, [one]), (1, [(trace, 1, child_of), one]), (1, [two, far]), (0, [two, one]),
             (1, [(trace, 2, child_of), (trace, 1, child_of)]), (0, [(trace, 1, follows), (trace, 2, child_of)]), (0, [(0, 0, ()), (trace, 0, ())])]
    spans = [span(trace, number, parent_span_id=parent.to_bytes(8, "big") if parent else b"", links=[link(*it) for it in found])
             for number, (parent, found) in enumerate(lists, 2)]
    return request([span(trace, 1, parent_span_id=bytes(8)), *spans])


def link(trace, identity, attributes):
    return Span.Link(trace_id=trace.to_bytes(16, "big"), span_id=identity.to_bytes(8, "big"), attributes=attributes)


def same_keys(trace):
    """Several attributes of one key, spans that are sent twice, and others of the same id."""
    twice = attributes({"a": 1}) + attributes({"a": "2", "": "no key"})
    return request([span(trace, 1, attributes=twice), span(trace, 1, attributes=twice), span(trace, 1, name="other")])


# The attributes for the service's name, which each must have once as text.
SERVICES = [[], [None], [""], [5], [["s"]], ["first", "second"]]


def named(names):
    def make(trace):
        message = request([span(trace, 1)])
        resource = message.resource_spans[0].resource
        del resource.attributes[:]
        for name in names:
            resource.attributes.extend(attributes({"service.name": name, "hostname": "h", "jaeger.version": "v"}))
        return message

    return make


def request(spans, scope=None):
    made = ExportTraceServiceRequest(resource_spans=[ResourceSpans()])
    made.resource_spans[0].resource.attributes.extend(attributes({"service.name": "body", "deep": {"a": ["b", {"c": None}]}}))
    made.resource_spans[0].scope_spans.add(scope=scope, spans=spans)
    return made


def span(trace, identity, **fields):
    defaults = {"name": "op", "start_time_unix_nano": NOW_NS, "end_time_unix_nano": NOW_NS + 5_000}
    return Span(trace_id=trace.to_bytes(16, "big"), span_id=identity.to_bytes(8, "big"), **{**defaults, **fields})


def attributes(values):
    return [KeyValue(key=key, value=any_value(value)) for key, value in values.items()]


def any_value(value):
    if value is None:
        return AnyValue()
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[any_value(it) for it in value]))
    if isinstance(value, dict):
        return AnyValue(kvlist_value=KeyValueList(values=attributes(value)))
    field = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value", bytes: "bytes_value"}[type(value)]
    return AnyValue(**{field: value})
