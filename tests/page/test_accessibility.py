"""What screen readers get, by the accessibility tree of the browser."""

from browser import Keys
from collector import send_big, send_shop, span, until
from tree import faults, tree
from views import AllViews

# Counts what the live regions say, from now on.
HEAR = """
window.heard = [];
new MutationObserver((records) => {
  for (const { target } of records) {
    const region = (target.nodeType === 1 ? target : target.parentElement)?.closest("[role=status], [role=alert], [aria-live]");
    if (region && region.textContent) heard.push(region.textContent);
  }
}).observe(document.documentElement, { subtree: true, childList: true, characterData: true });
"""


class ScreenReaders(AllViews):
    def nodes(self, role):
        return [node for node in tree(self.driver) if node.role == role]

    def test_each_view_has_names_roles_headings_and_landmarks(self):
        for name in self.each_view():
            if name == "keys":
                continue  # A modal dialog hides the rest: see its own test.
            with self.subTest(name):
                self.assertEqual(faults(tree(self.driver)), [])

    def test_planted_faults_are_found(self):
        plants = {
            "document.querySelector('#theme').removeAttribute('aria-label'); document.querySelector('#theme').textContent = ''; document.querySelector('#theme').title = ''": "no name: button",
            "document.querySelector('.facts').tabIndex = 0": "no role",
            "document.querySelector('h1').remove()": "0 headings",
            "document.querySelector('main').setAttribute('role', 'none'); document.querySelector('main').removeAttribute('aria-label'); document.querySelector('main').removeAttribute('tabindex')": "0 × main",
            "document.querySelector('.minimap-edge').removeAttribute('aria-label')": "no name: slider",
            "document.querySelector('.spans').removeAttribute('aria-label')": "no name: treegrid",
        }
        for script, wanted in plants.items():
            with self.subTest(wanted):
                self.page.open(f"#/trace/{self.first}").wait(".span-row", 4)
                self.page.run(script)
                self.assertTrue(any(fault.startswith(wanted) for fault in faults(tree(self.driver))), faults(tree(self.driver)))

    def test_the_waterfall_is_a_tree_grid_with_levels_folds_and_the_active_row(self):
        self.page.open(f"#/trace/{self.first}").wait(".span-row", 4)
        self.page.keys("j", "j")
        (grid,) = self.nodes("treegrid")
        self.assertTrue(grid.properties.get("focused"), grid)
        rows = [node for node in self.nodes("row") if "level" in node.properties]
        self.assertEqual([row.properties["level"] for row in rows], [1, 2, 3, 2])
        self.assertEqual([row.properties.get("expanded") for row in rows], [True, True, None, None])
        self.assertEqual([row.properties.get("selected") for row in rows].count(True), 1)
        self.assertIn("INSERT", rows[2].name)
        self.assertIn("error", rows[2].name)
        places = self.page.run("return [...document.querySelectorAll('.span-row')].map((row) => [row.ariaPosInSet, row.ariaSetSize, row.ariaRowIndex])")
        self.assertEqual(places, [["1", "1", "2"], ["1", "2", "3"], ["1", "1", "4"], ["2", "2", "5"]])
        self.page.keys(Keys.ARROW_LEFT)
        self.page.wait_text(".span-row[aria-expanded=false]", "charge")
        self.assertEqual(self.page.run("return document.querySelector('.spans').ariaRowCount"), "4")
        active = "return document.getElementById(document.activeElement.getAttribute('aria-activedescendant')).textContent"
        self.assertIn("charge", self.page.run(active))

    def test_rows_out_of_sight_count_in_a_long_trace(self):
        send_big(self.collector, 0x5B, 2000)
        until(lambda: self.collector.get("/api/status")["held"]["spans"] >= 2000, "the spans are held")
        self.page.open(f"#/trace/{0x5B:x}")
        self.page.wait(".span-row", 10)
        self.page.keys("j", Keys.END)
        self.page.wait(".span-row.active[aria-rowindex='2001']")
        self.assertEqual(self.page.run("return document.querySelector('.spans').ariaRowCount"), "2001")
        right = """
          const rows = [...document.querySelectorAll(".span-row")];
          return rows.every((row) => Number(row.ariaRowIndex) === Number(row.dataset.index) + 2 && Number(row.ariaPosInSet) <= Number(row.ariaSetSize));
        """
        self.assertTrue(self.page.run(right))
        self.assertIsNotNone(self.page.run("return document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))"))

    def test_live_updates_are_not_told_and_what_one_asks_for_is(self):
        self.page.open("#/search").wait(".trace-row")
        self.page.run(HEAR)
        for at in range(6):
            send_shop(self.collector, 0x5C00 + at, start=2_000_000 + at)
            self.page.wait_text("#footer", self.received())
        self.page.wait_text(".results .count", str(len(self.collector.get("/api/search?limit=1000")["traces"])))
        self.assertEqual(self.page.run("return heard"), [])
        self.page.all("#tags")[0].send_keys("statement=none", Keys.ENTER)
        until(lambda: self.page.run("return heard.includes('0 traces')"), "the count of a search is told")
        polite = self.page.run("return [...document.querySelectorAll('[role=status]')].every((region) => region.ariaLive !== 'assertive')")
        self.assertTrue(polite)

    def received(self):
        return f"{self.collector.get('/api/status')['received']['spans']:,} received"

    def test_the_keys_are_a_dialog_that_keeps_and_returns_the_focus(self):
        self.page.open("#/search").wait(".trace-row")
        self.page.keys("j")
        before = self.page.run("return document.activeElement.getAttribute('aria-label')")
        self.page.keys("?")
        (dialog,) = until(lambda: self.nodes("dialog"), "the dialog is in the tree")
        self.assertEqual(dialog.name, "Keys")
        self.assertTrue(dialog.properties.get("modal"), dialog)
        for _ in range(6):
            self.page.keys(Keys.TAB)
            self.assertTrue(self.page.run("return document.activeElement === document.body || document.activeElement.closest('#help') !== null"))
        self.page.keys("j", Keys.ESCAPE)
        until(lambda: not self.page.run("return document.querySelector('#help').open"), "Esc closes the dialog")
        self.assertEqual(self.page.run("return document.activeElement.getAttribute('aria-label')"), before)

    def test_a_table_tells_by_which_column_it_is_sorted(self):
        self.page.open("#/map").wait(".calls td")
        sorts = "return [...document.querySelectorAll('.calls th')].map((head) => head.ariaSort)"
        self.assertEqual(self.page.run(sorts), [None, None, "descending", None, None])
        self.page.click(".sorter", 1)
        self.assertEqual(self.page.run(sorts), [None, "ascending", None, None, None])
        cells = self.page.texts(".calls td:nth-child(2)")
        self.assertEqual(cells, sorted(cells))
        self.page.click(".sorter", 1)
        self.assertEqual(self.page.run(sorts)[1], "descending")
        self.assertEqual(self.page.texts(".calls td:nth-child(2)"), sorted(cells, reverse=True))

    def test_the_focus_outlives_what_a_live_update_draws_anew(self):
        trace = 0x5D
        self.collector.send([span(trace, 1, "begin", length=50_000)], "shop")
        cases = ((f"#/trace/{trace:x}/{1:x}", ".details [title='Copy value']"), (f"#/trace/{trace:x}", ".summary .chip"),
                 ("#/map", ".map-node"), ("#/map", ".sorter"), ("#/search", ".trace-row input"))
        for at, (fragment, selector) in enumerate(cases):
            with self.subTest(selector):
                self.page.open(fragment)
                until(lambda: self.page.run("return document.querySelector(arguments[0])?.checkVisibility()", selector), f"{selector} shows")
                self.page.run("window.old = document.querySelector(arguments[0]); old.focus()", selector)
                self.collector.send([span(trace, 10 + at, "later", 1, 10_000, 5_000, error=True)], "shop")
                self.collector.send([span(trace, 20 + at, "far", 10 + at, 10_000, 5_000)], f"new-{at}")
                self.page.wait_text("#footer", self.received())
                if selector != ".sorter":
                    until(lambda: not self.page.run("return old.isConnected"), "what had the focus was drawn anew")
                self.assertTrue(self.page.run("return document.activeElement.matches(arguments[0])", selector), self.page.run("return document.activeElement.outerHTML.slice(0, 200)"))
