"""A slow network, and a collector that goes and comes back."""

import time

from browser import Page
from case import PageTest
from collector import Collector, send_big, send_shop, until


class Network(PageTest):
    def setUp(self):
        super().setUp()
        self.collector = Collector()
        self.addCleanup(lambda: self.collector.stop())
        self.page = Page(self.driver, self.collector)

    def tearDown(self):
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        super().tearDown()

    def throttle(self, latency, bytes_per_second):
        self.addCleanup(self.driver.execute_cdp_cmd, "Network.emulateNetworkConditions",
                        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1})
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {
            "offline": False, "latency": latency, "downloadThroughput": bytes_per_second, "uploadThroughput": bytes_per_second})

    def requests(self, path):
        return self.page.run("return performance.getEntriesByType('resource').filter(({ name }) => name.includes(arguments[0])).map(({ startTime, responseEnd }) => [startTime, responseEnd])", path)

    def test_updates_over_a_slow_network_are_asked_for_one_after_the_other(self):
        send_shop(self.collector, 0xA000)
        self.page.open().wait(".trace-row")
        self.page.wait_text(".connection", "live")
        self.throttle(400, 50_000)
        self.page.run("performance.clearResourceTimings()")
        begun = time.monotonic()
        for at in range(1, 61):
            send_shop(self.collector, 0xA000 + at, start=at * 1000)
        until(lambda: self.page.text(".results .count") == "20 of 61 traces" or self.page.text(".newer"), "the last state arrives", 30)
        took = time.monotonic() - begun
        until(lambda: self.page.text("#footer").find("244 received") >= 0, "the counts arrive", 30)
        loads = self.requests("/api/search")
        # Each takes at least the latency; none begins while another runs.
        self.assertLessEqual(len(loads), took / 0.4 + 2)
        for (_, end), (start, _) in zip(loads, loads[1:]):
            self.assertGreaterEqual(start, end - 1, loads)

    def test_a_large_trace_over_a_slow_network_says_how_far_it_is_and_can_be_left(self):
        send_big(self.collector, 0xA1, 3000)
        until(lambda: self.collector.get("/api/status")["held"]["spans"] >= 3000, "the spans are held")
        self.page.open().wait(".trace-row")
        self.throttle(100, 400_000)
        self.page.click(".trace-row .name")
        seen = until(lambda: self.page.text("main .none") if "span" in self.page.text("main .none") else "", "the progress shows", 30)
        self.assertRegex(seen, r"^Loading… [\d,]+ spans?$")
        self.page.click("[data-view=map]")
        self.page.wait(".map-node")
        self.assertEqual(self.page.text("main .none"), "No services yet. The map shows who calls whom once traces arrive.")

    def test_the_page_comes_back_with_a_collector_that_starts_again_on_its_port(self):
        send_shop(self.collector, 0xA2)
        self.page.open().wait(".trace-row")
        self.page.wait_text(".connection", "live")
        port = self.collector.ports["page"]
        self.collector.stop()
        self.page.wait_text(".banner:not([hidden])", "does not answer")
        self.page.wait_text(".connection", "not connected")
        self.assertEqual(len(self.page.texts(".trace-row")), 1, "what was read stays")
        self.collector = Collector(f"--port-page={port}")
        send_shop(self.collector, 0xA3, slow=True)
        # As many changes as before: the page must not take that for the same state.
        self.page.wait_text(".connection", "live")
        until(lambda: self.page.texts(".trace-row .id") == [f"{0xA3:08x}"], f"the new trace shows, not {self.page.texts('.trace-row .id')}")
        until(lambda: not self.page.run("return document.querySelector('.banner').checkVisibility()"), "the banner goes")

    def test_a_trace_that_is_gone_after_a_new_start_stays_and_says_so(self):
        send_shop(self.collector, 0xA4)
        self.page.open(f"#/trace/{0xA4:x}").wait(".span-row", 4)
        self.page.wait_text(".connection", "live")
        port = self.collector.ports["page"]
        self.collector.stop()
        self.page.wait_text(".connection", "not connected")
        self.collector = Collector(f"--port-page={port}")
        self.page.wait_text(".summary .badge.warning", "no longer held")
        self.assertEqual(len(self.page.texts(".span-row")), 4)
        send_shop(self.collector, 0xA4)
        until(lambda: "no longer held" not in self.page.text(".summary"), "it is held again")
