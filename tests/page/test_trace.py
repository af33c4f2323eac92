"""One trace: waterfall, details, find, links, compare; and one of 10,000 spans."""

import tempfile
import urllib.request

from browser import WaitSamples, Keys, Page
from case import PageTest
from collector import Collector, send_big, send_shop, span, until

MOST_ROWS = 300
LONG_TASK_MS = 50
OPENINGS = 5
# Watches how many rows the document has at most.
COUNT_ROWS = """
window.mostRows = 0;
new MutationObserver(() => (mostRows = Math.max(mostRows, document.querySelectorAll("[role=row], tr").length)))
  .observe(document.querySelector("main"), { subtree: true, childList: true });
"""


class Trace(PageTest):
    @classmethod
    def send(cls):
        send_shop(cls.collector, 0xC1)
        send_shop(cls.collector, 0xC2, start=1_000_000, slow=True)
        cls.collector.send([span(0xC3, 9, "orphan", parent=8)], "shop")
        ids = {trace["id"].lstrip("0"): trace["id"] for trace in cls.collector.get("/api/search?limit=1000")["traces"]}
        cls.first, cls.second, cls.orphan = ids["c1"], ids["c2"], ids["c3"]

    def test_the_waterfall_lists_the_tree_with_levels_errors_and_durations(self):
        self.page.open(f"#/trace/{self.first}")
        self.page.wait(".span-row", 4)
        self.assertEqual(self.page.texts(".span-row .label"), ["shop GET /orders", "shop charge", "database INSERT", "mailer deliver"])
        levels = self.page.run("return [...document.querySelectorAll('.span-row')].map((row) => row.getAttribute('aria-level'))")
        self.assertEqual(levels, ["1", "2", "3", "2"])
        self.assertEqual(len(self.page.all(".span-row.is-error")), 1)
        self.assertIn("20 ms", self.page.texts(".span-row")[2])
        self.assertGreater(len(self.page.all(".critical")), 0)

    def test_details_show_tags_logs_process_and_references_as_links(self):
        self.page.open(f"#/trace/{self.first}")
        self.page.wait(".span-row", 4)
        self.page.click(".span-row", 2)
        for wanted in ("statementinsert into orders", "duplicate key", "Process"):
            self.page.wait_text(".details", wanted)
        self.page.click(".ref a")
        self.page.wait_text(".details h2", "shop charge")

    def test_a_deep_link_opens_the_trace_at_the_span(self):
        identity = self.collector.get(f"/api/trace/{self.first}")["spans"][3]["id"]
        self.page.open(f"#/trace/{self.first}/{identity}")
        self.page.wait_text(".details h2", "mailer deliver")
        self.page.wait_text(".span-row.active", "mailer deliver")

    def test_find_goes_from_match_to_match(self):
        self.page.open(f"#/trace/{self.first}")
        self.page.wait(".span-row", 4)
        self.page.keys("/", "shop", Keys.ENTER)
        self.page.wait_text(".find .count", "1/2")
        self.page.keys("n")
        self.page.wait_text(".find .count", "2/2")
        self.page.wait_text(".span-row.active", "shop charge")
        self.page.keys("N")
        self.page.wait_text(".find .count", "1/2")
        self.page.run("document.querySelector('#find').value = ''")
        self.page.keys("/", "duplicate key", Keys.ENTER)
        self.page.wait_text(".find .count", "1/1")
        self.page.wait_text(".span-row.is-match", "database INSERT")

    def test_a_missing_parent_stands_as_a_placeholder_over_its_children(self):
        self.page.open(f"#/trace/{self.orphan}")
        self.page.wait(".span-row", 2)
        self.page.wait_text(".span-row.is-missing", "missing span")
        self.assertEqual(self.page.texts(".span-row .label")[1], "shop orphan")

    def test_two_traces_compare_path_by_path(self):
        self.page.open("#/search")
        self.page.wait(".trace-row", 3)
        self.page.click(".trace-row input", 0)
        self.page.click(".trace-row input", 1)
        self.page.click_text(".toolbar a", "Compare the two")
        self.page.wait(".compare-row", 5)
        self.page.open(f"#/compare/{self.first}/{self.second}")
        self.page.wait_text(".toolbar .count", "B takes 70 ms more than A")
        rows = self.page.texts(".compare-row:not(.head)")
        self.assertEqual(len(rows), 4)
        self.assertIn("+70 ms", rows[3])
        self.assertIn("same", rows[1])

    def test_an_unknown_trace_is_explained(self):
        self.page.open("#/trace/dead")
        self.page.wait(".problem")
        self.assertNotEqual(self.page.text(".problem"), "")

    def test_the_map_and_its_table_show_the_calls_between_services(self):
        self.page.open("#/map")
        self.page.wait(".map-node", 3)
        self.assertEqual(sorted(name.split("\n")[0] for name in self.page.texts(".map-node title")), ["database", "mailer", "shop"])
        self.assertIn("shopdatabase22", self.page.text(".calls tbody").replace(" ", ""))

    def test_a_span_that_arrives_later_shows_in_the_open_trace(self):
        self.collector.send([span(0xC4, 1, "begin", length=50_000)], "shop")
        self.page.open(f"#/trace/{self.first.replace('c1', 'c4')}")
        self.page.wait(".span-row", 1)
        self.collector.send([span(0xC4, 2, "later", 1, 10_000, 5_000)], "shop")
        self.page.wait(".span-row", 2)
        self.assertEqual(self.page.texts(".span-row .label")[1], "shop later")


    def test_ids_and_links_are_copied(self):
        self.page.driver.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]})
        self.page.open(f"#/trace/{self.first}")
        self.page.wait(".span-row", 4)
        for label, wanted in (("Copy id", self.first), ("Copy link", f"{self.collector.url}/#/trace/{self.first}")):
            self.page.run("document.querySelector('.menu').open = true")
            self.page.click_text(".menu button", label)
            until(lambda: self.page.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0], arguments[0])") == wanted, label)

    def test_an_exported_file_is_imported_by_the_page(self):
        self.page.open(f"#/trace/{self.first}")
        self.page.wait(".span-row", 4)
        links = self.page.run("return [...document.querySelectorAll('.menu a')].map((link) => link.href)")
        self.assertEqual(len(links), 2)
        for link in links:
            other = Collector()
            self.addCleanup(other.stop)
            with tempfile.NamedTemporaryFile(suffix=".json") as file, urllib.request.urlopen(link) as answer:
                file.write(answer.read())
                file.flush()
                page = Page(self.driver, other).open()
                page.wait(".welcome")
                page.all("input[type=file]")[0].send_keys(file.name)
                page.wait_text(".trace-row", "4 spans")
                page.open(f"#/trace/{self.first}").wait(".span-row", 4)
                self.assertEqual(page.texts(".span-row .label")[2], "database INSERT")

    def test_the_choice_of_dark_or_light_stays(self):
        self.page.open("#/search")
        self.page.wait(".trace-row")
        paper = "return getComputedStyle(document.body).backgroundColor"
        light = self.page.run(paper)
        self.page.click("#theme")
        self.page.click("#theme")
        dark = self.page.run(paper)
        self.assertNotEqual(light, dark)
        self.page.open("#/search")
        self.assertEqual(self.page.run(paper), dark)
        self.page.click("#theme")
        self.assertEqual(self.page.run(paper), light)


