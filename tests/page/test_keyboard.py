"""Everything by the keyboard alone."""

from browser import Keys
from collector import until
from views import AllViews

# Each control that can be seen, except what stands in a row: the list's own keys do that.
CONTROLS = """
  const controls = "a[href], button, input:not([type=file]), select, summary, [tabindex]:not([tabindex='-1'])";
  return [...document.querySelectorAll(controls)].filter((node) => node.checkVisibility() && !node.closest("[data-index], dialog:not([open])"));
"""
FOCUSED = "return document.activeElement"
# Notes what gets the focus, and whether one sees that it has it.
FOLLOW = """
  window.reached = new Map();
  document.activeElement.blur();
  document.addEventListener("focusin", ({ target }) => {
    const seen = target.matches(":focus-visible") && (getComputedStyle(target).outlineStyle !== "none" || target.matches(".map-node"));
    reached.set(target, seen);
  });
"""
REACHED = "return [...reached].map(([node, seen]) => [node, seen])"
WINDOW = "return [...document.querySelectorAll('.minimap-edge')].map((edge) => Number(edge.getAttribute('aria-valuenow')))"


class Keyboard(AllViews):
    def test_tab_reaches_each_control_of_each_view_and_shows_the_focus(self):
        for name in self.each_view():
            if name == "keys":
                continue
            with self.subTest(name):
                wanted = self.page.run(CONTROLS)
                self.assertGreater(len(wanted), 6)
                self.page.run(FOLLOW)
                self.page.keys(*[Keys.TAB] * (len(wanted) + 3))
                reached = dict(self.page.run(REACHED))
                self.assertEqual([node.get_attribute("outerHTML")[:150] for node in wanted if node not in reached], [], "not reached")
                self.assertEqual([node.get_attribute("outerHTML")[:150] for node in wanted if not reached[node]], [], "the focus does not show")

    def test_what_takes_the_pointer_takes_the_keyboard(self):
        # An element with a cursor for the pointer is a control, within one, or in a row of a list, which has keys of its own.
        mice = """
          return [...document.querySelectorAll("main *")].filter((node) => node.checkVisibility() && ["pointer", "ew-resize", "col-resize"].includes(getComputedStyle(node).cursor) &&
            !node.closest("a[href], button, input, select, label, summary, [tabindex='0'], .minimap")).map((node) => node.outerHTML.slice(0, 150));
        """
        for name in self.each_view():
            with self.subTest(name):
                self.assertEqual(self.page.run(mice), [])

    def test_the_window_of_the_minimap_zooms_and_moves_by_keys(self):
        self.page.open(f"#/trace/{self.first}").wait(".span-row", 4)
        self.assertEqual(self.page.run(WINDOW), [0, 100])
        self.page.keys("+", "+")
        first = self.page.run(WINDOW)
        self.assertTrue(0 < first[0] < first[1] < 100, first)
        self.page.keys("l")
        later = self.page.run(WINDOW)
        self.assertTrue(later[0] > first[0] and later[1] > first[1], later)
        self.page.keys("h", "h")
        self.assertLess(self.page.run(WINDOW)[0], later[0])
        self.page.keys("-")
        self.assertGreater(self.page.run(WINDOW)[1] - self.page.run(WINDOW)[0], first[1] - first[0])
        self.page.keys("0")
        self.assertEqual(self.page.run(WINDOW), [0, 100])
        self.page.keys("j", "j", "j", "z")
        # INSERT is 10 to 30 ms of 120 ms.
        from_part, to_part = self.page.run(WINDOW)
        self.assertTrue(5 <= from_part <= 9 and 24 <= to_part <= 28, (from_part, to_part))
        self.assertEqual(self.page.text(".ticks span"), "9 ms")

    def test_the_edges_of_the_minimap_are_sliders(self):
        self.page.open(f"#/trace/{self.first}").wait(".span-row", 4)
        self.page.run("document.querySelector('.minimap-edge.from').focus()")
        self.page.keys(Keys.PAGE_UP, Keys.ARROW_RIGHT)
        self.assertEqual(self.page.run(WINDOW), [11, 100])
        self.page.keys(Keys.TAB, Keys.PAGE_DOWN)
        self.assertEqual(self.page.run(WINDOW), [11, 90])
        self.page.keys(Keys.HOME)
        self.assertEqual(self.page.run(WINDOW), [11, 12])
        self.page.keys("0")
        self.assertEqual(self.page.run(WINDOW), [0, 100])

    def test_two_traces_are_chosen_and_compared(self):
        self.page.open("#/search").wait(".trace-row", 3)
        self.page.keys("j", "j", "c", "j", "c")
        until(lambda: len(self.page.all(".trace-row input:checked")) == 2, "both are chosen")
        self.page.keys("c")
        until(lambda: len(self.page.all(".trace-row input:checked")) == 1, "the key takes the choice back")
        self.page.keys("c")
        link = self.page.wait(".toolbar a.primary[href]")[0]
        for _ in range(30):
            self.page.keys(Keys.SHIFT, Keys.TAB, Keys.NULL)
            if self.page.run(FOCUSED) == link:
                break
        self.page.keys(Keys.ENTER)
        self.page.wait(".compare-row", 2)

    def test_escape_leads_back_to_the_search_and_to_the_row_that_was_opened(self):
        fragment = "#/search?service=shop"
        self.page.open(fragment).wait(".trace-row", 2)
        self.page.keys("j", "j", Keys.ENTER)
        self.page.wait(".span-row", 4)
        self.page.keys(Keys.ESCAPE)
        self.page.wait_fragment("/search?service=shop")
        self.page.wait(".trace-row.active[data-index='1']")
        self.assertEqual(self.page.run("return document.activeElement.className"), "rows traces")
        for view in ("#/map", "#/losses", "#/open", f"#/compare/{self.first}/{self.second}"):
            self.page.run("location.hash = arguments[0]", view)
            self.page.wait(f"main[data-view={view[2:].split('/')[0]}]")
            self.page.wait("main > *")
            self.page.keys(Keys.ESCAPE)
            self.page.wait_fragment("/search?service=shop")

    def test_escape_closes_the_menu_the_details_and_the_statistics_one_after_the_other(self):
        self.page.open(f"#/trace/{self.first}").wait(".span-row", 4)
        self.page.keys("j", Keys.ENTER)
        self.page.wait(".details h2")
        self.page.run("document.querySelector('.menu > summary').focus()")
        self.page.keys(Keys.ENTER)
        self.assertTrue(self.page.run("return document.querySelector('.menu').open"))
        self.page.keys(Keys.ESCAPE)
        self.assertFalse(self.page.run("return document.querySelector('.menu').open"))
        self.assertTrue(self.page.run("return document.querySelector('.details').checkVisibility()"))
        self.page.keys(Keys.ESCAPE)
        self.assertFalse(self.page.run("return document.querySelector('.details').checkVisibility()"))
        self.page.keys("s")
        self.assertTrue(self.page.run("return document.querySelector('.statistics').checkVisibility()"))
        self.page.keys(Keys.ESCAPE)
        self.assertFalse(self.page.run("return document.querySelector('.statistics').checkVisibility()"))
        self.assertIn("#/trace/", self.driver.current_url)

    def test_keys_do_nothing_while_one_types(self):
        self.page.open(f"#/trace/{self.first}").wait(".span-row", 4)
        self.page.keys("/", "jkszhl0+-?nN/c")
        self.assertEqual(self.page.run("return document.querySelector('#find').value"), "jkszhl0+-?nN/c")
        self.assertEqual(self.page.run(WINDOW), [0, 100])
        self.assertFalse(self.page.run("return document.querySelector('#help').open || document.querySelector('.statistics').checkVisibility()"))
        self.page.keys(Keys.ESCAPE)
        self.assertEqual(self.page.run("return document.querySelector('#find').value"), "")
        self.assertIn("#/trace/", self.driver.current_url)

    def test_the_active_row_leads_the_details(self):
        self.page.open(f"#/trace/{self.first}").wait(".span-row", 4)
        self.page.keys("j", Keys.ENTER)
        self.page.wait_text(".details h2", "GET /orders")
        self.page.keys("j")
        self.page.wait_text(".details h2", "charge")
        self.page.keys(Keys.ARROW_DOWN)
        self.page.wait_text(".details h2", "INSERT")
        self.page.wait(".span-row.active[data-index='2']")
