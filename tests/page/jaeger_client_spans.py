"""Spans of Jaeger's Python client, and batches of its Thrift types that its interface cannot make."""

import time
from types import SimpleNamespace

from jaeger_client import Config
from jaeger_client.thrift_gen.jaeger import ttypes
from opentracing import Format, child_of, follows_from
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TTransport import TMemoryBuffer

from collector import until
from recording_relay import request

TRACES = 0x7A65 << 108
TWICE = TRACES + 1
NOW_US = int(time.time() * 1e6)
CHILD_OF, FOLLOWS_FROM = ttypes.SpanRefType.CHILD_OF, ttypes.SpanRefType.FOLLOWS_FROM


def tracer(service, port, binary, wide, **tags):
    settings = {"sampler": {"type": "const", "param": 1}, "tags": tags, "reporter_flush_interval": 0.05,
                "generate_128bit_trace_id": wide, "local_agent": {"reporting_host": "127.0.0.1", "reporting_port": port}}
    made = Config(config=settings, service_name=service, validate=True).new_tracer()
    if binary:
        made.reporter.getProtocol = Binary
    return made


class Binary(TBinaryProtocol):
    """Takes bytes for `vBinary`, which the client's code takes for text, and writes strictly, as UDP receivers ask."""

    def __init__(self, transport):
        super().__init__(transport, strictRead=True, strictWrite=True)

    def writeString(self, value):
        self.writeBinary(value if isinstance(value, bytes) else value.encode())


def send(port, binary):
    """Sends spans of two processes, and returns their traces with the number of spans, and the flags by span."""
    shop = tracer("shop é", port, binary, True, zone="a", shards=7, ratio=0.25, live=True, empty="")
    store = tracer("store", port, binary, False)
    spans = [*values(shop), *relations(shop, store), *events(store), *outcomes(shop), *debugged(shop)]
    # In reverse, as children end before their parents.
    for span in reversed(spans):
        span.finish()
    for made in shop, store:
        until(made.close().done, "the client sends what waits")
    traces = [span.trace_id for span in spans]
    return SimpleNamespace(traces={trace: traces.count(trace) for trace in traces},
                           flags={span.span_id: span.context.flags for span in spans})


def values(shop):
    tags = {"text": "é€𝄞 <&> \u2028", "empty": "", "zero": 0, "small": -5, "exact": 2**53 - 1, "wide": 2**53, "most": 2**63 - 1,
            "least": -2**63, "half": 0.5, "whole": 3.0, "tiny": 5e-324, "huge": 1e300, "true": True, "false": False,
            "list": [1, "a"], "[json": "[1,"}
    return [shop.start_span("värde", tags=tags), shop.start_span("", start_time=0.0), shop.start_span("old", start_time=12.5)]


def relations(shop, store):
    root = shop.start_span("root")
    child = store.start_span("child", child_of=root)
    after = store.start_span("after", references=[follows_from(root.context)])
    other = store.start_span("other")
    joined = shop.start_span("joined", references=[child_of(root.context), follows_from(other.context), follows_from(child.context)])
    carrier = {}
    shop.inject(joined, Format.TEXT_MAP, carrier)
    far = store.start_span("far", child_of=store.extract(Format.TEXT_MAP, carrier))
    return [root, child, after, other, joined, far]


def events(store):
    span = store.start_span("events")
    span.log_kv({"event": "hello", "turn": 1, "half": 0.5, "on": True, "message": "é"})
    span.log_kv({"no": "event"}, timestamp=1.5)
    span.log_kv({})
    span.log_event("old way", {"payload": 1})
    span.set_baggage_item("key", "välue")
    span.set_baggage_item("key", "again")
    return [span]


def outcomes(shop):
    found = []
    for tags in ({"error": True}, {"error": False}, {"error": "true"}, {"http.status_code": 200}, {"http.status_code": 503},
                 {"http.status_code": 404, "span.kind": "client"}, {"http.status_code": 404, "span.kind": "server"},
                 {"span.kind": "producer"}, {"span.kind": "consumer"}, {"span.kind": "weird"},
                 {"error": True, "http.status_code": 200, "http.status_message": "fine"},
                 {"error": False, "http.status_code": 500}, {"otel.status_code": "error", "otel.status_description": "d"},
                 {"otel.status_code": "OK", "http.status_code": 500}, {"otel.status_code": "what"}):
        found.append(shop.start_span("outcome", tags=tags))
    return found


