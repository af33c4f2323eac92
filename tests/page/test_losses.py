"""The losses that clients report."""

import urllib.request

from case import PageTest
from collector import NOW_US
from thrift_batch import batch


class Losses(PageTest):
    def send_batch(self, *counts):
        request = urllib.request.Request(f"http://127.0.0.1:{self.collector.ports['thrift']}/api/traces",
                                         batch("shop", "client-1", *counts, NOW_US), {"content-type": "application/x-thrift"})
        urllib.request.urlopen(request, timeout=10).close()

    def test_losses_show_by_cause_and_time_as_clients_report_them(self):
        self.page.open("#/losses")
        self.page.wait_text(".losses h1", "No client reports a loss")
        self.send_batch(1, 0, 0, 0)
        self.send_batch(2, 5, 0, 0)
        self.page.wait_text(".losses", "Queue full: 5 spans")
        self.send_batch(5, 5, 3, 2)
        for wanted in ("Too large: 3 spans", "Sending failed: 2 spans", "Batches missing: 2 batches"):
            self.page.wait_text(".losses", wanted)
        self.assertGreaterEqual(len(self.page.texts(".loss-chart rect")), 4)
        self.assertEqual(len(self.page.texts(".losses [aria-label=Events] tbody tr")), 4)
