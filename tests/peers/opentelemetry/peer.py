"""OpenTelemetry's Python SDK as a peer: a JSON request a line, a JSON answer a line; see ../protocol.rs."""

import json
import sys

from opentelemetry import baggage as baggage_api
from opentelemetry import trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.b3 import B3MultiFormat, B3SingleFormat
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.trace.span import TraceState

FORMATS = {
    "w3c": CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()]),
    "b3": B3MultiFormat(),
    "b3-single": B3SingleFormat(),
}


def write(propagator, request):
    trace_id, span_id, _, flags = (int(part, 16) for part in request["context"].split(":"))
    span_context = trace.SpanContext(
        trace_id,
        span_id,
        is_remote=True,
        trace_flags=trace.TraceFlags(flags & 1),
        trace_state=TraceState(request.get("state", [])),
    )
    context = trace.set_span_in_context(trace.NonRecordingSpan(span_context), Context())
    for key, value in request["baggage"].items():
        context = baggage_api.set_baggage(key, value, context)
    headers = {}
    propagator.inject(headers, context)
    return {"headers": headers}


def read(propagator, request):
    context = propagator.extract(request["headers"], Context())
    found = trace.get_current_span(context).get_span_context()
    if not found.is_valid:
        return {"error": "no context"}
    text = f"{found.trace_id:x}:{found.span_id:x}:0:{int(found.trace_flags) & 1:x}"
    state = [list(item) for item in found.trace_state.items()]
    return {"context": text, "baggage": dict(baggage_api.get_all(context)), "state": state}


def answer(request):
    propagator = FORMATS[request["format"]]
    return (write if "context" in request else read)(propagator, request)


for line in sys.stdin:
    try:
        result = answer(json.loads(line))
    except Exception as error:  # whatever the SDK raises is its answer
        result = {"error": repr(error)}
    print(json.dumps(result), flush=True)
