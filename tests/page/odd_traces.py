"""Traces with something odd: clocks that differ, parents that are missing, spans that come late or twice, ids of both widths."""

import jaeger_bodies
import sdk_spans

MS = 10**6
TRACE = 0x0DD << 116
# Two traces with one low half.
SHORT, WIDE = 0x0DD, TRACE + (1 << 64) + 0x0DD


def send(port, host, *spans):
    """Sends spans of the process on this host, which Jaeger tells by its tag `ip`."""
    message = jaeger_bodies.request(list(spans))
    message.resource_spans[0].resource.attributes.extend(jaeger_bodies.attributes({"ip": host}))
    status, _, answer = sdk_spans.post(port, message, "application/x-protobuf")
    assert status == 200, answer


def span(trace, identity, start=0, length=100, parent=0, **fields):
    """A span that starts so many milliseconds behind one moment."""
    begin = jaeger_bodies.NOW_NS + start * MS
    if parent:
        fields["parent_span_id"] = parent.to_bytes(8, "big")
    return jaeger_bodies.span(trace, identity, start_time_unix_nano=begin, end_time_unix_nano=begin + length * MS, **fields)


def send_skewed(port):
    """Sends a trace, and returns its id and what to warn of, by span."""
    trace = TRACE + 1
    send(port, "10.0.0.1", span(trace, 1), span(trace, 2, -50, 10, parent=1))
    send(port, "10.0.0.2", span(trace, 3, 10, 50, parent=1), span(trace, 4, -50, 10, parent=1), span(trace, 5, 95, 10, parent=1),
         span(trace, 6, -5, 200, parent=1), span(trace, 7, 0, 5, parent=99))
    return trace, {4: "clock", 5: "clock", 6: "clock", 7: "parent"}


def kinds_of_ours(trace):
    """Returns the kinds of the collector's warnings by span; a missing parent warns at the place that it leaves."""
    spans = trace["spans"]
    gone = {span["id"] for span in spans if span["placeholder"]}
    found = {int(span["id"], 16): "clock" for span in spans if any("clocks differ" in it for it in span["warnings"])}
    return found | {int(span["id"], 16): "parent" for span in spans if span["parent"] in gone}


def kinds_of_jaegers(answer):
    """Returns the kinds of Jaeger's warnings by span."""
    signs = {"clock skew": "clock", "invalid parent": "parent"}
    return {int(span["spanID"], 16): kind for span in answer["data"][0]["spans"]
            for sign, kind in signs.items() if any(it.startswith(sign) for it in span["warnings"] or [])}


def send_twice(port):
    """Sends one span in two requests, and returns its trace."""
    trace = TRACE + 2
    for _ in range(2):
        send(port, "10.0.0.1", span(trace, 1))
    return trace


def send_late(port, trace):
    """Sends another span of the same id, and a child."""
    send(port, "10.0.0.2", span(trace, 1, name="other"), span(trace, 2, 10, 20, parent=1))


def send_both_widths(port):
    for trace in SHORT, WIDE:
        send(port, "10.0.0.1", span(trace, 1))
    return {SHORT: 1, WIDE: 1}
