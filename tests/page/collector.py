"""The real program on free ports, and traces to send to it."""

import json
import os
import re
import subprocess
import threading
import time
import urllib.request

BINARY = os.environ["PICOJAEGER_COLLECTOR"]
LONGEST = 20
NOW_US = int(time.time() * 1e6)


class Collector:
    """A running program. `ports` are those of its own status."""

    def __init__(self, *arguments):
        ports = [f"--port-{name}=0" for name in ("udp-compact", "udp-binary", "thrift", "otlp", "sampling", "page", "relay")]
        self.process = subprocess.Popen([BINARY, *ports, *arguments], stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        found = re.search(r"page (http://\S+?)/? ", line + " ")
        if not found:
            raise RuntimeError(f"no address in {line!r}")
        self.url = found.group(1)
        # A pipe that nobody reads would stop the program.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        addresses = {entry["name"]: entry["address"] for entry in self.get("/api/status")["listeners"]}
        self.ports = {name: int(address.rsplit(":", 1)[1]) for name, address in addresses.items()}

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)

    def send(self, spans, service="shop", **process):
        """Sends spans of one service as OTLP in JSON."""
        body = {"resourceSpans": [{
            "resource": {"attributes": attributes({"service.name": service, **process})},
            "scopeSpans": [{"scope": {"name": "test"}, "spans": spans}],
        }]}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports['otlp']}/v1/traces", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        urllib.request.urlopen(request, timeout=10).close()

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=10)
        self.process.stderr.close()


def until(condition, what, seconds=LONGEST):
    """Waits until the condition holds, and returns its value."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.03)
    raise AssertionError(f"after {seconds} s: {what}")


def attributes(values):
    def value(given):
        if isinstance(given, bool):
            return {"boolValue": given}
        if isinstance(given, int):
            return {"intValue": str(given)}
        if isinstance(given, float):
            return {"doubleValue": given}
        return {"stringValue": given}

    return [{"key": key, "value": value(given)} for key, given in values.items()]


def span(trace, identity, name, parent=None, start=0, length=1000, error=False, events=(), **tags):
    """A span of OTLP; times are microseconds behind one moment, which is the same for all."""
    begin = (NOW_US + start) * 1000
    made = {
        "traceId": f"{trace:032x}", "spanId": f"{identity:016x}", "name": name, "kind": 2,
        "startTimeUnixNano": str(begin), "endTimeUnixNano": str(begin + length * 1000), "attributes": attributes(tags),
        "events": [{"timeUnixNano": str(begin + at * 1000), "name": event, "attributes": attributes(fields)} for at, event, fields in events],
    }
    if parent:
        made["parentSpanId"] = f"{parent:016x}"
    if error:
        made["status"] = {"code": 2}
    return made


def send_shop(collector, trace, start=0, slow=False):
    """Sends one trace of three services and returns its id as the page writes it."""
    last = 90_000 if slow else 20_000
    collector.send([
        span(trace, 1, "GET /orders", start=start, length=100_000 + last),
        span(trace, 2, "charge", 1, start + 5_000, 30_000),
    ], "shop")
    collector.send([span(trace, 3, "INSERT", 2, start + 10_000, 20_000, error=True, statement="insert into orders",
                         events=[(5_000, "exception", {"message": "duplicate key"})])], "database")
    collector.send([span(trace, 4, "deliver", 1, start + 40_000, last)], "mailer")
    return f"{trace:x}"


def send_big(collector, trace, spans=10_000):
    """Sends a trace of many spans with the tags that a real one has."""
    url = "https://shop.example/orders/1234567/items?page=2&sort=price&currency=EUR"
    made = [span(trace, 1, "GET /everything", length=2_000_000)]
    for i in range(2, spans + 1):
        # Ten levels, each span with up to three children.
        parent = max(1, i // 3)
        tags = {"http.url": url, "http.status_code": 200, "peer.service": f"peer-{i % 7}", "thread.id": i % 16, "cache.hit": i % 2 == 0}
        made.append(span(trace, i, f"operation-{i % 40}", parent, i * 100, 1_000_000 // i + 50, error=i % 500 == 0, **tags))
    for at in range(0, spans, 1000):
        collector.send(made[at:at + 1000], f"service-{at // 1000}")
    return f"{trace:x}"
