"""Clients of other makes send to the program; each field is read back."""

import unittest

from collector import Collector, until


def only_trace(collector):
    found = until(lambda: collector.get("/api/search?limit=10")["traces"], "a trace arrives")
    return collector.get(f"/api/trace/{found[0]['id']}")


def tags(span):
    return {key: (kind, value) for key, kind, value in span["tags"]}


class Clients(unittest.TestCase):
    def setUp(self):
        self.collector = Collector()
        self.addCleanup(self.collector.stop)

    def test_the_python_client_of_jaeger_over_udp(self):
        from jaeger_client import Config

        settings = {"sampler": {"type": "const", "param": 1}, "tags": {"zone": "a"}, "reporter_flush_interval": 0.1,
                    "local_agent": {"reporting_host": "127.0.0.1", "reporting_port": self.collector.ports["udp_compact"]}}
        tracer = Config(config=settings, service_name="python", validate=True).new_tracer()
        with tracer.start_span("parent") as parent:
            parent.set_tag("number", 42)
            parent.set_tag("flag", True)
            parent.set_tag("half", 0.5)
            parent.log_kv({"event": "hello", "turn": 1})
            with tracer.start_span("child", child_of=parent) as child:
                child.set_tag("error", True)
        tracer.close()
        until(lambda: self.collector.get("/api/status")["held"]["spans"] == 2, "both spans arrive")
        trace = only_trace(self.collector)
        first, second = trace["spans"]
        self.assertEqual([first["operation"], second["operation"]], ["parent", "child"])
        self.assertEqual(int(first["id"], 16), parent.span_id)
        self.assertEqual(second["parent"], first["id"])
        self.assertEqual(int(trace["id"], 16), parent.trace_id)
        self.assertEqual(first["start"], int(parent.start_time * 1e6))
        self.assertEqual(first["duration"], int((parent.end_time - parent.start_time) * 1e6))
        shown = tags(first)
        self.assertEqual((shown["number"], shown["flag"], shown["half"]), (("int64", 42), ("bool", True), ("float64", 0.5)))
        self.assertEqual({key: value for key, _, value in first["logs"][0]["fields"]}, {"event": "hello", "turn": 1})
        self.assertTrue(second["error"])
        process = trace["processes"][first["process"]]
        self.assertEqual(process["service"], "python")
        self.assertIn(["zone", "string", "a"], process["tags"])

    def test_the_python_sdk_of_opentelemetry_over_http(self):
        from opentelemetry.exporter.otlp.proto.http import Compression
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.trace import SpanKind, Status, StatusCode

        provider = TracerProvider(resource=Resource.create({"service.name": "otel", "zone": "b"}))
        endpoint = f"http://127.0.0.1:{self.collector.ports['otlp']}/v1/traces"
        provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=endpoint, compression=Compression.Gzip)))
        tracer = provider.get_tracer("library", "1.2")
        with tracer.start_as_current_span("parent", kind=SpanKind.SERVER) as parent:
            parent.set_attributes({"number": 42, "flag": True, "half": 0.5, "text": "é"})
            parent.add_event("hello", {"turn": 1})
            with tracer.start_as_current_span("child", kind=SpanKind.CLIENT) as child:
                child.set_status(Status(StatusCode.ERROR, "broken"))
        provider.shutdown()
        until(lambda: self.collector.get("/api/status")["held"]["spans"] == 2, "both spans arrive")
        trace = only_trace(self.collector)
        first, second = trace["spans"]
        self.assertEqual(int(trace["id"], 16), parent.get_span_context().trace_id)
        self.assertEqual(int(first["id"], 16), parent.get_span_context().span_id)
        self.assertEqual(second["parent"], first["id"])
        self.assertEqual([first["operation"], second["operation"]], ["parent", "child"])
        self.assertEqual(first["start"], parent.start_time // 1000)
        self.assertAlmostEqual(first["duration"], (parent.end_time - parent.start_time) // 1000, delta=1)
        shown = tags(first)
        self.assertEqual((shown["number"], shown["flag"], shown["half"], shown["text"]),
                         (("int64", 42), ("bool", True), ("float64", 0.5), ("string", "é")))
        self.assertEqual(shown["span.kind"], ("string", "server"))
        fields = {key: value for key, _, value in first["logs"][0]["fields"]}
        self.assertEqual((fields["event"], fields["turn"]), ("hello", 1))
        self.assertTrue(second["error"])
        self.assertEqual(tags(second)["otel.status_description"], ("string", "broken"))
        process = trace["processes"][first["process"]]
        self.assertEqual(process["service"], "otel")
        self.assertIn(["zone", "string", "b"], process["tags"])