class Big(PageTest):
    @classmethod
    def send(cls):
        send_big(cls.collector, 0xD1)
        until(lambda: cls.collector.get("/api/status")["held"]["spans"] >= 10_000, "10,000 spans are held")
        cls.trace = cls.collector.get("/api/search?limit=1")["traces"][0]["id"]

    def scroll_through(self):
        height = self.page.run("return document.querySelector('.spans').scrollHeight")
        for part in range(40):
            self.page.run("document.querySelector('.spans').scrollTop = arguments[0]", height * part / 40)
            self.page.driver.execute_async_script("const done = arguments[0]; requestAnimationFrame(() => setTimeout(done, 20))")

    def opened_and_scrolled(self):
        """Opens the trace from the search, scrolls through it, and returns its long tasks (time, time without a CPU) and its rows."""
        self.page.open()
        self.page.wait(".trace-row")
        self.page.driver.execute_async_script("setTimeout(arguments[0], 500)")
        with WaitSamples(self.page.driver) as samples:
            self.page.run(COUNT_ROWS)
            self.page.run("longTasks.length = 0; location.hash = arguments[0]", f"#/trace/{self.trace}")
            self.page.wait_text(".facts", "10,000 spans")
            self.page.wait(".span-row", 10)
            self.scroll_through()
            tasks = self.page.run("return longTasks.map(({ start, time }) => [start, time])")
        self.assertGreater(len(samples.samples), 20, "the page's thread was watched")
        return [(round(time), round(samples.within(start, time))) for start, time in tasks], self.page.run("return mostRows")

    def test_a_trace_of_10000_spans_opens_and_scrolls_without_a_long_task(self):
        # By the browser's own entries, less the time in which the page's thread was ready and other processes had the CPUs:
        # on a machine with nothing else to do that is none. A first opening also compiles the script.
        tried = []
        for _ in range(OPENINGS):
            long_tasks, rows = self.opened_and_scrolled()
            self.assertLessEqual(rows, MOST_ROWS)
            own = max((time - waited for time, waited in long_tasks), default=0)
            tried.append(f"{len(long_tasks)} long tasks, the longest {max(long_tasks, default=(0, 0))[0]} ms of the clock and {own} ms without waiting")
            if own <= LONG_TASK_MS:
                break
        print(tried, end=" ", flush=True)
        self.assertLessEqual(own, LONG_TASK_MS, f"each of {OPENINGS} openings had a task over 50 ms: {tried}")

    def test_a_long_task_is_found(self):
        self.page.open().wait(".trace-row")
        with WaitSamples(self.page.driver) as samples:
            self.page.run("longTasks.length = 0; setTimeout(() => { const end = performance.now() + 1500; while (performance.now() < end); }, 50)")
            (task,) = until(lambda: self.page.run("return longTasks.filter(({ time }) => time > 1000).map(({ start, time }) => [start, time])"), "the task is seen")
        self.assertGreater(task[1] - samples.within(*task), LONG_TASK_MS)

    def test_find_in_10000_spans_reaches_the_last(self):
        self.page.open(f"#/trace/{self.trace}")
        self.page.wait(".span-row", 10)
        self.page.keys("/", "peer-3", Keys.ENTER)
        self.page.wait_text(".find .count", "1/1,429")
        self.page.keys("N")
        self.page.wait_text(".find .count", "1,429/1,429")
        self.page.wait(".span-row.is-match.active")
