"""The two commands of the README: the collector, and an example that sends to it."""

import os
import re
import subprocess
import unittest

from browser import Keys
from case import PageTest
from collector import until

EXAMPLE = os.environ.get("PICOJAEGER_QUICKSTART")
SERVICE = "your-app-name"


@unittest.skipUnless(EXAMPLE, "PICOJAEGER_QUICKSTART names no program")
class Quickstart(PageTest):
    def run_example(self, **variables):
        """Runs the example, which sends where the variables say, and returns the id of its trace."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("JAEGER_", "OTEL_"))}
        ran = subprocess.run([EXAMPLE], env={**kept, **variables}, capture_output=True, text=True, timeout=60)
        self.assertEqual(ran.returncode, 0, ran.stderr + ran.stdout)
        return re.search(r"trace ([0-9a-f]+)", ran.stdout).group(1)

    def test_the_trace_of_the_example_is_found_by_the_search_and_opens(self):
        ports = self.collector.ports
        ways = ({"JAEGER_AGENT_HOST": "127.0.0.1", "JAEGER_AGENT_PORT": str(ports["udp_compact"])},
                {"JAEGER_ENDPOINT": f"http://127.0.0.1:{ports['thrift']}/api/traces"})
        self.page.open()
        self.page.wait(".welcome")
        for count, variables in enumerate(ways, 1):
            with self.subTest(next(iter(variables))):
                trace = self.run_example(**variables)
                # It shows by itself, then by its service and one of its operations.
                until(lambda: len(self.page.texts(".trace-row")) + len(self.page.texts(".newer:not([hidden])")) >= 1, "the trace shows")
                self.page.open(f"#/search?service={SERVICE}&operation=ChildSpan").wait(".trace-row", count)
                self.assertIn(f"{SERVICE} TestSpan", self.page.text(".trace-row"))
                self.page.keys("j", Keys.ENTER)
                self.page.wait(".span-row", 2)
                self.assertEqual(self.page.texts(".span-row .label"), [f"{SERVICE} TestSpan", f"{SERVICE} ChildSpan"])
                self.assertEqual(int(self.driver.current_url.rsplit("/", 1)[1], 16), int(trace, 16))
                self.page.keys("j", Keys.ENTER)
                self.page.wait_text(".details", "down below" if "ChildSpan" in self.page.text(".details h2") else "test message")
                self.page.open()
