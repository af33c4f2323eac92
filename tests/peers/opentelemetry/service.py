"""A service that OpenTelemetry's SDK traces: it prints its port, and passes each request on.

A request names the next service in the header `next`. The answer is a JSON object of the spans that the service made
for it, and of the baggage that came in. It ends with its standard input.
"""

import http.server
import json
import sys
import threading
import urllib.request

from opentelemetry import baggage, propagate, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

finished = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(finished))
tracer = provider.get_tracer("peer")


def call(url, context):
    with tracer.start_as_current_span("client", context, kind=trace.SpanKind.CLIENT):
        headers = {}
        passed = baggage.set_baggage("via", "opentelemetry", trace.set_span_in_context(trace.get_current_span(), context))
        propagate.inject(headers, passed)
        urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20).read()


def described(span):
    parent = span.parent.span_id if span.parent else 0
    return {
        "trace": f"{span.context.trace_id:x}",
        "span": f"{span.context.span_id:x}",
        "parent": f"{parent:x}",
        "sampled": bool(span.context.trace_flags & 1),
    }


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        finished.clear()
        context = propagate.extract({key.lower(): value for key, value in self.headers.items()})
        with tracer.start_as_current_span("server", context, kind=trace.SpanKind.SERVER):
            call(self.headers["next"], trace.set_span_in_context(trace.get_current_span(), context))
        answer = {span.name: described(span) for span in finished.get_finished_spans()}
        answer["baggage"] = dict(baggage.get_all(context))
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
