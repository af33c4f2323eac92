"""Names and tags that try to run script or to break the layout, and clients that do not read."""

import socket
import urllib.request

from case import PageTest
from collector import send_shop, span, until

SCRIPT = "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
NAMES = [
    SCRIPT,
    "</script></style></title><svg onload=window.hacked=1>",
    "javascript:window.hacked=1",
    "\u202e\u2066reversed\u2069 \u200f\u061c right to left",
    "long " * 20_000,
    "unbroken" * 12_500,
    "\u0000\u0007\u001b[31m control \r\n lines",
    "Z̸̡̛" * 500,
    "{{constructor.constructor('window.hacked=1')()}}",
    "__proto__",
]


class Hostile(PageTest):
    @classmethod
    def send(cls):
        for at, name in enumerate(NAMES):
            tags = {name: SCRIPT, "text": name, "error": True}
            cls.collector.send([span(0xE0, at + 1, name, 1 if at else None, at * 10, 1000, events=[(1, name, {name: name})], **tags)], name)
        cls.collector.send([span(0xE1, 1, "many tags", start=5_000_000, **{f"key-{i}": "v" for i in range(3000)})], "shop")
        ids = {trace["id"].lstrip("0"): trace["id"] for trace in cls.collector.get("/api/search?limit=10")["traces"]}
        cls.trace, cls.many = ids["e0"], ids["e1"]

    def check(self):
        self.assertIsNone(self.page.run("return window.hacked ?? null"))
        self.assertEqual(len(self.page.all("main script, main img, main iframe, main style, svg[onload]")), 0)
        self.assertLessEqual(self.page.run("return document.documentElement.scrollWidth - innerWidth"), 0, "wider than the window")
        self.assertLessEqual(self.page.run("return document.documentElement.scrollHeight - innerHeight"), 0, "higher than the window")

    def test_every_view_shows_hostile_names_as_text_within_its_layout(self):
        views = (("#/search", ".trace-row"), (f"#/trace/{self.trace}", ".span-row"), (f"#/compare/{self.trace}/{self.trace}", ".compare-row"),
                 ("#/map", ".map-node"), ("#/open", ".none"), ("#/losses", ".losses h1"))
        for width in (1280, 400):
            for fragment, selector in views:
                with self.subTest(f"{fragment} at {width}"):
                    self.page.driver.set_window_size(width, 800)
                    self.page.open(fragment)
                    self.page.wait(selector)
                    self.check()
        self.page.driver.set_window_size(1280, 800)

    def test_the_details_of_each_hostile_span_are_text(self):
        self.page.open(f"#/trace/{self.trace}")
        self.page.wait(".span-row", len(NAMES))
        for at in range(len(NAMES)):
            self.page.run("document.querySelector(`.span-row[data-index='${arguments[0]}']`).click()", at)
            self.page.wait_text(".details", SCRIPT)
            self.check()

    def test_rows_keep_their_height_whatever_their_names(self):
        self.page.open(f"#/trace/{self.trace}")
        self.page.wait(".span-row", len(NAMES))
        heights = self.page.run("return [...document.querySelectorAll('.span-row')].map((row) => row.offsetHeight)")
        self.assertEqual(set(heights), {26})

    def test_thousands_of_tags_show_in_parts(self):
        self.page.open(f"#/trace/{self.many}")
        self.page.wait(".span-row")
        self.page.click(".span-row")
        self.page.wait(".tag", 100)
        self.assertLess(len(self.page.all(".tag")), 300)
        self.assertIn("key-", self.page.text(".details"))

    def test_hostile_fragments_do_no_harm(self):
        for fragment in (f"#/trace/{SCRIPT}", "#/search?service=%3Cscript%3Ewindow.hacked%3D1%3C%2Fscript%3E&tags=%22", "#/compare/a", "#/%E0%A4%A", "#//////"):
            self.page.open(fragment)
            self.page.wait("main > *")
            self.check()

    def test_a_script_that_gets_into_the_document_does_not_run(self):
        self.page.open()
        self.page.wait("main > *")
        self.page.run("""
          const script = document.createElement("script");
          try { script.append("window.hacked = 1"); document.body.append(script); } catch { violations.push("script-src"); }
          const image = document.createElement("img");
          image.src = "http://127.0.0.1:1/x.png";
          document.body.append(image);
        """)
        until(lambda: len(self.page.run("return violations")) >= 2, "the policy refuses script and image")
        self.assertIsNone(self.page.run("return window.hacked ?? null"))
        with self.assertRaises(Exception):
            self.page.run("document.body.innerHTML = '<b>markup</b>'")
        self.page.run("violations.length = 0")
        self.page.driver.get_log("browser")

    def test_the_answer_carries_the_policy(self):
        with urllib.request.urlopen(self.collector.url + "/") as answer:
            policy = answer.headers["content-security-policy"]
        self.assertTrue(policy.startswith("default-src 'none'; script-src 'sha256-"), policy)


class Slow(PageTest):
    def test_clients_that_never_read_do_not_hold_up_the_page(self):
        host, port = self.collector.url.removeprefix("http://").split(":")
        lazy = [socket.create_connection((host, int(port))) for _ in range(5)]
        for client in lazy:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            client.sendall(f"GET /api/live HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        self.page.open()
        for turn in range(5):
            send_shop(self.collector, 0xF0 + turn, start=turn * 1_000_000)
            self.page.wait_text("#footer", f"{(turn + 1) * 4} received")
        self.page.wait(".trace-row", 5)
        for client in lazy:
            client.close()

    def test_the_page_says_that_the_collector_is_gone_and_keeps_what_it_shows(self):
        send_shop(self.collector, 0xFF)
        self.page.open()
        self.page.wait(".trace-row")
        self.page.wait_text(".connection", "live")
        self.collector.process.terminate()
        self.page.wait_text(".connection", "not connected")
        self.assertGreater(len(self.page.all(".trace-row")), 0)
        self.page.driver.get("about:blank")
        self.page.driver.get_log("browser")
