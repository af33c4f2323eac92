"""Each view of the page with something in it, for what holds in all of them."""

import urllib.request

from case import PageTest
from collector import NOW_US, send_shop, span
from thrift_batch import batch


class AllViews(PageTest):
    """A collector with traces, open spans and losses. `views` are (name, fragment, what shows that it is there, keys to press)."""

    @classmethod
    def send(cls):
        send_shop(cls.collector, 0x51)
        send_shop(cls.collector, 0x52, start=1_000_000, slow=True)
        cls.collector.send([span(0x53, 9, "orphan", parent=8), span(0x53, 7, "long job", **{"picojaeger.unfinished": True})], "worker")
        for counts in ((1, 0, 0, 0), (3, 5, 2, 1)):
            request = urllib.request.Request(f"http://127.0.0.1:{cls.collector.ports['thrift']}/api/traces",
                                             batch("lossy", "client-1", *counts, NOW_US), {"content-type": "application/x-thrift"})
            urllib.request.urlopen(request, timeout=10).close()
        ids = {trace["id"].lstrip("0"): trace["id"] for trace in cls.collector.get("/api/search?limit=1000")["traces"]}
        cls.first, cls.second, cls.third = ids["51"], ids["52"], ids["53"]
        failed = next(one["id"] for one in cls.collector.get(f"/api/trace/{cls.first}")["spans"] if one["error"])
        cls.views = [
            ("search", "#/search", ".trace-row", ""),
            ("nothing found", "#/search?tags=no%3Dsuch", ".none", ""),
            ("trace", f"#/trace/{cls.first}", ".span-row", ""),
            ("trace with warnings", f"#/trace/{cls.third}", ".span-row", ""),
            ("details", f"#/trace/{cls.first}/{failed}", ".details h2", ""),
            ("statistics", f"#/trace/{cls.first}", ".span-row", "s"),
            ("unknown trace", "#/trace/dead", ".problem", ""),
            ("compare", f"#/compare/{cls.first}/{cls.second}", ".compare-row", ""),
            ("open spans", "#/open", ".open-row:not(.head)", ""),
            ("map", "#/map", ".map-node", ""),
            ("losses", "#/losses", ".loss-chart", ""),
            ("keys", "#/search", ".trace-row", "?"),
        ]

    def each_view(self):
        """Opens one view after the other, and gives its name."""
        for name, fragment, selector, keys in self.views:
            self.page.open(fragment)
            self.page.wait(selector)
            self.page.wait_text(".connection", "live")
            if keys:
                self.page.keys(keys)
            yield name
