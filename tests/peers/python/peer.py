"""Jaeger's Python client as a peer: a JSON request a line, a JSON answer a line; see ../protocol.rs."""

import json
import sys

from jaeger_client import SpanContext
from jaeger_client.codecs import (
    B3Codec,
    BinaryCodec,
    TextCodec,
    span_context_from_string,
    span_context_to_string,
)

CODECS = {
    "text": TextCodec(),
    "http": TextCodec(url_encoding=True),
    "binary": BinaryCodec(),
    "b3": B3Codec(generate_128bit_trace_id=True),
}


def write(codec, context, baggage):
    trace, span, parent, flags = span_context_from_string(context)
    context = SpanContext(trace, span, parent, flags, baggage=baggage)
    if isinstance(codec, BinaryCodec):
        carrier = bytearray()
        codec.inject(context, carrier)
        return {"bytes": carrier.hex()}
    carrier = {}
    codec.inject(context, carrier)
    return {"headers": carrier}


def read(codec, request):
    binary = isinstance(codec, BinaryCodec)
    carrier = bytearray.fromhex(request["bytes"]) if binary else request["headers"]
    context = codec.extract(carrier)
    if context is None or context.trace_id is None:
        return {"error": "no context"}
    text = span_context_to_string(
        context.trace_id, context.span_id, context.parent_id, context.flags
    )
    return {"context": text, "baggage": context.baggage}


def answer(request):
    codec = CODECS[request["format"]]
    if "context" in request:
        return write(codec, request["context"], request["baggage"])
    return read(codec, request)


for line in sys.stdin:
    try:
        result = answer(json.loads(line))
    except Exception as error:  # whatever the client raises is its answer
        result = {"error": repr(error)}
    print(json.dumps(result), flush=True)
