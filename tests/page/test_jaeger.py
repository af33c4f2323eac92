"""The bytes of clients of other makes, passed unchanged to the collector and to the real Jaeger: both show the same."""

import unittest

import jaeger
import jaeger_bodies
import jaeger_client_spans
import jaeger_compare
import odd_traces
import sdk_spans
from collector import Collector, until
from recording_relay import HttpRelay, UdpRelay

THRIFT, PROTOBUF, JSON = "application/x-thrift", "application/x-protobuf", "application/json"


@unittest.skipUnless(jaeger.BINARY, "PICOJAEGER_JAEGER_BIN names no Jaeger; `.ci/run page` does")
class AsJaegerShows(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.collector = Collector()
        cls.addClassCleanup(cls.collector.stop)
        cls.jaeger = jaeger.Jaeger()
        cls.addClassCleanup(cls.jaeger.stop)

    def relay(self, port):
        """Returns a relay to this port of both, over HTTP or UDP."""
        relay = UdpRelay if port.startswith("udp") else HttpRelay
        made = relay([self.collector.ports[port], self.jaeger.ports[port]])
        self.addCleanup(made.stop)
        return made

    def ours(self, path):
        return jaeger.find(self.collector.url + path)

    def both(self, trace, spans):
        """Returns what the collector and Jaeger show of a trace, once both have as many spans."""
        path = f"/api/traces/{trace:032x}"

        def whole(get, path):
            answer = get(path)
            return answer if answer and len(answer["data"][0]["spans"]) >= spans else None

        ours = until(lambda: whole(self.ours, path), f"the collector has {spans} spans of {trace:x}")
        # Without `raw` Jaeger would move the times by the skew of clocks that it guesses.
        return ours, until(lambda: whole(self.jaeger.get, f"{path}?raw=true"), f"Jaeger has {spans} spans of {trace:x}")

    def assert_as_jaeger(self, traces, fields, thrift=False):
        """Compares all fields of the traces, given by id with their number of spans, and returns the collector's answers."""
        compared, lines, answers = 0, [], {}
        for trace, spans in traces.items():
            ours, theirs = self.both(trace, spans)
            expected = jaeger_compare.as_jaeger(ours, thrift)
            more, found = jaeger_compare.differences(expected, jaeger_compare.flat(theirs))
            compared, lines, answers[trace] = compared + more, lines + found, ours["data"][0]["spans"]
        self.assertEqual(lines, [])
        # A comparison of nothing finds no difference.
        self.assertGreaterEqual(compared, fields)
        return answers

    def test_what_the_python_client_of_jaeger_sends_over_udp(self):
        for port, binary in ("udp_compact", False), ("udp_binary", True):
            with self.subTest(port):
                relay = self.relay(port)
                sent = jaeger_client_spans.send(relay.port, binary)
                self.assertGreaterEqual(len(relay.sent), 1)
                answers = self.assert_as_jaeger(sent.traces, 300, thrift=True)
                # Jaeger keeps no flags: here they are what the client sent.
                flags = {int(span["spanID"], 16): span["flags"] for spans in answers.values() for span in spans}
                self.assertEqual(flags, sent.flags)
                self.assertIn(3, flags.values())

    def test_what_the_python_client_of_jaeger_encodes_over_http(self):
        relay = self.relay("thrift")
        sent = jaeger_client_spans.post(relay.port)
        self.assertEqual({dict(headers)["Content-Type"] for headers, _ in relay.sent}, {THRIFT})
        answers = self.assert_as_jaeger(sent, 500, thrift=True)
        # Jaeger keeps the last of several tags of one key.
        span = answers[jaeger_client_spans.TWICE][0]
        self.assertEqual([tag["value"] for tag in span["tags"] if tag["key"] == "twice"], [1, "x"])

    def test_what_the_python_sdk_of_opentelemetry_sends_over_http(self):
        for content_type, gzip in (PROTOBUF, False), (PROTOBUF, True), (JSON, False), (JSON, True):
            with self.subTest(content_type, gzip=gzip):
                relay = self.relay("otlp")
                sent = sdk_spans.send(relay.port, content_type, gzip)
                headers = {key.lower(): value for key, value in relay.sent[0][0].items()}
                self.assertEqual((headers["content-type"], headers.get("content-encoding") == "gzip"), (content_type, gzip))
                answers = self.assert_as_jaeger(sent.traces, 300)
                # Jaeger keeps no counts of what a client left out.
                counts = {tag["key"]: tag["value"] for span in answers[sent.cut] for tag in span["tags"]}
                self.assertEqual({key: counts.get(key) for key in jaeger_compare.DROPPED}, dict.fromkeys(jaeger_compare.DROPPED, 2))

    def test_what_any_client_of_opentelemetry_may_send(self):
        for number, content_type in enumerate((PROTOBUF, JSON)):
            with self.subTest(content_type):
                relay = self.relay("otlp")
                sent = jaeger_bodies.send(relay.port, content_type, number)
                self.assert_as_jaeger(sent, 550)

    def test_numbers_that_jaegers_json_lacks_are_those_of_its_opentelemetry_json(self):
        relay = self.relay("otlp")
        trace = sdk_spans.send_not_finite(relay.port)
        path = f"/api/traces/{trace:032x}?format=otlp"
        ours = until(lambda: self.ours(path), "the collector has the trace")
        theirs = until(lambda: self.jaeger.get(f"/api/v3/traces/{trace:032x}"), "Jaeger has the trace")["result"]
        values = [sdk_spans.not_finite(answer) for answer in (ours, theirs)]
        self.assertEqual(values[0], values[1])
        self.assertEqual(len(values[0]), 3)

    def test_clocks_that_differ_and_missing_parents_are_warned_of_where_jaeger_does(self):
        trace, expected = odd_traces.send_skewed(self.relay("otlp").port)
        self.both(trace, 7)
        ours = odd_traces.kinds_of_ours(self.collector.get(f"/api/trace/{trace:x}"))
        # Only without `raw` does Jaeger look for them.
        theirs = odd_traces.kinds_of_jaegers(self.jaeger.get(f"/api/traces/{trace:032x}"))
        self.assertEqual((ours, theirs), (expected, expected))

    def test_spans_that_come_twice_or_late_are_kept_as_jaeger_keeps_them(self):
        relay = self.relay("otlp")
        trace = odd_traces.send_twice(relay.port)
        self.assert_as_jaeger({trace: 2}, 20)
        odd_traces.send_late(relay.port, trace)
        self.assert_as_jaeger({trace: 4}, 40)

    def test_trace_ids_of_64_bits_and_of_128_are_different_traces(self):
        sent = odd_traces.send_both_widths(self.relay("otlp").port)
        answers = self.assert_as_jaeger(sent, 20)
        self.assertEqual([len(spans) for spans in answers.values()], [1, 1])
