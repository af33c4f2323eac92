"""A batch of Jaeger's in Thrift's binary protocol, with the statistics that a client reports."""

import struct

STRING, STRUCT, LIST, I32, I64 = 11, 12, 15, 8, 10


def field(kind, number, body):
    return struct.pack(">bh", kind, number) + body


def text(value):
    raw = value.encode()
    return struct.pack(">i", len(raw)) + raw


def structure(*fields):
    return b"".join(fields) + b"\0"


def structures(items):
    return struct.pack(">bi", STRUCT, len(items)) + b"".join(items)


def numbers(kind, values):
    code = ">q" if kind == I64 else ">i"
    return [field(kind, number, struct.pack(code, value)) for number, value in values.items()]


def batch(service, client, number, full, too_large, failed, start):
    """A batch of one span, the `number`-th of its client."""
    tag = structure(field(STRING, 1, text("client-uuid")), *numbers(I32, {2: 0}), field(STRING, 3, text(client)))
    process = structure(field(STRING, 1, text(service)), field(LIST, 2, structures([tag])))
    span = structure(*numbers(I64, {1: number, 2: 0, 3: number, 4: 0}), field(STRING, 5, text("work")), *numbers(I32, {7: 1}),
                     *numbers(I64, {8: start, 9: 10}))
    stats = structure(*numbers(I64, {1: full, 2: too_large, 3: failed}))
    return structure(field(STRUCT, 1, process), field(LIST, 2, structures([span])), *numbers(I64, {3: number}), field(STRUCT, 4, stats))
