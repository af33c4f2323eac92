"""The colours of services: one rule in the page and in the terminal."""

import json
import pathlib

from case import PageTest
from collector import span

HERE = pathlib.Path(__file__).parent
SOURCE = HERE.parents[1] / "std-adapter/src/collector_server/page/script/colours.js"
CASES = json.loads((HERE / "colours.json").read_text())["cases"]


class Colours(PageTest):
    @classmethod
    def send(cls):
        cls.wanted = max((case for case in CASES if len(case["services"]) <= 6 and all(case["services"])), key=lambda case: len(case["services"]))
        for at, service in enumerate(cls.wanted["services"], 1):
            cls.collector.send([span(0x71, at, "work", 1 if at > 1 else None)], service)

    def test_the_script_gives_the_colours_of_the_table(self):
        self.page.open()
        script = "const remembered = () => null, byId = (id) => document.getElementById(id);" + SOURCE.read_text()
        places = self.page.run(script + "return arguments[0].map((names) => { const found = coloursOf(names); return names.map((name) => found.get(name)); })",
                               [case["services"] for case in CASES])
        self.assertGreater(len(CASES), 5)
        for case, found in zip(CASES, places):
            self.assertEqual(found, case["colours"], case["services"])

    def test_search_and_trace_show_the_same_colours_which_are_those_of_the_table(self):
        hues = "return Object.fromEntries([...document.querySelectorAll('.chip')].map((chip) => [chip.querySelector('bdi').textContent, Number(chip.style.getPropertyValue('--hue'))]))"
        source = SOURCE.read_text()
        self.page.open().wait(".trace-row .chip", len(self.wanted["services"]))
        palette = self.page.run("const remembered = () => null, byId = (id) => document.getElementById(id);" + source + "return ALL_HUES")
        wanted = {service: palette[place] for service, place in zip(self.wanted["services"], self.wanted["colours"])}
        self.assertEqual(self.page.run(hues), wanted)
        self.page.open(f"#/trace/{0x71:x}").wait(".span-row", len(wanted))
        self.assertEqual(self.page.run(hues), wanted)
        rows = self.page.run("return Object.fromEntries([...document.querySelectorAll('.span-row')].map((row) => [row.querySelector('b').textContent, Number(row.style.getPropertyValue('--hue'))]))")
        self.assertEqual(rows, wanted)
