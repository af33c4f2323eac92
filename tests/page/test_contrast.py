"""Contrast, motion, and narrow or enlarged windows."""

import pathlib
import re

import browser
from collector import until
from test_colours import SOURCE
from views import AllViews

CONTRAST = (pathlib.Path(__file__).parent / "contrast.js").read_text()


class Looks(AllViews):
    def test_text_bars_and_fields_of_each_view_have_contrast_in_dark_and_light(self):
        for dark in (False, True):
            browser.emulate(self.driver, 1280, 1400, dark)
            for name in self.each_view():
                judged = self.page.run(CONTRAST)
                with self.subTest(f"{name}, {'dark' if dark else 'light'}"):
                    self.assertGreater(judged["texts"], 20, "the texts were found")
                    self.assertEqual("\n".join(judged["found"]), "")

    def test_each_colour_of_a_service_has_contrast(self):
        hues = [int(hue) for line in re.findall(r"HUES = \[([\d, ]+)\]", SOURCE.read_text()) for hue in line.split(",")]
        self.assertEqual(len(hues), 14)
        turn = "document.querySelectorAll('main [style*=\"--hue\"]').forEach((node) => node.style.setProperty('--hue', arguments[0]))"
        for dark in (False, True):
            browser.emulate(self.driver, 1280, 800, dark)
            for fragment, selector in (("#/search", ".trace-row"), (f"#/trace/{self.first}", ".span-row")):
                self.page.open(fragment).wait(selector)
                for hue in hues:
                    with self.subTest(f"{fragment}, hue {hue}, {'dark' if dark else 'light'}"):
                        self.page.run(turn, hue)
                        self.assertEqual("\n".join(self.page.run(CONTRAST)["found"]), "")

    def test_faint_text_and_a_faint_bar_are_found(self):
        self.page.open(f"#/trace/{self.first}").wait(".span-row")
        self.page.run("document.querySelector('.facts').style.color = '#bbb'; document.querySelector('.span-bar').style.background = '#ddd'")
        found = self.page.run(CONTRAST)["found"]
        self.assertTrue(any(line.startswith("text") for line in found), found)
        self.assertTrue(any(line.startswith("shape") for line in found), found)

    def test_nothing_moves_where_the_system_asks_for_reduced_motion(self):
        for reduced in (False, True):
            browser.emulate(self.driver, 1280, 800, reduced_motion=reduced)
            self.page.open("#/search").wait(".trace-row")
            self.page.keys("c")
            moving = self.page.run("return document.getAnimations().length")
            self.assertEqual(moving == 0, reduced, f"{moving} animations")
            if reduced:
                for _ in self.each_view():
                    self.assertEqual(self.page.run("return document.getAnimations().length"), 0)

    def test_no_view_is_wider_than_a_narrow_or_an_enlarged_window(self):
        # 1280 × 800 at 200 %, a phone, and 1280 × 1024 at 400 %.
        for name in self.each_view():
            for width, height in ((640, 400), (400, 760), (320, 256)):
                browser.emulate(self.driver, width, height)
                with self.subTest(f"{name} at {width}"):
                    until(lambda: self.page.run("return innerWidth") == width, "the window has its size")
                    self.assertLessEqual(self.page.run("return document.documentElement.scrollWidth - innerWidth"), 0)

    def test_the_rows_keep_room_in_an_enlarged_window(self):
        for width, height in ((640, 400), (320, 256)):
            browser.emulate(self.driver, width, height)
            for fragment, rows in (("#/search", ".traces"), (f"#/trace/{self.first}", ".spans")):
                self.page.open(fragment).wait(f"{rows} [data-index]")
                self.assertGreaterEqual(self.page.run("return document.querySelector(arguments[0]).clientHeight", rows), 100, f"{fragment} at {width}")
