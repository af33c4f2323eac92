"""The search: its form, its rows, and what arrives while one looks at them."""

from case import PageTest
from collector import Collector, send_shop, span, until
from browser import Keys, Page


class Search(PageTest):
    @classmethod
    def send(cls):
        cls.first = send_shop(cls.collector, 0xA1, start=-60_000_000)
        cls.second = send_shop(cls.collector, 0xA2, start=-30_000_000, slow=True)
        cls.collector.send([span(0xA3, 1, "GET /health", start=-90_000_000, length=300, **{"jaeger-debug-id": "case-7"})], "health")

    def rows(self, count):
        self.page.wait(".trace-row", count)
        until(lambda: len(self.page.texts(".trace-row")) == count, f"{count} rows")
        return self.page.texts(".trace-row .name")

    def test_rows_show_root_services_errors_and_duration_newest_first(self):
        self.page.open()
        self.assertEqual(self.rows(3), ["shop GET /orders", "shop GET /orders", "health GET /health"])
        row = self.page.texts(".trace-row")[0]
        for shown in ("190 ms", "1 error", "4 spans", "shop2", "database1!", "mailer1"):
            self.assertIn(shown, row)

    def test_each_field_of_the_form_narrows_the_search(self):
        for fragment, count in (
            ("service=health", 1), ("service=shop&operation=charge", 2), ("tags=statement%3D%22insert+into+orders%22", 2),
            ("min=150ms", 1), ("max=1ms", 1), ("debug_id=case-7", 1), ("lookback=15m", 3), ("limit=1", 1), ("tags=statement%3Dother", 0),
        ):
            with self.subTest(fragment):
                self.page.open(f"#/search?{fragment}")
                self.page.wait("#service option", 4)
                self.rows(count)

    def test_the_form_becomes_the_fragment(self):
        self.page.open()
        self.page.wait("#service option", 4)
        self.page.run("document.querySelector('#service').value = 'health'")
        self.page.all("#tags")[0].send_keys("span.kind=server", Keys.ENTER)
        self.page.wait_fragment("/search?service=health&tags=span.kind%3Dserver")
        self.assertEqual(self.rows(1), ["health GET /health"])

    def test_a_wrong_duration_is_explained(self):
        self.page.open("#/search?min=soon")
        self.page.wait_text(".results .count", "a number with a unit")

    def test_rows_are_sorted_as_chosen(self):
        self.page.open("#/search?sort=longest")
        self.assertEqual(self.rows(3)[2], "health GET /health")
        self.page.run("const s = document.querySelector('.toolbar select'); s.value = 'shortest'; s.dispatchEvent(new Event('change'))")
        self.assertEqual(self.rows(3)[0], "health GET /health")

    def test_the_keyboard_alone_searches_and_opens_a_trace(self):
        self.page.open()
        self.rows(3)
        self.page.keys("j", "j", "k", Keys.ENTER)
        until(lambda: "#/trace/" in self.driver.current_url, "Enter opens the trace")
        self.assertTrue(self.driver.current_url.endswith(self.second))
        self.page.wait(".span-row", 4)
        self.page.keys("j", "j", "j", Keys.ENTER)
        self.page.wait_text(".details h2", "INSERT")
        self.page.keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
        until(lambda: len(self.page.texts(".span-row")) == 3, "a folded span hides what is below it")
        self.page.keys(Keys.ESCAPE)
        until(lambda: not self.page.run("return document.querySelector('.details').checkVisibility()"), "Esc closes the details")
        self.page.keys(Keys.ESCAPE)
        self.page.wait_fragment("/search")
        self.page.keys("?")
        until(lambda: self.page.run("return document.querySelector('#help').open"), "? shows the keys")
        self.page.keys(Keys.ESCAPE)
        self.page.keys("/")
        until(lambda: self.page.run("return document.activeElement.id") == "service", "/ goes to the form")


class Live(PageTest):
    def setUp(self):
        super().setUp()
        self.collector = Collector()
        self.page = Page(self.driver, self.collector)

    def tearDown(self):
        super().tearDown()
        self.driver.get("about:blank")
        self.collector.stop()

    def test_the_empty_state_names_the_true_ports_and_gives_way_to_the_first_trace(self):
        self.page.open()
        self.page.wait_text(".welcome", f"http://127.0.0.1:{self.collector.ports['otlp']}")
        for wanted in ('init("shop")', f"JAEGER_AGENT_PORT={self.collector.ports['udp_compact']}", f"127.0.0.1:{self.collector.ports['relay']}"):
            self.page.wait_text(".welcome", wanted)
        send_shop(self.collector, 0xB1)
        self.page.wait(".trace-row")
        self.page.wait_text("#footer", "4 received")

    def test_rows_stay_while_one_reads_and_new_ones_wait_behind_a_button(self):
        send_shop(self.collector, 0xB2, start=1_000_000)
        self.page.open()
        self.page.wait(".trace-row")
        self.page.keys("j")
        before = self.page.texts(".trace-row .id")
        send_shop(self.collector, 0xB3, start=2_000_000)
        self.page.wait_text(".newer", "1 new")
        self.assertEqual(self.page.texts(".trace-row .id"), before)
        self.page.click(".newer")
        until(lambda: len(self.page.texts(".trace-row")) == len(before) + 1, "the button shows the new trace")
        self.assertEqual(self.page.texts(".trace-row .id")[1:], before)

    def test_rows_stay_while_thousands_of_traces_arrive(self):
        send_shop(self.collector, 0xB7)
        self.page.open("#/search?limit=1000")
        self.page.wait(".trace-row")
        self.page.keys("j")
        before = self.page.texts(".trace-row .id")
        for at in range(20):
            self.collector.send([span(0xB70000 + at * 500 + i, 1, "tick", start=1_000_000 + at * 500 + i) for i in range(500)], "clock")
        until(lambda: self.collector.get("/api/status")["held"]["traces"] == 10_001, "10,001 traces are held")
        self.page.wait_text("#footer", "10,001 traces")
        self.page.wait_text(".newer", "1,000 new")
        self.assertEqual(self.page.texts(".trace-row .id"), before)
        self.page.wait_text(".trace-row.active", "GET /orders")
        self.page.click(".newer")
        self.page.wait_text(".results .count", "1,000 of 10,001 traces")
        self.page.wait(".trace-row", 5)
        self.assertLess(len(self.page.all("[role=row]")), 300)
        self.assertIn("tick", self.page.text(".trace-row"))

    def test_pause_keeps_the_rows_and_resume_shows_what_came(self):
        send_shop(self.collector, 0xB4, start=3_000_000)
        self.page.open()
        self.page.wait(".trace-row")
        self.page.click_text(".toolbar button", "Pause")
        before = self.page.texts(".trace-row .id")
        send_shop(self.collector, 0xB5, start=4_000_000)
        self.page.wait_text(".newer", "1 new")
        self.assertEqual(self.page.texts(".trace-row .id"), before)
        self.page.click_text(".toolbar button", "Resume")
        until(lambda: self.page.texts(".trace-row .id")[1:] == before, "the new trace stands before the others")

    def test_an_open_span_shows_and_its_finished_one_takes_its_place(self):
        self.collector.send([span(0xB6, 7, "long job", **{"picojaeger.unfinished": True})], "worker")
        self.page.open("#/open")
        self.page.wait_text(".open-row:not(.head)", "worker long job")
        self.collector.send([span(0xB6, 7, "long job")], "worker")
        self.page.wait_text(".none", "No open spans")