def debugged(shop):
    forced = shop.start_span("forced")
    forced.set_tag("sampling.priority", 1)
    named = shop.start_span("named", child_of=shop.extract(Format.TEXT_MAP, {"jaeger-debug-id": "find me"}))
    return [forced, named, shop.start_span("below", child_of=named)]


def post(port):
    """Sends batches that the client's interface cannot make, and returns their traces with the number of spans."""
    batches = [batch(TWICE, [span(TWICE, 1, tags={"bytes": b"\0\xff", "none": b""}, more=[tag("twice", 1), tag("twice", "x")])]),
               times(TRACES + 2), linked(TRACES + 3), batch(5, [span(5, 2**64 - 1, parent=2**63), span(5, 2**63)]),
               batch(2**128 - 1, [span(2**128 - 1, 1)]), logs(TRACES + 4)]
    for one in batches:
        buffer = TMemoryBuffer()
        one.batch.write(Binary(buffer))
        status, _, answer = request(port, "/api/traces", {"Content-Type": "application/x-thrift"}, buffer.getvalue())
        assert status == 202, answer
    return {one.trace: len(one.batch.spans) for one in batches}


def times(trace):
    far = 2**63 // 1000
    moments = [(NOW_US, 0), (NOW_US, -5), (0, 0), (0, 5), (-5, 10), (-5, 2), (far, 5), (far - 3, 5), (-62_135_596_800_000_000, 5),
               (253_402_300_799_000_000, 5), (2**63 - 1, 2), (-2**63, 3), (NOW_US, 2**62), (NOW_US, -NOW_US - 7), (5, 2**63 - 1)]
    return batch(trace, [span(trace, number, start=start, duration=duration) for number, (start, duration) in enumerate(moments, 1)])


def linked(trace):
    lists = [(0, [(CHILD_OF, trace, 1)]), (0, [(FOLLOWS_FROM, trace, 1)]), (0, [(FOLLOWS_FROM, trace, 1), (CHILD_OF, trace, 2)]),
             (1, [(CHILD_OF, trace, 1), (CHILD_OF, trace, 2)]), (1, [(FOLLOWS_FROM, trace, 1)]), (0, [(CHILD_OF, 7, 1)]),
             (0, [(FOLLOWS_FROM, 7, 1), (FOLLOWS_FROM, trace, 1)]), (2, [(CHILD_OF, 7, 1), (FOLLOWS_FROM, 7, 2)]),
             (2, [(CHILD_OF, trace, 1)]), (1, [(FOLLOWS_FROM, trace, 1), (FOLLOWS_FROM, trace, 2)])]
    return batch(trace, [span(trace, 1)] + [span(trace, number, parent=parent, references=[reference(*it) for it in list])
                                            for number, (parent, list) in enumerate(lists, 2)])


def logs(trace):
    def log(time, *fields):
        return ttypes.Log(timestamp=time, fields=[tag(*field) for field in fields])

    made = span(trace, 1)
    made.logs = [log(NOW_US, ("event", "e"), ("a", 1), ("a", 2)), log(-5, ("event", 4)), log(0, ("event", "")), log(1, ("event", b"x"), ("b", b"y")),
                 log(2**62), log(NOW_US, ("event", 4), ("event", "x"))]
    return batch(trace, [made])


def batch(trace, spans):
    process = ttypes.Process(serviceName="raw", tags=[tag("hostname", "h"), tag("jaeger.version", "v"), tag("a", 1), tag("a", b"2")])
    return SimpleNamespace(trace=trace, batch=ttypes.Batch(process=process, spans=spans))


def span(trace, identity, parent=0, start=NOW_US, duration=7, references=None, tags=(), more=()):
    return ttypes.Span(traceIdLow=signed(trace), traceIdHigh=signed(trace >> 64), spanId=signed(identity), parentSpanId=signed(parent),
                       operationName="op", references=references, flags=1, startTime=start, duration=duration,
                       tags=[tag(key, value) for key, value in dict(tags).items()] + list(more), logs=[])


def reference(kind, trace, identity):
    return ttypes.SpanRef(refType=kind, traceIdLow=signed(trace), traceIdHigh=signed(trace >> 64), spanId=signed(identity))


def tag(key, value):
    kinds = {bool: ("BOOL", "vBool"), int: ("LONG", "vLong"), float: ("DOUBLE", "vDouble"), bytes: ("BINARY", "vBinary"), str: ("STRING", "vStr")}
    name, field = kinds[type(value)]
    return ttypes.Tag(key=key, vType=getattr(ttypes.TagType, name), **{field: value})


def signed(identity):
    low = identity % 2**64
    return low - 2**64 if low >= 2**63 else low
