"""The real Jaeger on free ports, in memory."""

import json
import os
import socket
import subprocess
import tempfile
import urllib.error
import urllib.request

from collector import until

BINARY = os.environ.get("PICOJAEGER_JAEGER_BIN")
# A port that was free may be taken before Jaeger binds it.
ATTEMPTS = 3
UDP, TCP = socket.SOCK_DGRAM, socket.SOCK_STREAM
PORTS = {"query": TCP, "query_grpc": TCP, "health": TCP, "udp_compact": UDP, "udp_binary": UDP, "thrift": TCP, "otlp": TCP}
CONFIG = """service:
  extensions: [jaeger_storage, jaeger_query, healthcheckv2]
  pipelines:
    traces: {{receivers: [jaeger, otlp], exporters: [jaeger_storage_exporter]}}
  telemetry: {{metrics: {{level: none}}, logs: {{level: warn}}}}
extensions:
  jaeger_query: {{storage: {{traces: mem}}, http: {{endpoint: "{query}"}}, grpc: {{endpoint: "{query_grpc}"}}}}
  jaeger_storage: {{backends: {{mem: {{memory: {{max_traces: 1000}}}}}}}}
  healthcheckv2: {{use_v2: true, http: {{endpoint: "{health}"}}}}
receivers:
  jaeger:
    protocols:
      thrift_compact: {{endpoint: "{udp_compact}"}}
      thrift_binary: {{endpoint: "{udp_binary}"}}
      thrift_http: {{endpoint: "{thrift}"}}
  otlp: {{protocols: {{http: {{endpoint: "{otlp}"}}}}}}
exporters: {{jaeger_storage_exporter: {{trace_storage: mem}}}}
"""


class Jaeger:
    """A running Jaeger. `ports` have the names of the collector's."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        for attempt in range(ATTEMPTS):
            self._start()
            if until(self._answer, "Jaeger is ready or has ended", 30) == "ready":
                return
            self.process.wait()
        raise RuntimeError(f"Jaeger does not start:\n{self.output()}")

    def _start(self):
        self.ports = free_ports()
        path = os.path.join(self.folder.name, "config.yaml")
        with open(path, "w") as file:
            file.write(CONFIG.format(**{name: f"127.0.0.1:{port}" for name, port in self.ports.items()}))
        with open(os.path.join(self.folder.name, "output"), "wb") as output:
            self.process = subprocess.Popen([BINARY, "--config", path], cwd=self.folder.name, stdout=output, stderr=output)

    def _answer(self):
        if self.process.poll() is not None:
            return "ended"
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.ports['health']}/status", timeout=5).close()
            return "ready"
        except OSError:
            return None

    def output(self):
        with open(os.path.join(self.folder.name, "output"), errors="replace") as file:
            return file.read()

    def get(self, path):
        """Returns the answer of the query service, `None` where it has no such trace."""
        return find(f"http://127.0.0.1:{self.ports['query']}{path}")

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


def find(url):
    """Returns an answer in JSON, `None` for one that tells that there is nothing."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise AssertionError(f"{url} answers {error.code}: {error.read()!r}") from error


def free_ports():
    """Returns ports that are free now: all are bound at once, so that they differ."""
    sockets = {name: socket.socket(socket.AF_INET, kind) for name, kind in PORTS.items()}
    try:
        for one in sockets.values():
            one.bind(("127.0.0.1", 0))
        return {name: one.getsockname()[1] for name, one in sockets.items()}
    finally:
        for one in sockets.values():
            one.close()
